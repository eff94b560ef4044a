-- Store a value that nobody loaded; the load that is under way loses its lease.
-- KEYS: value, lease, epoch. ARGV: prefix of tag versions, milliseconds, payload, then tag and a fresh version, ...
-- Returns 1.
redis.call('DEL', KEYS[2])
local tags = ''
for i = 4, #ARGV, 2 do
  local place = ARGV[1] .. ARGV[i]
  redis.call('SET', place, ARGV[i + 1], 'NX')
  redis.call('EXPIRE', place, 2592000)
  tags = tags .. ARGV[i] .. '\n' .. redis.call('GET', place) .. '\n'
end
redis.call('HSET', KEYS[1], 'v', ARGV[3], 'e', redis.call('GET', KEYS[3]) or '', 't', tags)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
