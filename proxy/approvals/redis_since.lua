-- What was changed after a change in a life of the server; all of it when that life is over. KEYS: by-id,
-- by-key, changes. ARGV: channel, the change, the life. Answers with the latest change and this life.
local last = redis.call('HGET', KEYS[1], '#changes') or '0'
local life = redis.call('HGET', KEYS[1], '#life') or ''
local from = ARGV[2]
if life ~= ARGV[3] then from = '0' end
local answer = {last, life}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. from, '+inf')) do
  local value = redis.call('HGET', KEYS[1], id)
  if value then answer[#answer + 1] = value end
end
return answer
