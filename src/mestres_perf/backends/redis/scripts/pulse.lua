-- The number of the last message, and what time it is here. KEYS: sequence. Returns {number, seconds, microseconds}.
local now = redis.call('TIME')
return {tonumber(redis.call('GET', KEYS[1]) or -1), tonumber(now[1]), tonumber(now[2])}
