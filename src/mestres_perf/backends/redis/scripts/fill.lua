-- Store what was loaded under a lease, if nothing has been invalidated since it was given.
-- KEYS: value, lease, epoch. ARGV: prefix of tag versions, token, epoch, milliseconds, payload, then tag and version, ...
-- Returns 1 when stored, 0 when refused.
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[2])
if (redis.call('GET', KEYS[3]) or '') ~= ARGV[3] then return 0 end
local tags = ''
for i = 6, #ARGV, 2 do
  if redis.call('GET', ARGV[1] .. ARGV[i]) ~= ARGV[i + 1] then return 0 end
  tags = tags .. ARGV[i] .. '\n' .. ARGV[i + 1] .. '\n'
end
redis.call('HSET', KEYS[1], 'v', ARGV[5], 'e', ARGV[3], 't', tags)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
