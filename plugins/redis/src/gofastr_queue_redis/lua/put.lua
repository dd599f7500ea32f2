-- uses: add
-- Store drafts, all or none, each as `add` takes it.

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

if #taken > 0 and refuse then
  return { NOW, 'taken', taken }
end
if #fresh == 0 then
  return { NOW, 'stored', {}, stored_ones(taken) }
end

local kept_ones = stored_ones(taken)
local place = redis.call('INCRBY', SEQ, #fresh) - #fresh
for _, number in ipairs(fresh) do
  place = place + 1
  add(4 + WIDTH * (number - 1), place)
end
finish()
return { NOW, 'stored', fresh, kept_ones }
