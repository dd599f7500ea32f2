-- Lease the best jobs: limit, end of the lease, worker, and a token for each.
local members = redis.call('ZRANGE', KEYS[4], 0, ARGV[1] - 1)
if #members == 0 then
  return {}
end
local ids, states, leases, places = {}, {}, {}, {}
for number, member in ipairs(members) do
  local place, id = string.sub(member, 15, 26), string.sub(member, 27)
  ids[number] = id
  states[2 * number - 1] = id
  states[2 * number] = 'c' .. ARGV[3 + number] .. ARGV[2] .. place .. '7fffffff\0noop\0001\0\0'
    .. ARGV[3]
  leases[2 * number - 1], leases[2 * number] = 0, ARGV[2] .. place .. id
  places[2 * number - 1], places[2 * number] = 0, 'c\0noop\0' .. place .. id
end
local bodies = redis.call('HMGET', KEYS[2], unpack(ids))
redis.call('ZREM', KEYS[4], unpack(members))
redis.call('HSET', KEYS[3], unpack(states))
redis.call('ZADD', KEYS[5], unpack(leases))
redis.call('ZADD', KEYS[6], unpack(places))
return { ids, bodies }
