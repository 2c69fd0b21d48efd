-- Lengthens the leases of the holds that are open, and names them.
if is_stale() then return STALE end
local alive = {}
for _, id in ipairs(ask.ids) do
  if redis.call('HEXISTS', HOLDS, id) == 1 then
    redis.call('ZADD', LEASES, 'GT', ask.lease, id)
    alive[#alive + 1] = id
  end
end
if #alive > 0 then changed() end
return cjson.encode({is = 'renewed', ids = alive})
