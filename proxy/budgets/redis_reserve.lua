-- The most output in [low, high] that fits every limit, held in one step, or nothing at all. Of an
-- entry, f is the fixed part and t what is taken beyond the cost as far as there is room.
if is_stale() then return STALE end
local open = redis.call('HGET', HOLDS, ask.id)
if open then
  local hold = cjson.decode(open)
  if not hold.o then return '{"is":"closed"}' end
  local lease = redis.call('ZSCORE', LEASES, ask.id)
  return cjson.encode({is = 'hold', o = hold.o, e = hold.e, lease = lease, seq = text(seq)})
end
if redis.call('HEXISTS', ENDED, ask.id) == 1 then return '{"is":"closed"}' end

local low, output = tonumber(ask.low), tonumber(ask.high)
local now = tonumber(ask.now)
local counters, rooms, missing, short = {}, {}, {}, {}
for i, entry in ipairs(ask.e) do
  local c = counter(entry.n)
  if c then
    counters[i] = c
    rooms[i] = math.max(0, tonumber(entry.c) - c.settled - c.held)
    local room, fixed, per = rooms[i], tonumber(entry.f), tonumber(entry.p)
    if fixed + per * low > room then
      short[#short + 1] = {i = text(i), settled = text(c.settled), held = text(c.held)}
    elseif fixed + per * output > room then
      output = room - fixed
      output = (output - math.fmod(output, per)) / per
    end
  else
    missing[#missing + 1] = text(i)
  end
end
if #missing > 0 then return cjson.encode({is = 'unseeded', missing = missing}) end
if #short > 0 then return cjson.encode({is = 'exceeded', short = short}) end

local left = {}
for i, entry in ipairs(ask.e) do
  local c = counters[i]
  local amount = tonumber(entry.f) + tonumber(entry.p) * output
  amount = amount + math.min(tonumber(entry.t), rooms[i] - amount)
  c.held = c.held + amount
  c.touched = now
  save(entry.n, c)
  left[i] = text(math.max(0, tonumber(entry.c) - c.settled - c.held))
  entry.a = text(amount)
  entry.f, entry.t = nil, nil
end
local held = cjson.encode({o = text(output), e = ask.e})
redis.call('HSET', HOLDS, ask.id, held)
redis.call('ZADD', LEASES, ask.lease, ask.id)
changed()
return cjson.encode({
  is = 'hold', o = text(output), e = ask.e, lease = ask.lease, seq = text(seq), left = left
})
