-- uses: keys clock writes state lines
-- Remove jobs of the given statuses, letters among p and f; return how many. Arguments: letters,
-- then ids.

local ids, removed, done = {}, 0, {}
for place = 3, #ARGV do
  ids[place - 2] = ARGV[place]
end
local bodies, states = read(JOBS, ids), read(STATE, ids)
for number, id in ipairs(ids) do
  local job = bodies[number] and not done[id] and state_of(states[number], bodies[number])
  if job and string.find(ARGV[2], job.status, 1, true) then
    done[id] = true
    removed = removed + 1
    if job.status == 'f' then
      leave_failed(job, id)
    elseif redis.call('ZSCORE', READY, job.line .. job.rank .. id) then
      leave_ready(job.line, job.line .. job.rank .. id)
    else
      leave_later(job.scheduled, job.line, job.rank, id)
    end
    drop(JOBS, id)
    drop(STATE, id)
    drop(ERRORS, id)
  end
end
finish()
return removed
