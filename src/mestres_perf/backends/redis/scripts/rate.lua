-- Admit one call of a key, by the clock of this server. KEYS: when the key is idle again, in microseconds since 1970.
-- ARGV: microseconds between two calls of an even flow, calls that may come at once.
-- Returns {microseconds to wait, 0 when admitted; microseconds until it is idle}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local busy = (tonumber(redis.call('GET', KEYS[1]) or '') or now) - now
-- Not more than a full burst: the clock may have been set back, the rate may have been another.
busy = math.min(math.max(busy, 0), interval * burst)
local wait = busy - interval * (burst - 1)
if wait > interval * 0.001 then return {math.ceil(wait), math.ceil(busy)} end
busy = busy + interval
redis.call('SET', KEYS[1], string.format('%.2f', now + busy), 'PX', math.ceil(busy / 1000))
return {0, math.ceil(busy)}
