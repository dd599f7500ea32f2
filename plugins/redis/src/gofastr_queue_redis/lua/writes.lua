-- What a script writes is collected, then written in few calls: first what frees memory, because a
-- full server refuses a script only at its first write.

local CHUNK = 1000 -- unpack takes some 8 000 values

local gone, come, cut, kept = {}, {}, {}, {}

-- Return the list of a key, to be added to.
local function list_of(writes, key)
  local list = writes[key]
  if list == nil then
    list = {}
    writes[key] = list
  end
  return list
end

local function leave(set, member)
  local list = list_of(gone, set)
  list[#list + 1] = member
end

local function enter(set, member)
  local list = list_of(come, set)
  list[#list + 1] = '0' -- as text: the server would print a number
  list[#list + 1] = member
end

local function drop(hash, field)
  local list = list_of(cut, hash)
  list[#list + 1] = field
end

local function keep(hash, field, value)
  local list = list_of(kept, hash)
  list[#list + 1] = field
  list[#list + 1] = value
end

local function in_chunks(command, writes)
  for key, list in pairs(writes) do
    for start = 1, #list, CHUNK do
      redis.call(command, key, unpack(list, start, math.min(start + CHUNK - 1, #list)))
    end
  end
end

local function write()
  in_chunks('ZREM', gone)
  in_chunks('HDEL', cut)
  in_chunks('ZADD', come)
  in_chunks('HSET', kept)
  gone, come, cut, kept = {}, {}, {}, {}
end

local function read(hash, ids)
  local values = {}
  for start = 1, #ids, CHUNK do
    local last = math.min(start + CHUNK - 1, #ids)
    local found = redis.call('HMGET', hash, unpack(ids, start, last))
    for place = 1, last - start + 1 do
      values[start + place - 1] = found[place]
    end
  end
  return values
end
