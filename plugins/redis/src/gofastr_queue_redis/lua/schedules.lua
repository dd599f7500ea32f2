-- uses: keys clock writes
-- A schedule is version NUL registered_at NUL watermark NUL next_due NUL paused NUL last_job NUL
-- definition; next_due is empty where there is none, paused 0 or 1.

local SCHEDULES, DUE, TICKS = unpack(KEYS, 11)

refuse_foreign({ HLEN = { SCHEDULES }, ZCARD = { DUE, TICKS } })

-- Read a schedule; nil if it is none.
local function schedule_of(text)
  local version, registered, watermark, due, paused, last, definition =
    string.match(text or '', '^(%d+)%z(%d+)%z(%d+)%z(%d*)%z([01])%z(%Z*)%z(.*)$')
  if version then
    return {
      version = tonumber(version),
      registered = registered,
      watermark = watermark,
      due = due,
      paused = paused,
      last = last,
      definition = definition,
    }
  end
end

local function schedule_text(one)
  return table.concat({
    string.format('%.0f', one.version),
    one.registered,
    one.watermark,
    one.due,
    one.paused,
    one.last,
    one.definition,
  }, '\0')
end

-- Let a schedule be looked at when it is due, and no more when it was.
local function move(id, before, after)
  if before ~= '' then
    leave(DUE, before .. id)
  end
  if after ~= '' then
    enter(DUE, after .. id)
  end
end

local function ticks_of(id)
  return '[' .. id .. '\0', '(' .. id .. '\1'
end
