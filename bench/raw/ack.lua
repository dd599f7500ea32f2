-- Remove jobs whose token is current: their ids, then their tokens.
local count = #ARGV / 2
local states = redis.call('HMGET', KEYS[3], unpack(ARGV, 1, count))
local ids, leases, places = {}, {}, {}
for number = 1, count do
  local state, id = states[number], ARGV[number]
  if state and string.sub(state, 2, 33) == ARGV[count + number] then
    local place = string.sub(state, 52, 63)
    ids[#ids + 1] = id
    leases[#leases + 1] = string.sub(state, 34, 51) .. place .. id
    places[#places + 1] = 'c\0noop\0' .. place .. id
  end
end
if #ids > 0 then
  redis.call('HDEL', KEYS[2], unpack(ids))
  redis.call('HDEL', KEYS[3], unpack(ids))
  redis.call('ZREM', KEYS[5], unpack(leases))
  redis.call('ZREM', KEYS[6], unpack(places))
end
return #ids
