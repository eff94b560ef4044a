-- A value if it still holds; else the lease to load it, to one asker at a time.
-- KEYS: value, lease, epoch. ARGV: prefix of tag versions, token, lease milliseconds, then tag and a fresh version, ...
-- Returns {1, payload, milliseconds left}; {2, epoch, version, ...} with the lease; {3} while another has it.
local found = redis.call('HMGET', KEYS[1], 'v', 'e', 't')
local epoch = redis.call('GET', KEYS[3]) or ''
if found[1] then
  local holds = found[2] == epoch
  if holds and found[3] ~= '' then
    for tag, version in string.gmatch(found[3], '([^\n]*)\n([^\n]*)\n') do
      if redis.call('GET', ARGV[1] .. tag) ~= version then holds = false end
    end
  end
  if holds then return {1, found[1], redis.call('PTTL', KEYS[1])} end
  redis.call('DEL', KEYS[1])
end
-- The asker's own token: its first call was heard and the answer lost on the way.
if not redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) and redis.call('GET', KEYS[2]) ~= ARGV[2] then
  -- A lease without an end is nobody's: some other program wrote it.
  if redis.call('PTTL', KEYS[2]) == -1 then redis.call('PEXPIRE', KEYS[2], ARGV[3]) end
  return {3}
end
local reply = {2, epoch}
for i = 4, #ARGV, 2 do
  local place = ARGV[1] .. ARGV[i]
  redis.call('SET', place, ARGV[i + 1], 'NX')
  redis.call('EXPIRE', place, 2592000)
  reply[#reply + 1] = redis.call('GET', place)
end
return reply
