-- uses: keys clock writes state lines errors
-- End claims that are current, each by its outcome: r retry, b bury, g give back; return their
-- numbers. Each release is id, token, outcome, delay in microseconds, error.

local function nack_at(cursor)
  local count = tonumber(ARGV[cursor])
  local ids, current, done = {}, {}, {}
  for number = 1, count do
    ids[number] = ARGV[cursor + 5 * number - 4]
  end
  local states, bodies = read(STATE, ids), read(JOBS, ids)
  for number, id in ipairs(ids) do
    local start = cursor + 5 * number - 4
    if is_current(states[number], ARGV[start + 1]) and not done[id] then
      done[id] = true
      local job = state_of(states[number], bodies[number])
      local outcome, delay, text = ARGV[start + 2], tonumber(ARGV[start + 3]), ARGV[start + 4]
      if text ~= '' then
        keep(ERRORS, id, with_error(redis.call('HGET', ERRORS, id), job.attempts, text))
      end
      leave_claimed(job, id)
      if outcome == 'b' then
        job.status = 'f'
        become_failed(job, id)
      else
        job.status = 'p'
        if outcome == 'g' then
          job.attempts = job.attempts - 1
        end
        if delay > 0 then
          job.scheduled = after(delay)
        elseif earlier(NOW, job.scheduled) then
          job.scheduled = NOW
        end
        wait_until(job.scheduled, job.line, job.rank, id)
      end
      keep(STATE, id, text_of(job))
      current[#current + 1] = number
    end
  end
  return current, cursor + 1 + 5 * count
end
