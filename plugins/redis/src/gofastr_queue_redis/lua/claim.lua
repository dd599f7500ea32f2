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

local function best(admits, limit)
  local lines, members = wanted_lines(admits, limit), {}
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
  merge(lines, function(source, member)
    local start = #source.line
    members[#members + 1] = {
      source.line,
      string.sub(member, start + 1, start + 20),
      string.sub(member, start + 21),
    }
    return #members < limit
  end)
  return members
end

-- Return when the next falls due and, where nothing was asked for, whether something is ready;
-- then for each claim: id, body, attempts, scheduled_at, errors, token.
local function claim_at(cursor)
  local promoted, limit = tonumber(ARGV[cursor]), tonumber(ARGV[cursor + 1])
  local lease, worker = tonumber(ARGV[cursor + 2]), ARGV[cursor + 3]
  local admits
  admits, cursor = want_at(cursor + 4)
  promote(promoted)
  local until_ = after(lease)
  local found, ids = best(admits, limit), {}
  for number, one in ipairs(found) do
    ids[number] = one[3]
  end
  local bodies, states = read(JOBS, ids), read(STATE, ids)
  local claims = { soonest() or '', limit == 0 and #wanted_lines(admits, 1) or 0 }
  for number, id in ipairs(ids) do
    local line, rank = found[number][1], found[number][2]
    leave_ready(line, rank, id)
    if not bodies[number] then
      drop(STATE, id)
    else
      local job = state_of(states[number], bodies[number])
      job.status, job.attempts, job.lease = 'c', job.attempts + 1, until_
      job.token, job.worker = ARGV[cursor + number - 1], worker
      become_claimed(job, id)
      keep(STATE, id, text_of(job))
      local errors = states[number] and redis.call('HGET', ERRORS, id)
      local told = { id, bodies[number], job.attempts, job.scheduled, errors or '', job.token }
      claims[#claims + 1] = told
    end
  end
  finish()
  return claims
end
