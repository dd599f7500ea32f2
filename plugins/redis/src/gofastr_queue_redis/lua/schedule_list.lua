-- uses: schedules
-- Return schedules: id, text, and so many of their newest ticks, newest first. Arguments: how many
-- ticks, whether all are asked for, ids.

local ids = {}
if ARGV[3] == '1' then
  ids = redis.call('HKEYS', SCHEDULES)
else
  for number = 4, #ARGV do
    ids[number - 3] = ARGV[number]
  end
end

local found = {}
for number, text in ipairs(read(SCHEDULES, ids)) do
  if text then
    local from, before = ticks_of(ids[number])
    local ticks = redis.call('ZREVRANGEBYLEX', TICKS, before, from, 'LIMIT', 0, ARGV[2])
    found[#found + 1] = { ids[number], text, ticks }
  end
end
return found
