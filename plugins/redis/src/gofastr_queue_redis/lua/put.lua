-- uses: keys clock writes state lines
-- Store drafts, all or none. Each draft is: id, line, priority, times, tail, history.
-- Times are '' or created_at NUL scheduled_at NUL delay, any of them empty; the history of an
-- imported job is status NUL attempts NUL errors, or ''.

local WIDTH = 6
local refuse, count = ARGV[2] == 'error', tonumber(ARGV[3])
local fresh, taken, seen = {}, {}, {}
for number = 1, count do
  local id = ARGV[4 + WIDTH * (number - 1)]
  if seen[id] or redis.call('HEXISTS', JOBS, id) == 1 then
    taken[#taken + 1] = id
  else
    fresh[#fresh + 1] = number
    seen[id] = true
  end
end

-- Return those that were stored before: id, body, state, errors.
local function stored_ones(ids)
  local bodies, states, errors = read(JOBS, ids), read(STATE, ids), read(ERRORS, ids)
  local found = {}
  for number, id in ipairs(ids) do
    if bodies[number] then
      found[#found + 1] = { id, bodies[number], states[number] or '', errors[number] or '' }
    end
  end
  return found
end

if #taken > 0 and refuse then
  return { NOW, 'taken', taken }
end
if #fresh == 0 then
  return { NOW, 'stored', {}, stored_ones(taken) }
end

local kept_ones = stored_ones(taken)
local place = redis.call('INCRBY', SEQ, #fresh) - #fresh
for _, number in ipairs(fresh) do
  local start = 4 + WIDTH * (number - 1)
  local id, line, priority, times = ARGV[start], ARGV[start + 1], ARGV[start + 2], ARGV[start + 3]
  local created, scheduled = NOW, NOW
  if times ~= '' then
    local given, at, delay = string.match(times, '^(%d*)%z(%d*)%z(%d*)$')
    created = given == '' and NOW or given
    scheduled = delay ~= '' and after(tonumber(delay)) or at ~= '' and at or NOW
  end
  place = place + 1
  keep(JOBS, id, line .. priority .. '\0' .. place .. '\0' .. created .. '\0' .. scheduled
    .. '\0' .. ARGV[start + 4])
  local rank = rank_of(tonumber(priority), place)
  local status, attempts, errors = string.match(ARGV[start + 5], '^(%a)%z(%d+)%z(.*)$')
  if status then
    local job = { status = status, attempts = attempts, scheduled = scheduled }
    job.line, job.rank = line, rank
    keep(STATE, id, text_of(job))
    if errors ~= '' then
      keep(ERRORS, id, errors)
    end
  end
  if status == 'f' then
    enter(PLACES, by_place('f', line, rank, id))
  else
    wait_until(scheduled, line, rank, id)
  end
end
finish()
return { NOW, 'stored', fresh, kept_ones }
