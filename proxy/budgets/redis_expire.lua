-- Charges holds whose lease has ended their whole bound, a batch at a time; then sweeps a little.
if is_stale() then return STALE end
local now = tonumber(ask.now)
local due = redis.call('ZRANGEBYSCORE', LEASES, '-inf', ask.now, 'LIMIT', 0, ask.batch)
local expired = {}
for i, id in ipairs(due) do
  local open = redis.call('HGET', HOLDS, id)
  if not open then return STALE end
  local answer = charge(id, cjson.decode(open), {}, now)
  remember(id, '{}', tonumber(ask.forget))
  expired[i] = {id = id, e = answer.e, crossed = answer.crossed}
end
if #due > 0 then changed() end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', FORGET, '-inf', ask.now, 'LIMIT', 0, ask.batch)) do
  redis.call('HDEL', ENDED, id)
  redis.call('ZREM', FORGET, id)
end
-- Counters can be seeded again, so those that hold nothing go: their window over, or idle.
local cursor = redis.call('HGET', COUNTERS, '#cursor') or '0'
local found = redis.call('HSCAN', COUNTERS, cursor, 'COUNT', ask.batch)
local fields = found[2]
for i = 1, #fields, 2 do
  if string.sub(fields[i], 1, 1) ~= '#' then
    local c = parsed(fields[i + 1])
    local past = c.ends and c.ends < tonumber(ask.ended_before)
    if c.held == 0 and (past or c.touched < tonumber(ask.idle_before)) then
      redis.call('HDEL', COUNTERS, fields[i])
    end
  end
end
if found[1] ~= cursor then redis.call('HSET', COUNTERS, '#cursor', found[1]) end
if redis.call('HLEN', COUNTERS) <= 3 and redis.call('EXISTS', HOLDS, ENDED) == 0 then
  redis.call('DEL', COUNTERS)
end
return cjson.encode({is = 'expired', expired = expired, more = #due == tonumber(ask.batch)})
