-- The lease to load a value, to one asker at a time.
-- KEYS: value, lease. ARGV: token, lease milliseconds, stamp of the value that the asker has seen and will not have.
-- Returns 1 when another value has come meanwhile, 2 with the lease, 3 while another has it.
local there = redis.call('GETRANGE', KEYS[1], 2, 9)
if there ~= '' and there ~= ARGV[3] then return 1 end
-- The asker's own token: its first call was heard and the answer lost on the way.
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) or redis.call('GET', KEYS[2]) == ARGV[1] then return 2 end
-- A lease without an end is nobody's: some other program wrote it.
if redis.call('PTTL', KEYS[2]) == -1 then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
return 3
