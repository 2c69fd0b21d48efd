-- All permits. ARGV: channel.
return redis.call('HVALS', KEYS[1])
