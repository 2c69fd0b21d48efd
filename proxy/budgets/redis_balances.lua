-- Where each counter stands; changes nothing.
if is_stale() then return STALE end
local standing, missing = {}, {}
for i, name in ipairs(ask.names) do
  local c = counter(name)
  if c then
    standing[#standing + 1] = {text(c.settled), text(c.held)}
  else
    missing[#missing + 1] = text(i)
  end
end
if #missing > 0 then return cjson.encode({is = 'unseeded', missing = missing}) end
return cjson.encode({is = 'balances', standing = standing})
