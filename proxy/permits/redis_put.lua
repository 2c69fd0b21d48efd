-- Adds a permit. ARGV: channel, id, value.
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1
