-- One, as it is. KEYS[1]: by-id. ARGV: channel, id.
return redis.call('HGET', KEYS[1], ARGV[2])
