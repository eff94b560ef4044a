-- A session. Its time begins anew only when little is left of it: most requests write nothing.
-- KEYS: session. ARGV: milliseconds, of which so many must be left. Returns names and texts, one after another.
local found = redis.call('HGETALL', KEYS[1])
if #found > 0 and redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return found
