-- Where the stream ends. KEYS: sequence, stream. ARGV: the number to begin with, chosen at random: after everything was
-- lost nobody shall take the numbers that come then for those that he was waiting for.
-- Returns {number of the last message, its place in the stream}.
redis.call('SET', KEYS[1], ARGV[1], 'NX')
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
return {tonumber(redis.call('GET', KEYS[1])), last[1] and last[1][1] or '0-0'}
