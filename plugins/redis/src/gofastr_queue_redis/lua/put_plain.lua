-- uses: keys clock
-- Store one job that may start at once and was never claimed, unless its id is taken: what `put`
-- does, for what most producers say, with a third of its work. Return the clock, or nothing.
-- Arguments: id, line, priority, how a rank has it, tail.

local id, line, priority, urgency, tail = unpack(ARGV, 2)
if redis.call('HEXISTS', JOBS, id) == 1 then
  return false
end
local head = redis.call(
  'ZRANGEBYLEX', READY, '[' .. line, '(' .. string.sub(line, 1, -2) .. '\1', 'LIMIT', 0, 1
)[1]
local place = redis.call('INCRBY', SEQ, 1)
local last = string.format('%012x', place)
redis.call(
  'HSET', JOBS, id,
  line .. priority .. '\0' .. place .. '\0' .. NOW .. '\0' .. NOW .. '\0' .. tail
)
redis.call('ZADD', READY, '0', line .. urgency .. last .. id)
if urgency ~= '7fffffff' then
  redis.call('ZADD', PLACES, '0', 'r' .. line .. last .. id)
end
if not head then
  redis.call('ZADD', HEADS, '0', urgency .. last .. line)
  redis.call('XADD', BELL, 'MAXLEN', 1, '*', 'rung', line)
elseif tonumber(urgency, 16) < tonumber(string.sub(head, #line + 1, #line + 8), 16) then
  redis.call('ZREM', HEADS, string.sub(head, #line + 1, #line + 20) .. line)
  redis.call('ZADD', HEADS, '0', urgency .. last .. line)
end
return NOW
