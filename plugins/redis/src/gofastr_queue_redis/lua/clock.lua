-- The store's clock, or the one that was injected: moments are text of 18 digits, microseconds.

local seconds, micros
if ARGV[1] == '' then
  local time = redis.call('TIME')
  seconds, micros = tonumber(time[1]), tonumber(time[2])
else
  seconds, micros = tonumber(string.sub(ARGV[1], 1, 12)), tonumber(string.sub(ARGV[1], 13))
end

local function moment(whole, rest)
  return string.format('%012.0f%06.0f', whole, rest)
end

local NOW = moment(seconds, micros)

-- A delay is a number of microseconds, below 2^53.
local function after(delay)
  local whole = seconds + math.floor(delay / 1000000)
  local rest = micros + delay % 1000000
  if rest >= 1000000 then
    whole, rest = whole + 1, rest - 1000000
  end
  return moment(whole, rest)
end

-- Not by comparing text: that obeys the server's locale.
local function earlier(one, other)
  local whole, others = tonumber(string.sub(one, 1, 12)), tonumber(string.sub(other, 1, 12))
  if whole ~= others then
    return whole < others
  end
  return tonumber(string.sub(one, 13)) < tonumber(string.sub(other, 13))
end
