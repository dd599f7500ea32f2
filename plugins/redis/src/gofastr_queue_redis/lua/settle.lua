-- uses: ack nack
-- Settle claims: acks first, then releases.

local acked, cursor = ack_at(2)
local released = nack_at(cursor)
finish()
return { NOW, acked, released }
