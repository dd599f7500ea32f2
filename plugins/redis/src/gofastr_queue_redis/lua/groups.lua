-- Jobs by place, in groups of one letter and line: those of `places`, and n for what is ready at
-- the usual priority, which `ready` holds by place.

local function next_group(letter, from, before)
  local member = redis.call('ZRANGEBYLEX', PLACES, from, before, 'LIMIT', 0, 1)[1]
  return member and string.match(member, '^(%Z*%z%Z*%z)', 2)
end

-- Visit every line that has jobs of a letter; `lane` and `type` are nil for every one.
local function lines_of(letter, lane, type, visit)
  if lane and type then
    visit(lane .. '\0' .. type .. '\0')
    return
  end
  local from, before = '[' .. letter, '(' .. letter .. '\255'
  if lane then
    from, before = from .. lane .. '\0', '(' .. letter .. lane .. '\1'
  end
  local line = next_group(letter, from, before)
  while line do
    if not type or type == string.match(line, '%z(%Z*)') then
      visit(line)
    end
    line = next_group(letter, '(' .. letter .. end_of(line), before)
  end
end

-- As `lines_of`, for what is ready.
local function ready_lines(lane, type, visit)
  if lane and type then
    visit(lane .. '\0' .. type .. '\0')
    return
  end
  for _, head in ipairs(redis.call('ZRANGE', HEADS, 0, -1)) do
    local line = string.sub(head, 21)
    local lane_of, type_of = string.match(line, '^(%Z*)%z(%Z*)')
    if (not lane or lane == lane_of) and (not type or type == type_of) then
      visit(line)
    end
  end
end

-- The set and the beginning of the members of a group.
local function group_of(letter, line)
  if letter == 'n' then
    return READY, line .. NORMAL
  end
  return PLACES, letter .. line
end

local LAST = 'g' -- after each hex digit

local function first_of(letter, line)
  local set, start = group_of(letter, line)
  local member =
    redis.call('ZRANGEBYLEX', set, '[' .. start, '(' .. start .. LAST, 'LIMIT', 0, 1)[1]
  if member then
    return tonumber(string.sub(member, #start + 1, #start + 12), 16),
      string.sub(member, #start + 13)
  end
end
