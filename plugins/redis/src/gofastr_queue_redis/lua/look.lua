-- uses: keys clock writes state lines merge want
-- Tell whether a wanted job is ready or due, when the soonest other falls due, and the last entry
-- of the bell. Arguments: want.

local want = want_at(2)
local bell = redis.call('XREVRANGE', BELL, '+', '-', 'COUNT', 1)[1]
return {
  NOW,
  #wanted_lines(want, 1),
  soonest() or '',
  bell and bell[1] or '0-0',
}
