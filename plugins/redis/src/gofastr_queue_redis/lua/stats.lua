-- uses: keys clock writes state lines groups
-- Count the jobs of each status, lane and type: return letter, lane, type, count, and when the
-- first of them was created.

local counts, known = {}, {}

local function add(status, letter, line, count)
  local place, id = first_of(letter, line)
  local key = status .. line
  local entry = known[key]
  if entry == nil then
    entry = { status = status, line = line, count = 0 }
    known[key] = entry
    counts[#counts + 1] = entry
  end
  entry.count = entry.count + count
  if place and (entry.place == nil or place < entry.place) then
    entry.place, entry.id = place, id
  end
end

local function size_of(set, start, last)
  return redis.call('ZLEXCOUNT', set, '[' .. start, '(' .. last)
end

ready_lines(nil, nil, function(line)
  add('p', 'n', line, size_of(READY, line, end_of(line)))
end)
for letter, status in pairs({ r = 'p', l = 'p', c = 'c', f = 'f' }) do
  lines_of(letter, nil, nil, function(line)
    local counted = letter == 'r' and 0 or size_of(PLACES, letter .. line, letter .. end_of(line))
    add(status, letter, line, counted)
  end)
end

local told = {}
for _, entry in ipairs(counts) do
  local lane, type_ = string.match(entry.line, '^(%Z*)%z(%Z*)')
  local body = redis.call('HGET', JOBS, entry.id)
  if body then
    told[#told + 1] = { entry.status, lane, type_, entry.count, created_of(body) }
  end
end
return told
