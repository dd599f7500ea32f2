-- uses: keys clock writes state lines
-- Remove the jobs whose claims are current; return their numbers.

local function ack_at(cursor)
  local count = tonumber(ARGV[cursor])
  local ids, current, done = {}, {}, {}
  for number = 1, count do
    ids[number] = ARGV[cursor + 2 * number - 1]
  end
  local states = read(STATE, ids)
  local leases, places = list_of(gone, LEASES), list_of(gone, PLACES)
  local bodies, texts, errors = list_of(cut, JOBS), list_of(cut, STATE), list_of(cut, ERRORS)
  for number, id in ipairs(ids) do
    local text = states[number]
    if is_current(text, ARGV[cursor + 2 * number]) and not done[id] then
      done[id] = true
      local line = string.match(text, '^%Z*%z%Z*%z', AFTER_LEASE + 20)
      local place = string.sub(text, AFTER_LEASE, AFTER_LEASE + 11)
      leases[#leases + 1] = string.sub(text, AFTER_TOKEN, AFTER_LEASE + 11) .. id
      places[#places + 1] = 'c' .. line .. place .. id
      bodies[#bodies + 1] = id
      texts[#texts + 1] = id
      errors[#errors + 1] = id
      current[#current + 1] = number
    end
  end
  write() -- so that a release of the same claim finds it gone
  return current, cursor + 1 + 2 * count
end
