-- Tell every process what has become untrue. KEYS: sequence, stream. ARGV: messages to keep, origin, kind, parts (lines).
-- Returns the message's number: one more than that of the message before.
local number = redis.call('INCR', KEYS[1])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[1], '*', 'n', number, 'o', ARGV[2], 'k', ARGV[3], 'p', ARGV[4])
return number
