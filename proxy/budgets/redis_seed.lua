-- Creates a counter from the ledger if it is absent; holds that have ended count as they ended.
if is_stale() or counter(ask.entry.n) then return '{"is":"seeded","created":false}' end
local entry = ask.entry
local settled, held = tonumber(ask.settled), 0
for _, listed in ipairs(ask.holds) do
  local id, amount, lease = listed[1], listed[2], listed[3]
  local ending = redis.call('HGET', ENDED, id)
  if ending then
    if ending ~= '-' then
      settled = settled + tonumber(cjson.decode(ending)[entry.u] or amount)
    end
  else
    local open = redis.call('HGET', HOLDS, id)
    local hold = open and cjson.decode(open) or {e = {}}
    local mine, price
    for _, other in ipairs(hold.e) do
      if other.n == entry.n then mine = other end
      if other.u == entry.u then price = price or other.p end
    end
    if not mine then
      mine = {n = entry.n, l = entry.l, u = entry.u, c = entry.c, w = entry.w, a = amount, p = price}
      hold.e[#hold.e + 1] = mine
      redis.call('HSET', HOLDS, id, cjson.encode(hold))
      redis.call('ZADD', LEASES, 'NX', lease, id)
    end
    held = held + tonumber(mine.a)
  end
end
settled = saturated(settled)
save(entry.n, {
  settled = settled, held = saturated(held), fired = percent_reached(settled, tonumber(entry.c)),
  touched = tonumber(ask.now), ends = tonumber(ask.ends),
})
if seq == 0 then seq = tonumber(ask.generation) end
changed()
return '{"is":"seeded","created":true}'
