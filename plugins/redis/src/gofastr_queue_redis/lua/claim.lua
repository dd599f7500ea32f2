-- uses: keys clock writes state lines merge want
-- Make ready what fell due, then lease the best of what is wanted.
-- Arguments: how many to make ready, limit, lease in microseconds, worker, want, a token for each.

local function promote(limit)
  local due = redis.call('ZRANGEBYLEX', LATER, '-', '[' .. NOW .. '\255', 'LIMIT', 0, limit)
  for _, member in ipairs(due) do
    local place = string.sub(member, 19, 30)
    local line, priority, id = string.match(member, '^(%Z*%z%Z*%z)(%x%x%x%x%x%x%x%x)(.*)$', 31)
    local rank = priority .. place
    leave_later(string.sub(member, 1, 18), line, rank, id)
    become_ready(line, rank, id)
  end
  if #due > 0 then
    finish()
  end
end

-- Return what a source gives after its last visited member, false at its end, nil if not known.
local function follower_of(source)
  local size, place = #source.members, source.place
  if source.members[place] == source.last then
    place = place + 1
    if place > size and size == source.size then
      return nil
    end
  end
  return source.members[place] or false
end

local function best(want, limit)
  local lines, members = wanted_lines(want, limit), {}
  for _, source in ipairs(lines) do
    local line = source.line
    local last_of = '(' .. end_of(line)
    source.least, source.most = #lines == 1 and limit or 2, limit
    source.fetch = function(last, count)
      local from = last and '(' .. last or '[' .. line
      return redis.call('ZRANGEBYLEX', READY, from, last_of, 'LIMIT', 0, count)
    end
    source.key = function(member)
      local start = #line
      return tonumber(string.sub(member, start + 1, start + 8), 16),
        tonumber(string.sub(member, start + 9, start + 20), 16)
    end
  end
  local line_of, started = {}, {}
  merge(lines, function(source, member)
    if source.first == nil then
      source.first = member
      started[#started + 1] = source
    end
    source.last = member
    members[#members + 1], line_of[#members + 1] = member, source.line
    return #members < limit
  end)
  for _, source in ipairs(started) do
    touch_known(source.line, source.first, follower_of(source))
  end
  return members, line_of
end

-- Return when the next falls due and, where nothing was asked for, whether something is ready;
-- then for each claim, which takes the tokens in order: id, body, attempts, scheduled_at (empty
-- where the body's holds), errors.
local function claim_at(cursor)
  local promoted, limit = tonumber(ARGV[cursor]), tonumber(ARGV[cursor + 1])
  local lease, worker = after(tonumber(ARGV[cursor + 2])), ARGV[cursor + 3]
  local want
  want, cursor = want_at(cursor + 4)
  promote(promoted)
  local members, line_of = best(want, limit)
  local ids = {}
  for number, member in ipairs(members) do
    ids[number] = string.sub(member, #line_of[number] + 21)
  end
  local bodies, states = read(JOBS, ids), read(STATE, ids)
  local leases, places = list_of(come, LEASES), list_of(come, PLACES)
  local texts, claims = list_of(kept, STATE), {}
  for number, id in ipairs(ids) do
    local member, line, body = members[number], line_of[number], bodies[number]
    leave_ready(line, member)
    if not body then
      drop(STATE, id)
    else
      local attempts, scheduled, errors = 1, '', ''
      if states[number] then
        local job = state_of(states[number])
        attempts, scheduled = job.attempts + 1, job.scheduled
        errors = redis.call('HGET', ERRORS, id) or ''
      end
      local rank = string.sub(member, #line + 1, #line + 20)
      local place = string.sub(rank, 9)
      leases[#leases + 1] = '0'
      leases[#leases + 1] = lease .. place .. id
      places[#places + 1] = '0'
      places[#places + 1] = 'c' .. line .. place .. id
      local token = ARGV[cursor + #claims / 5]
      texts[#texts + 1] = id
      texts[#texts + 1] =
        claimed_text(token, lease, rank, line, attempts, scheduled, worker)
      claims[#claims + 1] = id
      claims[#claims + 1] = body
      claims[#claims + 1] = attempts
      claims[#claims + 1] = scheduled
      claims[#claims + 1] = errors
    end
  end
  finish()
  local ready = limit == 0 and #wanted_lines(want, 1) or 0
  return { soonest() or '', ready, claims }
end
