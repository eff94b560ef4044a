-- Give a lease back when its load has failed. KEYS: lease. ARGV: token. Returns 1 when it was still held.
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
