-- Takes out what is due, the longest due first.
-- KEYS: due, pending. ARGV: now, most, life ms of what is left.
local taken = redis.call('zrangebyscore', KEYS[1], '-inf', ARGV[1], 'limit', 0, ARGV[2])
for _, subject in ipairs(taken) do
  redis.call('zrem', KEYS[1], subject)
  redis.call('hdel', KEYS[2], subject)
end
-- Somebody is at work on them: what is left does not expire while it waits its turn.
for _, key in ipairs(KEYS) do
  local ttl = redis.call('pttl', key)
  if ttl >= 0 and ttl < tonumber(ARGV[3]) then redis.call('pexpire', key, ARGV[3]) end
end
return taken
