-- Takes or renews a lease: 1, or 0 while somebody else has it.
-- KEYS: the lease. ARGV: who, now, until, life ms.
local held = redis.call('get', KEYS[1])
if held then
  local expires, who = held:match('^(%S+) (.*)$')
  if who ~= ARGV[1] and tonumber(expires) > tonumber(ARGV[2]) then return 0 end
end
redis.call('set', KEYS[1], ARGV[3] .. ' ' .. ARGV[1], 'px', ARGV[4])
return 1
