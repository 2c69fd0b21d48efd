-- Lifts a stop. ARGV: channel, field.
local known = redis.call('HGET', KEYS[1], ARGV[2])
if known then
  redis.call('HDEL', KEYS[1], ARGV[2])
  redis.call('PUBLISH', ARGV[1], ARGV[2])
end
return known
