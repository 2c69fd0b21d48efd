-- Puts a stop in force unless something as strict is there. ARGV: channel, field, value.
local known = redis.call('HGET', KEYS[1], ARGV[2])
if known and not (cjson.decode(known).level == 'quarantine'
    and cjson.decode(ARGV[3]).level == 'kill') then
  return known
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return ARGV[3]
