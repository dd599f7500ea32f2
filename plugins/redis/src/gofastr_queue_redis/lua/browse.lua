-- uses: keys clock writes state lines merge groups
-- Return a page of jobs by place: the place to go on from, '' at the end, then id, body, state,
-- errors of each. Arguments: whether the latest come first, letters of groups, lane and type with
-- '=' before them or '' for every one, created before, place to go on from, limit, how many to
-- look at.

local latest, letters = ARGV[2] == 'latest', ARGV[3]
local lane, type_ = string.match(ARGV[4], '^=(.*)$'), string.match(ARGV[5], '^=(.*)$')
local older, cursor, limit, budget = ARGV[6], ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])

local function fetching(set, start)
  if latest then
    return function(last, count)
      local from = last and '(' .. last or '(' .. start .. (cursor ~= '' and cursor or LAST)
      return redis.call('ZREVRANGEBYLEX', set, from, '[' .. start, 'LIMIT', 0, count)
    end
  end
  return function(last, count)
    local from = last and '(' .. last
      or (cursor ~= '' and '(' .. start .. cursor .. '\255' or '[' .. start)
    return redis.call('ZRANGEBYLEX', set, from, '(' .. start .. LAST, 'LIMIT', 0, count)
  end
end

local sources = {}

local function add(letter, line)
  local set, start = group_of(letter, line)
  local source = { start = start, least = 1, most = limit, fetch = fetching(set, start) }
  source.key = function(member)
    local place = tonumber(string.sub(member, #start + 1, #start + 12), 16)
    return latest and -place or place, 0
  end
  if advance(source) then
    sources[#sources + 1] = source
  end
end

for letter in string.gmatch(letters, '.') do
  (letter == 'n' and ready_lines or function(...)
    lines_of(letter, ...)
  end)(lane, type_, function(line)
    add(letter, line)
  end)
end
table.sort(sources, less)

local page, looked, last, more = {}, 0, '', false
merge(sources, function(source, member)
  if #page == limit or looked == budget then
    more = true
    return false
  end
  looked = looked + 1
  local start = #source.start
  last = string.sub(member, start + 1, start + 12)
  local id = string.sub(member, start + 13)
  local body = redis.call('HGET', JOBS, id)
  if body and (older == '' or earlier(created_of(body), older)) then
    local state, errors = redis.call('HGET', STATE, id), redis.call('HGET', ERRORS, id)
    page[#page + 1] = { id, body, state or '', errors or '' }
  end
  return true
end)
return { more and last or '', unpack(page) }
