-- Settles a hold once, or (release) gives it back; what is not open is remembered as ended.
if is_stale() then return STALE end
local open = redis.call('HGET', HOLDS, ask.id)
local answer
if not open then
  answer = {e = {}, overran = false, crossed = {}, already = true}
elseif ask.actual then
  answer = charge(ask.id, cjson.decode(open), ask.actual, tonumber(ask.now))
else
  for _, entry in ipairs(cjson.decode(open).e) do
    local c = counter(entry.n)
    c.held = c.held - tonumber(entry.a)
    save(entry.n, c)
  end
  close(ask.id)
  answer = {}
end
remember(ask.id, ask.actual and cjson.encode(ask.actual) or '-', tonumber(ask.forget))
changed()
answer.is, answer.seq = 'settled', text(seq)
return cjson.encode(answer)
