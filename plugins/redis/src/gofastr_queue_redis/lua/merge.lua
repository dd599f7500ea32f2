-- Several ordered sources as one: a heap of sources by (major, minor) of what each gives next.
-- A source has `fetch(last, count)`: the next members after `last`, which is nil at first;
-- and `key(member)`: its major and minor.

local function less(one, other)
  return one.major < other.major or (one.major == other.major and one.minor < other.minor)
end

local function sift(heap)
  local place, size = 1, #heap
  while true do
    local best, left = place, 2 * place
    if left <= size and less(heap[left], heap[best]) then
      best = left
    end
    if left < size and less(heap[left + 1], heap[best]) then
      best = left + 1
    end
    if best == place then
      return
    end
    heap[place], heap[best] = heap[best], heap[place]
    place = best
  end
end

-- Move a source to its next member; false at its end.
local function advance(source)
  source.place = (source.place or 0) + 1
  if source.members == nil or source.place > #source.members then
    local last = source.members and source.members[#source.members]
    if source.members and #source.members < source.size then
      return false
    end
    source.size = source.size and math.min(2 * source.size, source.most) or source.least
    source.members = source.fetch(last, source.size)
    source.place = 1
  end
  local member = source.members[source.place]
  if member == nil then
    return false
  end
  source.major, source.minor = source.key(member)
  return true
end

-- Visit members in order until `visit` says false. `heap` is in order already; a source that was
-- not read yet has the key of its first member.
local function merge(heap, visit)
  while heap[1] do
    local source = heap[1]
    if source.members or advance(source) then
      if not visit(source, source.members[source.place]) then
        return
      end
    end
    if not advance(source) then
      heap[1] = heap[#heap]
      heap[#heap] = nil
    end
    sift(heap)
  end
end
