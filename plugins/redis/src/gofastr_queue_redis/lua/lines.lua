-- Which set a pending or ended job stands in; and the bell.

local NORMAL = '7fffffff' -- the rank of priority 0

local touched, followers, sooner, known = {}, {}, false, nil

local function end_of(line)
  return string.sub(line, 1, -2) .. '\1'
end

local function head_of(line)
  return redis.call('ZRANGEBYLEX', READY, '[' .. line, '(' .. end_of(line), 'LIMIT', 0, 1)[1]
    or false
end

local function touch(line)
  if touched[line] == nil then
    touched[line] = head_of(line)
  end
end

local function by_place(letter, line, rank, id)
  return letter .. line .. place_of(rank) .. id
end

local function become_ready(line, rank, id)
  touch(line)
  enter(READY, line .. rank .. id)
  if string.sub(rank, 1, 8) ~= NORMAL then
    enter(PLACES, by_place('r', line, rank, id))
  end
end

local function leave_ready(line, member)
  touch(line)
  leave(READY, member)
  local start = #line
  if string.sub(member, start + 1, start + 8) ~= NORMAL then
    leave(PLACES, 'r' .. line .. string.sub(member, start + 9))
  end
end

local function later_member(due, line, rank, id)
  return due .. place_of(rank) .. line .. string.sub(rank, 1, 8) .. id
end

local function soonest()
  local first = redis.call('ZRANGE', LATER, 0, 0)[1]
  return first and string.sub(first, 1, 18)
end

local function become_later(due, line, rank, id)
  known = known or soonest() or ''
  sooner = sooner or known == '' or earlier(due, known)
  enter(LATER, later_member(due, line, rank, id))
  enter(PLACES, by_place('l', line, rank, id))
end

local function leave_later(due, line, rank, id)
  leave(LATER, later_member(due, line, rank, id))
  leave(PLACES, by_place('l', line, rank, id))
end

local function wait_until(due, line, rank, id)
  if earlier(NOW, due) then
    become_later(due, line, rank, id)
  else
    become_ready(line, rank, id)
  end
end

local function leave_claimed(job, id)
  leave(LEASES, job.lease .. place_of(job.rank) .. id)
  leave(PLACES, by_place('c', job.line, job.rank, id))
end

local function become_failed(job, id)
  enter(PLACES, by_place('f', job.line, job.rank, id))
end

local function leave_failed(job, id)
  leave(PLACES, by_place('f', job.line, job.rank, id))
end

local function head_member(line, member)
  return string.sub(member, #line + 1, #line + 20) .. line
end

-- Touch a line whose head is known, and the one that will be head when those before it have left:
-- false if there will be none, nil if that is not known.
local function touch_known(line, head, follower)
  touched[line] = head
  followers[line] = follower
end

-- Write what was collected, keep the heads true, and ring where somebody may wait for it: whoever
-- waits saw these lines empty, or nothing due before. The bell tells one such line, or nothing: who
-- does not want it looks.
local function finish()
  local ring = sooner and ''
  write()
  for line, old in pairs(touched) do
    local new = followers[line]
    if new == nil then
      new = head_of(line)
    end
    if new ~= old then
      if old then
        leave(HEADS, head_member(line, old))
      end
      if new then
        enter(HEADS, head_member(line, new))
        if not old then
          ring = line
        end
      end
    end
  end
  write()
  if ring then
    redis.call('XADD', BELL, 'MAXLEN', 1, '*', 'rung', ring)
  end
  touched, followers, sooner, known = {}, {}, false, nil
end
