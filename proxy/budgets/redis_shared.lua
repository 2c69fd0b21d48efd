-- What every script of proxy/budgets shares; it stands before each of them. One org, one hash tag.
--   KEYS[1] counters  hash   counter name -> "settled held fired_percent touched_ms ends_ms|-"
--                            "#seq", "#epoch" (the server run this was built in), "#cursor"
--   KEYS[2] holds     hash   hold id -> {o: output|absent, e: [{n,l,u,c,w,a,p}, ...]}
--   KEYS[3] leases    zset   hold id -> the moment its lease ends
--   KEYS[4] ended     hash   hold id -> {} settled as held | {usd: "..."} what it cost | "-" released
--   KEYS[5] forget    zset   hold id -> the moment its ending may be forgotten
-- An entry: n counter name, l the limit as the client wrote it, u unit, c cap, w window start,
-- a amount, p per output token (absent when not known). Every number travels as a string: cjson
-- prints 14 digits, and a Lua number is a double, exact to 2^53 - 1.
local COUNTERS, HOLDS, LEASES, ENDED, FORGET = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local MAX = 9007199254740991
local ask = cjson.decode(ARGV[1])

local function text(number)
  return string.format('%.0f', number)
end

local function saturated(number)
  if number > MAX then return MAX end
  return number
end

-- A restarted server may have come back with an old snapshot: only what was built in this run
-- counts. A hold without a lease, or the reverse, means that one key was evicted or restored alone.
local epoch = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local meta = redis.call('HMGET', COUNTERS, '#seq', '#epoch')
local seq = tonumber(meta[1] or '0')

local function is_stale()
  return (meta[2] and meta[2] ~= epoch) or seq < tonumber(ask.seen)
    or redis.call('HLEN', HOLDS) ~= redis.call('ZCARD', LEASES)
end

local STALE = '{"is":"stale"}'

local function changed()
  seq = seq + 1
  redis.call('HSET', COUNTERS, '#seq', text(seq), '#epoch', epoch)
end

local function parsed(value)
  local settled, held, fired, touched, ends = string.match(value, '^(%d+) (%d+) (%d+) (%d+) (%S+)$')
  return {
    settled = tonumber(settled), held = tonumber(held), fired = tonumber(fired),
    touched = tonumber(touched), ends = tonumber(ends),
  }
end

local function counter(name)
  local value = redis.call('HGET', COUNTERS, name)
  return value and parsed(value)
end

local function save(name, c)
  redis.call('HSET', COUNTERS, name, table.concat({
    text(c.settled), text(c.held), text(c.fired), text(c.touched), c.ends and text(c.ends) or '-',
  }, ' '))
end

local function remember(id, ending, forget_at)
  if redis.call('HSETNX', ENDED, id, ending) == 1 then
    redis.call('ZADD', FORGET, text(forget_at), id)
  end
end

local function close(id)
  redis.call('HDEL', HOLDS, id)
  redis.call('ZREM', LEASES, id)
end

-- The least settled amount that reaches a percentage of the cap, exact: never cap * percent.
local function reaches(settled, cap, percent)
  local rest = math.fmod(cap, 100)
  return settled >= (cap - rest) / 100 * percent + math.ceil(rest * percent / 100)
end

local function percent_reached(settled, cap)
  local reached = 0
  if cap == 0 then return 0 end
  for _, percent in ipairs({50, 80, 90, 100}) do
    if reaches(settled, cap, percent) then reached = percent end
  end
  return reached
end

-- Moves an open hold to settled: what it cost, or as held where `actual` does not say.
local function charge(id, hold, actual, now)
  local answer = {e = {}, overran = false, crossed = {}}
  for i, entry in ipairs(hold.e) do
    local c = counter(entry.n)
    local amount = tonumber(entry.a)
    local cost = tonumber(actual[entry.u] or entry.a)
    if cost > amount then answer.overran = true end
    c.held = c.held - amount
    c.settled = saturated(c.settled + cost)
    if now > c.touched then c.touched = now end
    local reached = percent_reached(c.settled, tonumber(entry.c))
    for _, percent in ipairs({50, 80, 90, 100}) do
      if c.fired < percent and percent <= reached then
        answer.crossed[#answer.crossed + 1] = {entry.l, text(percent)}
      end
    end
    if reached > c.fired then c.fired = reached end
    save(entry.n, c)
    answer.e[i] = {l = entry.l, w = entry.w, a = text(cost), p = entry.p}
  end
  close(id)
  return answer
end
