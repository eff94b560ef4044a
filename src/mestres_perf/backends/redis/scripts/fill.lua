-- Store what was loaded under a lease, if the lease is still held.
-- KEYS: value, lease. ARGV: token, frame, milliseconds. Returns 1 when stored, 0 when refused.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
