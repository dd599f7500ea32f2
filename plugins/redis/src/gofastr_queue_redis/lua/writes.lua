-- What a script writes is collected, then written in few calls: first what frees memory, because a
-- full server refuses a script only at its first write.

local CHUNK = 1000 -- unpack takes some 8 000 values

local gone, come, cut, kept = {}, {}, {}, {}

local function collect(writes, key, one, two)
  local list = writes[key]
  if list == nil then
    list = {}
    writes[key] = list
  end
  list[#list + 1] = one
  if two ~= nil then
    list[#list + 1] = two
  end
end

local function leave(set, member)
  collect(gone, set, member)
end

local function enter(set, member)
  collect(come, set, 0, member)
end

local function drop(hash, field)
  collect(cut, hash, field)
end

local function keep(hash, field, value)
  collect(kept, hash, field, value)
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
