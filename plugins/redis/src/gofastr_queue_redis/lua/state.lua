-- What changes of a job. A job without it is pending and was never claimed.
--
--   claimed         c token:32 lease_until:18 place:12 priority:8 line attempts NUL scheduled NUL worker
--   pending, failed p or f place:12 priority:8 line attempts NUL scheduled NUL
--
-- The scheduled moment is empty where the body's holds. Priority and place as in a rank.

local BODY = '^(%Z*%z%Z*%z)(%-?%d+)%z(%d+)%z(%d+)%z(%d+)%z(%d+)%z'

local AFTER_TOKEN, AFTER_LEASE = 34, 52

local function rank_of(priority, place)
  return string.format('%08x%012x', 2147483647 - priority, place)
end

local function place_of(rank)
  return string.sub(rank, 9)
end

-- Read the state of a job from its two texts; without a body its moment may stay empty.
local function state_of(text, body)
  local job = { status = 'p', attempts = 0, scheduled = '', lease = '', worker = '' }
  if text then
    local start = 2
    job.status = string.sub(text, 1, 1)
    if job.status == 'c' then
      start = AFTER_LEASE
      job.token, job.lease = string.sub(text, 2, AFTER_TOKEN - 1),
        string.sub(text, AFTER_TOKEN, AFTER_LEASE - 1)
    end
    job.rank = string.sub(text, start + 12, start + 19) .. string.sub(text, start, start + 11)
    local line, attempts, scheduled, worker =
      string.match(text, '^(%Z*%z%Z*%z)(%d+)%z(%d*)%z(.*)$', start + 20)
    job.line, job.attempts, job.scheduled, job.worker = line, tonumber(attempts), scheduled, worker
  end
  if body and job.scheduled == '' then
    local line, priority, place, _, scheduled = string.match(body, BODY)
    job.scheduled = scheduled
    if not text then
      job.line, job.rank = line, rank_of(tonumber(priority), tonumber(place))
    end
  end
  return job
end

local function claimed_text(token, lease, rank, line, attempts, scheduled, worker)
  return 'c' .. token .. lease .. string.sub(rank, 9) .. string.sub(rank, 1, 8) .. line
    .. attempts .. '\0' .. scheduled .. '\0' .. worker
end

local function text_of(job)
  if job.status == 'c' then
    return claimed_text(
      job.token,
      job.lease,
      job.rank,
      job.line,
      job.attempts,
      job.scheduled,
      job.worker
    )
  end
  return job.status .. string.sub(job.rank, 9) .. string.sub(job.rank, 1, 8) .. job.line
    .. job.attempts .. '\0' .. job.scheduled .. '\0'
end

-- Whether a state is that of the claim with this token.
local function is_current(text, token)
  return text and string.sub(text, 1, AFTER_TOKEN - 1) == 'c' .. token
end

local function created_of(body)
  local _, _, _, created = string.match(body, BODY)
  return created
end

local function limit_of(body)
  local _, _, _, _, _, limit = string.match(body, BODY)
  return tonumber(limit)
end
