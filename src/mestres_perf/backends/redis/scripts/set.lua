-- Store a value that nobody loaded; the load that is under way loses its lease.
-- KEYS: value, lease. ARGV: frame, milliseconds. Returns 1.
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
