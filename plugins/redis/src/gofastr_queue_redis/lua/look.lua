-- uses: keys clock writes state lines want
-- Tell whether a wanted job is ready or due, when the soonest other falls due, and the last entry
-- of the bell. Arguments: want.

local admits = want_at(2)
local bell = redis.call('XREVRANGE', BELL, '+', '-', 'COUNT', 1)[1]
return {
  NOW,
  #wanted_lines(admits, 1),
  soonest() or '',
  bell and bell[1] or '0-0',
}
