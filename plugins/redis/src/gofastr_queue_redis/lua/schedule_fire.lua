-- uses: add schedules
-- Move a schedule on and store its job, if it still has the version and is not paused. Arguments:
-- id, version, watermark, next_due or '', 1 if not while the last job is alive, how many arguments
-- the draft has, the draft as `add` takes it, the ticks that are skipped. Returns what became of
-- it: an empty text if it was stale; else e or o for the draft, or -; and the job that was there.

local KEPT = 1000
local DRAFT = 8
local id, watermark, due = ARGV[2], ARGV[4], ARGV[5]
local one = schedule_of(redis.call('HGET', SCHEDULES, id))
if not one or one.version ~= tonumber(ARGV[3]) or one.paused == '1' then
  return { NOW, '', {} }
end

local function is_alive(job)
  local state = redis.call('HGET', STATE, job)
  return redis.call('HEXISTS', JOBS, job) == 1 and string.sub(state or 'p', 1, 1) ~= 'f'
end

local fate, there, width = '-', {}, tonumber(ARGV[7])
if width > 0 then
  local job = ARGV[DRAFT]
  if ARGV[6] == '1' and is_alive(one.last) then
    fate = 'o'
  else
    fate, there, one.last = 'e', stored_ones({ job }), job
    if #there == 0 then
      add(DRAFT, redis.call('INCRBY', SEQ, 1))
    end
  end
  enter(TICKS, id .. '\0' .. watermark .. fate)
end
for number = DRAFT + width, #ARGV do
  enter(TICKS, id .. '\0' .. ARGV[number] .. 'm')
end
move(id, one.due, due)
one.version, one.watermark, one.due = one.version + 1, watermark, due
keep(SCHEDULES, id, schedule_text(one))
finish()

local from, before = ticks_of(id)
local excess = redis.call('ZLEXCOUNT', TICKS, from, before) - KEPT
if excess > 0 then
  for _, tick in ipairs(redis.call('ZRANGEBYLEX', TICKS, from, before, 'LIMIT', 0, excess)) do
    leave(TICKS, tick)
  end
  write()
end
return { NOW, fate, there }
