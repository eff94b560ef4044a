-- The lease to load a value, to one asker at a time.
-- KEYS: value, lease. ARGV: token, lease milliseconds, stamp of the value that the asker has seen and will not have.
-- Returns 1 when another value has come meanwhile, 2 with the lease, 3 while another has it.
local there = redis.call('GETRANGE', KEYS[1], 2, 9)
if there ~= '' and there ~= ARGV[3] then return 1 end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 2 end
local kind = redis.call('TYPE', KEYS[2]).ok
local holder = kind == 'string' and redis.call('GET', KEYS[2]) or ''
-- The asker's own token: its first call was heard and the answer lost on the way.
if holder == ARGV[1] then return 2 end
-- What is no token some other program wrote: it may stay as long as a lease would, and no longer.
local left = redis.call('PTTL', KEYS[2])
if left == -1 or (left > tonumber(ARGV[2]) and not (#holder == 16 and string.match(holder, '^%x+$'))) then
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
return 3
