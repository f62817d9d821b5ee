-- Gives a lease back, if it is the caller's.
-- KEYS: the lease. ARGV: who.
local held = redis.call('get', KEYS[1])
if held and held:match('^%S+ (.*)$') == ARGV[1] then redis.call('del', KEYS[1]) end
return redis.status_reply('OK')
