-- Give everything a new version. KEYS: epoch. ARGV: version. Returns 1.
redis.call('SET', KEYS[1], ARGV[1])
return 1
