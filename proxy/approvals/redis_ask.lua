-- Joins the question that has this key, or puts a new one. KEYS: by-id, by-key, changes, what waits of
-- its org. ARGV: channel, now, most that wait, id, key, until, value.
local known = redis.call('HGET', KEYS[2], ARGV[5])
local value = known and redis.call('HGET', KEYS[1], known)
if value and tonumber(ARGV[2]) < cjson.decode(value).joins_until_ms then return value end
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', ARGV[2])
if redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[3]) then return false end
redis.call('HSETNX', KEYS[1], '#life', ARGV[4])
redis.call('HSET', KEYS[1], ARGV[4], ARGV[7])
redis.call('HSET', KEYS[2], ARGV[5], ARGV[4])
redis.call('ZADD', KEYS[3], redis.call('HINCRBY', KEYS[1], '#changes', 1), ARGV[4])
redis.call('ZADD', KEYS[4], ARGV[6], ARGV[4])
redis.call('PUBLISH', ARGV[1], ARGV[4])
return ARGV[7]
