-- Grows a hold by so many output tokens on every limit, or changes nothing.
if is_stale() then return STALE end
local open = redis.call('HGET', HOLDS, ask.id)
local hold = open and cjson.decode(open)
if not hold or not hold.o then return '{"is":"closed"}' end
local more = tonumber(ask.more)
local counters, short = {}, {}
for i, entry in ipairs(hold.e) do
  if not entry.p then return '{"is":"closed"}' end
  local c = counter(entry.n)
  counters[i] = c
  local cost = tonumber(entry.p) * more
  if cost > 0 and cost > tonumber(entry.c) - c.settled - c.held then
    short[#short + 1] = {
      l = entry.l, w = entry.w, p = entry.p, settled = text(c.settled), held = text(c.held),
    }
  end
end
if #short > 0 then return cjson.encode({is = 'exceeded', short = short}) end
local now = tonumber(ask.now)
for i, entry in ipairs(hold.e) do
  local c = counters[i]
  local cost = tonumber(entry.p) * more
  c.held = c.held + cost
  if now > c.touched then c.touched = now end
  save(entry.n, c)
  entry.a = text(tonumber(entry.a) + cost)
end
hold.o = text(tonumber(hold.o) + more)
redis.call('HSET', HOLDS, ask.id, cjson.encode(hold))
changed()
local lease = redis.call('ZSCORE', LEASES, ask.id)
return cjson.encode({is = 'hold', o = hold.o, e = hold.e, lease = lease, seq = text(seq)})
