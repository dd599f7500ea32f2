-- uses: schedules
-- Forget schedules and their ticks; return the ids of those that were there.

local removed = {}
for number = 2, #ARGV do
  local id = ARGV[number]
  local text = redis.call('HGET', SCHEDULES, id)
  if text then
    local one = schedule_of(text)
    if one then
      move(id, one.due, '')
    end
    drop(SCHEDULES, id)
    write()
    redis.call('ZREMRANGEBYLEX', TICKS, ticks_of(id))
    removed[#removed + 1] = id
  end
end
return removed
