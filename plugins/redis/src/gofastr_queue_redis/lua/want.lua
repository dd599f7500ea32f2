-- Which lines a claimer wants, from a cursor over ARGV: four lists, types, not_types, lanes,
-- not_lanes, each a count and names; a count of -1 means every one.

local function names_at(cursor)
  local count = tonumber(ARGV[cursor])
  if count < 0 then
    return nil, cursor + 1
  end
  local names = {}
  for place = cursor + 1, cursor + count do
    names[ARGV[place]] = true
  end
  return names, cursor + 1 + count
end

local function want_at(cursor)
  local types, not_types, lanes, not_lanes
  types, cursor = names_at(cursor)
  not_types, cursor = names_at(cursor)
  lanes, cursor = names_at(cursor)
  not_lanes, cursor = names_at(cursor)
  local everything = not (types or not_types or lanes or not_lanes)
  return function(line)
    if everything then
      return true
    end
    local lane, type = string.match(line, '^(%Z*)%z(%Z*)')
    return (not types or types[type] ~= nil)
      and not (not_types and not_types[type])
      and (not lanes or lanes[lane] ~= nil)
      and not (not_lanes and not_lanes[lane])
  end,
    cursor
end

local HEADS_AT_ONCE = 100

-- Return up to `limit` wanted lines, the one with the best head first: no other line can hold one
-- of the best `limit` jobs.
local function wanted_lines(admits, limit)
  local found, start = {}, 0
  while #found < limit do
    local heads = redis.call('ZRANGE', HEADS, start, start + HEADS_AT_ONCE - 1)
    for _, head in ipairs(heads) do
      local line = string.sub(head, 21)
      if admits(line) then
        found[#found + 1] = {
          line = line,
          major = tonumber(string.sub(head, 1, 8), 16),
          minor = tonumber(string.sub(head, 9, 20), 16),
        }
        if #found == limit then
          break
        end
      end
    end
    if #heads < HEADS_AT_ONCE then
      break
    end
    start = start + HEADS_AT_ONCE
  end
  return found
end
