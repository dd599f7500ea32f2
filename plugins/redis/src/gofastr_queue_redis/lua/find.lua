-- uses: keys clock writes
-- Return the stored ones of these ids: id, body, state, errors.

local ids, found = {}, {}
for place = 2, #ARGV do
  ids[place - 1] = ARGV[place]
end
local bodies, states, errors = read(JOBS, ids), read(STATE, ids), read(ERRORS, ids)
for number, id in ipairs(ids) do
  if bodies[number] then
    found[#found + 1] = { id, bodies[number], states[number] or '', errors[number] or '' }
  end
end
return found
