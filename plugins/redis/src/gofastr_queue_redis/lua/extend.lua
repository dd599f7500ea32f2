-- uses: keys clock writes state lines
-- Lease current claims anew, never shorter; return number and end for each.
-- Arguments: lease in microseconds, then id and token of each claim.

local until_, ids, extended = after(tonumber(ARGV[2])), {}, {}
for place = 3, #ARGV, 2 do
  ids[#ids + 1] = ARGV[place]
end
local states, done = read(STATE, ids), {}
for number, id in ipairs(ids) do
  if is_current(states[number], ARGV[2 * number + 2]) then
    local job = done[id] or state_of(states[number])
    if not done[id] and earlier(job.lease, until_) then
      leave(LEASES, job.lease .. place_of(job.rank) .. id)
      job.lease = until_
      enter(LEASES, job.lease .. place_of(job.rank) .. id)
      keep(STATE, id, text_of(job))
    end
    done[id] = job
    extended[#extended + 1] = { number, job.lease }
  end
end
finish()
return extended
