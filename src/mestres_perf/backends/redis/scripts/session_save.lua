-- Write a session. One that is not new must still be there: what was ended elsewhere meanwhile stays ended.
-- KEYS: session. ARGV: milliseconds, text, 1 when new. Returns 1 when written.
if ARGV[3] ~= '1' and redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
return 1
