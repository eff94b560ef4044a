-- Write what has changed in a session; names that are not mentioned stay as another request has left them. One that is
-- not new must still be there, be it under the name that it had before: what was ended elsewhere meanwhile stays ended.
-- Sent twice, it finds what it has moved the first time.
-- KEYS: session, and the one that becomes it, if it moves. ARGV: milliseconds, 1 when new, how many names are written,
-- each with its text, and the names that go. Returns 1 when written.
if KEYS[2] and redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('RENAME', KEYS[2], KEYS[1])
elseif ARGV[2] ~= '1' and redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local last = 3 + 2 * tonumber(ARGV[3])
for i = 4, last, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = last + 1, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
