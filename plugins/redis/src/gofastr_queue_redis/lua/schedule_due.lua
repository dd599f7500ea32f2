-- uses: schedules
-- Return which schedules are due, up to a limit, the soonest first, and when the next one follows.
-- What stands in `due` and is not, or no more, of a schedule is passed over.

local PAGE = 100
local limit = tonumber(ARGV[2])
local found, start, following = {}, 0, nil

while not following do
  local members = redis.call('ZRANGE', DUE, start, start + PAGE - 1)
  for _, member in ipairs(members) do
    local due, id = string.sub(member, 1, 18), string.sub(member, 19)
    local text = redis.call('HGET', SCHEDULES, id)
    local one = schedule_of(text)
    if one and one.due == due then
      if #found == limit or earlier(NOW, due) then
        following = due
        break
      end
      found[#found + 1] = { id, text }
    end
  end
  if #members < PAGE then
    break
  end
  start = start + PAGE
end
return { NOW, following or '', found }
