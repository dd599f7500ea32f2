-- uses: keys clock writes state lines
-- Store drafts that have places already, all or none, as their producer has written them; return
-- the ids that are taken. First, when the soonest falls due, or ''; then lists, each a count and
-- values: lines that get something ready, then for each of jobs, ready, places and later what HSET
-- and ZADD take.

local cursor, lists = 3, {}
for number = 1, 5 do
  local count = tonumber(ARGV[cursor])
  lists[number] = { cursor + 1, cursor + count }
  cursor = cursor + 1 + count
end

local ids, taken = {}, {}
for place = lists[2][1], lists[2][2], 2 do
  ids[#ids + 1] = ARGV[place]
end
for number, body in ipairs(read(JOBS, ids)) do
  if body then
    taken[#taken + 1] = ids[number]
  end
end
if #taken > 0 then
  return taken
end

for place = lists[1][1], lists[1][2] do
  touch(ARGV[place])
end
if ARGV[2] ~= '' then
  local known_due = soonest()
  sooner = not known_due or earlier(ARGV[2], known_due)
end
local writes = { { 'HSET', JOBS }, { 'ZADD', READY }, { 'ZADD', PLACES }, { 'ZADD', LATER } }
for number, write_to in ipairs(writes) do
  local first, last = unpack(lists[number + 1])
  for start = first, last, CHUNK do
    redis.call(write_to[1], write_to[2], unpack(ARGV, start, math.min(start + CHUNK - 1, last)))
  end
end
finish()
return taken
