-- End a session. KEYS: session. Returns how many there were.
return redis.call('DEL', KEYS[1])
