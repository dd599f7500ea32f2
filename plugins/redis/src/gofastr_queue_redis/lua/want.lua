-- Which lines a claimer wants, from a cursor over ARGV: four lists, types, not_types, lanes,
-- not_lanes, each a count and names; a count of -1 means every one.

local function names_at(cursor)
  local count = tonumber(ARGV[cursor])
  if count < 0 then
    return nil, cursor + 1, 0
  end
  local names = {}
  for place = cursor + 1, cursor + count do
    names[ARGV[place]] = true
  end
  return names, cursor + 1 + count, count
end

local FEW = 32 -- lines that are sooner asked for by name than found among all

-- Return what tells whether a line is wanted, with `lines`, those that may be, where they are few.
local function want_at(cursor)
  local want, types, lanes = {}, 0, 0
  want.types, cursor, types = names_at(cursor)
  want.not_types, cursor = names_at(cursor)
  want.lanes, cursor, lanes = names_at(cursor)
  want.not_lanes, cursor = names_at(cursor)
  want.everything = not (want.types or want.not_types or want.lanes or want.not_lanes)
  if want.types and want.lanes and types * lanes <= FEW then
    want.lines = {}
    for type in pairs(want.types) do
      for lane in pairs(want.lanes) do
        want.lines[#want.lines + 1] = lane .. '\0' .. type .. '\0'
      end
    end
  end
  return want, cursor
end

local function admits(want, line)
  if want.everything then
    return true
  end
  local lane, type = string.match(line, '^(%Z*)%z(%Z*)')
  return (not want.types or want.types[type] ~= nil)
    and not (want.not_types and want.not_types[type])
    and (not want.lanes or want.lanes[lane] ~= nil)
    and not (want.not_lanes and want.not_lanes[lane])
end

local function of_rank(line, rank)
  return {
    line = line,
    major = tonumber(string.sub(rank, 1, 8), 16),
    minor = tonumber(string.sub(rank, 9, 20), 16),
  }
end

local function named_lines(want, limit)
  local found = {}
  for _, line in ipairs(want.lines) do
    local head = admits(want, line) and head_of(line)
    if head then
      found[#found + 1] = of_rank(line, string.sub(head, #line + 1, #line + 20))
    end
  end
  table.sort(found, less)
  while #found > limit do
    found[#found] = nil
  end
  return found
end

local HEADS_AT_ONCE = 100

-- Return up to `limit` wanted lines, the one with the best head first: no other line can hold one
-- of the best `limit` jobs.
local function wanted_lines(want, limit)
  if want.lines then
    return named_lines(want, limit)
  end
  local found, start = {}, 0
  while #found < limit do
    local heads = redis.call('ZRANGE', HEADS, start, start + HEADS_AT_ONCE - 1)
    for _, head in ipairs(heads) do
      local line = string.sub(head, 21)
      if admits(want, line) then
        found[#found + 1] = of_rank(line, head)
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
