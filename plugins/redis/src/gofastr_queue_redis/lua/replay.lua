-- uses: keys clock writes state lines
-- Make failed jobs pending again, at the back and ready now; return their ids. Arguments: ids.

local asked, replayed, jobs = {}, {}, {}
for place = 2, #ARGV do
  asked[place - 1] = ARGV[place]
end
local states = read(STATE, asked)
for number, id in ipairs(asked) do
  local job = states[number] and not jobs[id] and state_of(states[number])
  if job and job.status == 'f' then
    jobs[id] = job
    replayed[#replayed + 1] = id
    leave_failed(job, id)
  end
end
write()
local place = #replayed > 0 and redis.call('INCRBY', SEQ, #replayed) - #replayed
for number, id in ipairs(replayed) do
  local job = jobs[id]
  job.status, job.attempts, job.scheduled = 'p', 0, NOW
  job.rank = string.sub(job.rank, 1, 8) .. string.format('%012x', place + number)
  keep(STATE, id, text_of(job))
  become_ready(job.line, job.rank, id)
end
finish()
return replayed
