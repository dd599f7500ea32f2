-- uses: keys clock
-- Give places to so many jobs; return the clock and the place before the first.

local count = tonumber(ARGV[2])
return { NOW, redis.call('INCRBY', SEQ, count) - count }
