-- Errors of attempts: attempt NUL moment NUL text NUL for each, the newest 20 kept.

local KEPT = 20

local function with_error(errors, attempt, text)
  errors = (errors or '') .. string.format('%.0f', attempt) .. '\0' .. NOW .. '\0' .. text .. '\0'
  local _, ends = string.gsub(errors, '%z', '')
  for _ = KEPT + 1, ends / 3 do
    errors = string.match(errors, '^%Z*%z%Z*%z%Z*%z(.*)$')
  end
  return errors
end
