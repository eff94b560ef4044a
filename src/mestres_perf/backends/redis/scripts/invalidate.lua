-- Drop values and leases. KEYS: value, lease, value, lease, ... Returns how many there were.
return redis.call('DEL', unpack(KEYS))
