-- uses: ack nack claim
-- Settle claims and lease the next, in one step.

local acked, cursor = ack_at(2)
local released
released, cursor = nack_at(cursor)
finish()
return { NOW, acked, released, claim_at(cursor) }
