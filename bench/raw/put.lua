-- Store jobs: for each its id, what stands before its place, and what follows.
local count = #ARGV / 3
local place = redis.call('INCRBY', KEYS[1], count) - count
local bodies, ready = {}, {}
for number = 1, count do
  local id = ARGV[3 * number - 2]
  place = place + 1
  bodies[#bodies + 1] = id
  bodies[#bodies + 1] = ARGV[3 * number - 1] .. place .. ARGV[3 * number]
  ready[#ready + 1] = 0
  ready[#ready + 1] = string.format('\0noop\0007fffffff%012x', place) .. id
end
redis.call('HSET', KEYS[2], unpack(bodies))
redis.call('ZADD', KEYS[4], unpack(ready))
return count
