-- What changes of a job: status (c, f, p), attempts, scheduled_at, lease_until, token, line, rank,
-- worker. A job without it is pending and was never claimed.

local FIELDS = '^(%a)%z(%d+)%z(%d+)%z(%d*)%z(%x*)%z(%Z*%z%Z*%z)(' .. string.rep('%x', 20) .. ')(.*)$'

local BODY = '^(%Z*%z%Z*%z)(%-?%d+)%z(%d+)%z(%d+)%z(%d+)%z(%d+)%z'

local function rank_of(priority, place)
  return string.format('%08x%012x', 2147483647 - priority, place)
end

local function place_of(rank)
  return string.sub(rank, 9)
end

-- Read the state of a job from its two texts; false where there is none.
local function state_of(text, body)
  if text then
    local job = {}
    job.status, job.attempts, job.scheduled, job.lease, job.token, job.line, job.rank, job.worker =
      string.match(text, FIELDS)
    job.attempts = tonumber(job.attempts)
    return job
  end
  local line, priority, place, _, scheduled = string.match(body, BODY)
  return {
    status = 'p',
    attempts = 0,
    scheduled = scheduled,
    lease = '',
    token = '',
    line = line,
    rank = rank_of(tonumber(priority), tonumber(place)),
    worker = '',
  }
end

local function text_of(job)
  return table.concat({
    job.status,
    string.format('%.0f', job.attempts),
    job.scheduled,
    job.lease,
    job.token,
    job.line .. job.rank .. job.worker,
  }, '\0')
end

local function created_of(body)
  local _, _, _, created = string.match(body, BODY)
  return created
end

local function limit_of(body)
  local _, _, _, _, _, limit = string.match(body, BODY)
  return tonumber(limit)
end
