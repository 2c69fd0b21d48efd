-- Puts a version in the place of the one before it. KEYS: by-id, by-key, changes, what waits of its org.
-- ARGV: channel, id, the version before, "1" while it waits, key, value.
local known = redis.call('HGET', KEYS[1], ARGV[2])
if not known then return 0 end
if known == ARGV[6] then return 1 end
if cjson.decode(known).version ~= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[6])
redis.call('ZADD', KEYS[3], redis.call('HINCRBY', KEYS[1], '#changes', 1), ARGV[2])
if ARGV[4] == '' then redis.call('ZREM', KEYS[4], ARGV[2]) end
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1
