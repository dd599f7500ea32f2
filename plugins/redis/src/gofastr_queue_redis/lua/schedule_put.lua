-- uses: schedules
-- Register schedules or change them; return them as they are: id, text. Each is: id, whether it is
-- defined, definition, since, first watermark, paused; the last three may be empty.

local WIDTH = 6
local stored = {}

local function registered(start)
  local since, watermark = ARGV[start + 3], ARGV[start + 4]
  local paused = ARGV[start + 5] == '1' and '1' or '0'
  return {
    version = 1,
    registered = NOW,
    watermark = watermark == '' and NOW or watermark,
    due = paused == '1' and '' or since == '' and NOW or since,
    paused = paused,
    last = '',
    definition = ARGV[start + 2],
  }
end

for start = 2, #ARGV, WIDTH do
  local id, defined, paused = ARGV[start], ARGV[start + 1] == '1', ARGV[start + 5]
  local one = schedule_of(redis.call('HGET', SCHEDULES, id))
  local before, same = one and one.due or '', false
  if one then
    local definition = defined and ARGV[start + 2] or one.definition
    paused = paused == '' and one.paused or paused
    same = definition == one.definition and paused == one.paused
    if not same then
      if one.paused == '1' and paused == '0' and earlier(one.watermark, NOW) then
        one.watermark = NOW
      end
      one.version, one.definition, one.paused = one.version + 1, definition, paused
      one.due = paused == '1' and '' or NOW
    end
  elseif defined then
    one = registered(start)
  end
  if one then
    local text = schedule_text(one)
    if not same then
      move(id, before, one.due)
      keep(SCHEDULES, id, text)
      write() -- the next may be the same one
    end
    stored[#stored + 1] = { id, text }
  end
end
return stored
