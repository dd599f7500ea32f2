-- uses: keys clock writes state lines
-- Store one draft, whose six arguments begin at `start`, at a place of its own: id, line, priority,
-- times, tail, history. Times are '' or created_at NUL scheduled_at NUL delay, any of them empty;
-- the history of an imported job is status NUL attempts NUL errors, or ''.

local function add(start, place)
  local id, line, priority, times = ARGV[start], ARGV[start + 1], ARGV[start + 2], ARGV[start + 3]
  local created, scheduled = NOW, NOW
  if times ~= '' then
    local given, at, delay = string.match(times, '^(%d*)%z(%d*)%z(%d*)$')
    created = given == '' and NOW or given
    scheduled = delay ~= '' and after(tonumber(delay)) or at ~= '' and at or NOW
  end
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
