-- Write what has changed in a session; names that are not mentioned stay as another request has left them. One that is
-- not new must still be there: what was ended elsewhere meanwhile stays ended.
-- KEYS: session, and those that end with it. ARGV: milliseconds, 1 when new, how many names are written, each with its
-- text, and the names that go. Returns 1 when written.
if ARGV[2] ~= '1' and redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
for i = 2, #KEYS do redis.call('DEL', KEYS[i]) end
local last = 3 + 2 * tonumber(ARGV[3])
for i = 4, last, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = last + 1, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
