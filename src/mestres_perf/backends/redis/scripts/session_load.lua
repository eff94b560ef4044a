-- A session, which begins its time anew. KEYS: session. ARGV: milliseconds. Returns its text, or nil.
local text = redis.call('GET', KEYS[1])
if text then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return text
