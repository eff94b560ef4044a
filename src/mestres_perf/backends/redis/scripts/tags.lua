-- Give tags new versions. ARGV: prefix, then tag and version, ... Returns 1.
for i = 2, #ARGV, 2 do
  redis.call('SET', ARGV[1] .. ARGV[i], ARGV[i + 1], 'EX', 2592000)
end
return 1
