-- renew
-- Hold a lease for longer: its load is still running. KEYS: lease. ARGV: token, milliseconds.
-- Returns 1 when it was still held, 0 when it ran out or was taken away.
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
