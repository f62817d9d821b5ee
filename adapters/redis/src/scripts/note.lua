-- One more pending event of a subject; answers when it is due.
-- KEYS: due, pending. ARGV: subject, now, whether to hurry (0, 1), quiet ms, longest wait ms, most events, life ms.
-- The rule is shared::domain::coalesce::flush_at; the contract holds both to the same answers.
local subject, now = ARGV[1], tonumber(ARGV[2])
local first, count, hurry = ARGV[2], 0, '0'
local known = redis.call('hget', KEYS[2], subject)
if known then
  first, count, hurry = known:match('^(%S+) (%S+) (%S+)$')
end
count = tonumber(count) + 1
if ARGV[3] == '1' then hurry = '1' end

local due = now
if hurry == '0' and count < tonumber(ARGV[6]) then
  due = math.min(now + tonumber(ARGV[4]), tonumber(first) + tonumber(ARGV[5]))
end

redis.call('zadd', KEYS[1], string.format('%.0f', due), subject)
redis.call('hset', KEYS[2], subject, string.format('%s %d %s', first, count, hurry))
for _, key in ipairs(KEYS) do
  if redis.call('pttl', key) < tonumber(ARGV[7]) then redis.call('pexpire', key, ARGV[7]) end
end
return due
