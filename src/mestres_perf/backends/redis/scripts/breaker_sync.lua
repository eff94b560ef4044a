-- A breaker says what it has found and hears what others have. All times are durations, counted by the clock of Redis.
-- KEYS: reporters, open, healed, lease.
-- ARGV: own name, milliseconds for which a report is good, 1 when it has had calls, for how many milliseconds it is open
-- by its own finding, what its probes found ("", "healed", "failed"), the count of healings it knows of, for how many
-- milliseconds it wants the lease to probe (0: not).
-- Returns: reporters, how many of them are open, for how many milliseconds yet, count of healings, 1 with the lease.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local own, good, left, found = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4]), ARGV[5]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - good)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if found == 'healed' then
  redis.call('INCR', KEYS[3])
  redis.call('DEL', KEYS[2])
  if redis.call('GET', KEYS[4]) == own then redis.call('DEL', KEYS[4]) end
end
local healed = tonumber(redis.call('GET', KEYS[3]) or '0')
if healed > 0 then redis.call('PEXPIRE', KEYS[3], math.max(good, 3600000)) end
-- Whoever has not heard yet that all is well again says nothing that counts, and needs no probe.
local knows = found == 'healed' or healed == 0 or healed == tonumber(ARGV[6])
if ARGV[3] == '1' then
  redis.call('ZADD', KEYS[1], now, own)
  redis.call('PEXPIRE', KEYS[1], good)
end
if left > 0 and knows then redis.call('ZADD', KEYS[2], now + left, own) else redis.call('ZREM', KEYS[2], own) end
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local yet = last[2] and math.max(1, math.floor(tonumber(last[2]) - now)) or 0
if yet > 0 then redis.call('PEXPIRE', KEYS[2], yet) end
-- A probe that has failed was one for all: nobody else tries before its finder is to try again.
if found == 'failed' and left > 0 and redis.call('GET', KEYS[4]) == own then redis.call('PEXPIRE', KEYS[4], left) end
local leased = 0
if ARGV[7] ~= '0' and knows then
  if redis.call('SET', KEYS[4], own, 'NX', 'PX', ARGV[7]) then
    leased = 1
  elseif redis.call('GET', KEYS[4]) == own then
    redis.call('PEXPIRE', KEYS[4], ARGV[7])
    leased = 1
  end
end
return {redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', KEYS[2]), yet, healed, leased}
