-- The keys of one queue; all share its {tag}.
--
--   jobs    hash   id -> what never changes: lane, type, priority, place, times, limit, payload,
--                  and a character that spreads the hashes of Lua's strings
--   state   hash   id -> what changes, once a job was claimed (or imported so)
--   errors  hash   id -> errors of attempts
--   ready   zset   line rank id: what may be claimed, each line in order
--   heads   zset   rank line: the best of each line, so the lines in order
--   later   zset   due place line priority id: what is not due
--   leases  zset   end place id: what is claimed
--   places  zset   letter line place id: by place what ready does not hold so;
--                  c claimed, f failed, l later, r ready with a priority of its own
--   seq     string the last place given
--   bell    stream of one entry, which changes when idle workers should claim from the line that it
--           tells, or look where it tells none
--   schedules  hash  id -> a schedule; see schedules.lua
--   due        zset  next_due id: which schedule to look at when
--   ticks      zset  id NUL moment fate: what became of ticks; e enqueued, m missed, o overlap
--
-- A line is lane NUL type NUL, a place 12 hex digits, a rank 8 hex digits that fall with priority
-- and then the place. Every score is 0: the order is that of the bytes.

local JOBS, STATE, ERRORS, READY, HEADS, LATER, LEASES, PLACES, SEQ, BELL = unpack(KEYS)

-- A script that fails midway keeps what it wrote: so what is foreign is found before it writes.
local function refuse_foreign(looks)
  for command, keys in pairs(looks) do
    for _, key in ipairs(keys) do
      local told = redis.pcall(command, key)
      if type(told) == 'table' then
        error(string.find(told.err, 'WRONGTYPE', 1, true) and 'FOREIGN ' .. key or told.err)
      elseif type(told) == 'string' and not (string.find(told, '^%d+$') and #told < 16) then
        error('FOREIGN ' .. key)
      end
    end
  end
end

refuse_foreign({
  HLEN = { JOBS, STATE, ERRORS },
  ZCARD = { READY, HEADS, LATER, LEASES, PLACES },
  GET = { SEQ },
  XLEN = { BELL },
})
