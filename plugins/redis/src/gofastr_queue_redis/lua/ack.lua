-- uses: keys clock writes state lines
-- Remove the jobs whose claims are current; return their numbers.

local function ack_at(cursor)
  local count = tonumber(ARGV[cursor])
  local ids, current = {}, {}
  for number = 1, count do
    ids[number] = ARGV[cursor + 2 * number - 1]
  end
  local states, done = read(STATE, ids), {}
  for number, id in ipairs(ids) do
    local job = states[number] and not done[id] and state_of(states[number])
    if job and job.status == 'c' and job.token == ARGV[cursor + 2 * number] then
      done[id] = true
      leave_claimed(job, id)
      drop(JOBS, id)
      drop(STATE, id)
      drop(ERRORS, id)
      current[#current + 1] = number
    end
  end
  return current, cursor + 1 + 2 * count
end
