-- Takes a permit away; what it was. ARGV: channel, id.
local was = redis.call('HGET', KEYS[1], ARGV[2])
if was then
  redis.call('HDEL', KEYS[1], ARGV[2])
  redis.call('PUBLISH', ARGV[1], ARGV[2])
end
return was
