-- Remembers a name: 1, or 0 when it is remembered already; asking does not prolong it.
-- KEYS: the name. ARGV: now, until, life ms.
local expires = redis.call('get', KEYS[1])
if expires and tonumber(expires) > tonumber(ARGV[1]) then return 0 end
redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3])
return 1
