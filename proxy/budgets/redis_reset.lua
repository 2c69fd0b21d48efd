-- Forgets an org that is (still) stale, and lifts its seq above all that anyone has seen of it.
if not is_stale() then return '{"is":"reset"}' end
redis.call('DEL', COUNTERS, HOLDS, LEASES, ENDED, FORGET)
seq = math.max(seq, tonumber(ask.seen)) + tonumber(ask.generation)
changed()
return '{"is":"reset"}'
