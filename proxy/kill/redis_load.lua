-- Everything in force, behind the name of the server's run. KEYS[1] is the hash of stops, and in it
-- "#run" the run that it was made or completed in. ARGV: channel, the run that the asker knows, and its
-- own stops as [[field, value], ...]: after a restart, a failover or a flush they are put here first.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if redis.call('HGET', KEYS[1], '#run') ~= run or (ARGV[2] ~= '' and ARGV[2] ~= run) then
  redis.call('HSET', KEYS[1], '#run', run)
  for _, mine in ipairs(cjson.decode(ARGV[3])) do
    local known = redis.call('HGET', KEYS[1], mine[1])
    if not known or (cjson.decode(known).level == 'quarantine'
        and cjson.decode(mine[2]).level == 'kill') then
      redis.call('HSET', KEYS[1], mine[1], mine[2])
      redis.call('PUBLISH', ARGV[1], mine[1])
    end
  end
end
local answer = {run}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if all[i] ~= '#run' then answer[#answer + 1] = all[i + 1] end
end
return answer
