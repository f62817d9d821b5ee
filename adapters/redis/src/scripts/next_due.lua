-- When the next subject is due; nothing when there is none.
-- KEYS: due.
local next = redis.call('zrange', KEYS[1], 0, 0, 'withscores')
return next[2] and tonumber(next[2]) or false
