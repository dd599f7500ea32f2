-- uses: keys clock writes state lines errors
-- Take back jobs whose lease has run out, the soonest first; return each as it is now:
-- id, body, state, errors. Arguments: limit, reason.

local expired =
  redis.call('ZRANGEBYLEX', LEASES, '-', '[' .. NOW .. '\255', 'LIMIT', 0, tonumber(ARGV[2]))
local ids, moved = {}, {}
for number, member in ipairs(expired) do
  ids[number] = string.sub(member, 31)
end
local bodies, states, errors = read(JOBS, ids), read(STATE, ids), read(ERRORS, ids)
for number, id in ipairs(ids) do
  local job = bodies[number] and states[number] and state_of(states[number], bodies[number])
  if not (job and job.status == 'c') then
    leave(LEASES, expired[number])
  else
    local told = with_error(errors[number], job.attempts, ARGV[3])
    keep(ERRORS, id, told)
    leave_claimed(job, id)
    if job.attempts < limit_of(bodies[number]) then
      job.status = 'p'
      if earlier(NOW, job.scheduled) then
        job.scheduled = NOW
      end
      become_ready(job.line, job.rank, id)
    else
      job.status = 'f'
      become_failed(job, id)
    end
    local text = text_of(job)
    keep(STATE, id, text)
    moved[#moved + 1] = { id, bodies[number], text, told }
  end
end
finish()
return moved
