-- A value, if it still holds.
-- KEYS: value, epoch. ARGV: prefix of tag versions.
-- A value is a hash: v payload, e epoch, t tags and their versions, one a line. It holds while all of these are what
-- they were; a version that Redis has forgotten is none.
-- Returns {1, payload, milliseconds left}, or {0}.
local found = redis.call('HMGET', KEYS[1], 'v', 'e', 't')
if not found[1] then return {0} end
local holds = found[2] == (redis.call('GET', KEYS[2]) or '')
if holds and found[3] ~= '' then
  for tag, version in string.gmatch(found[3], '([^\n]*)\n([^\n]*)\n') do
    if redis.call('GET', ARGV[1] .. tag) ~= version then holds = false end
  end
end
if not holds then
  redis.call('DEL', KEYS[1])
  return {0}
end
return {1, found[1], redis.call('PTTL', KEYS[1])}
