-- Where the stream ends. KEYS: sequence, stream. Returns {number of the last message, its place in the stream}.
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
return {tonumber(redis.call('GET', KEYS[1]) or '0'), last[1] and last[1][1] or '0-0'}
