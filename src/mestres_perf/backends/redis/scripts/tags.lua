-- Give tags new versions. ARGV: prefix, then tag and version, ... Returns 1.
-- A tag without a version needs none: no value that has it holds, and no load under way was given one.
for i = 2, #ARGV, 2 do
  redis.call('SET', ARGV[1] .. ARGV[i], ARGV[i + 1], 'XX', 'EX', 2592000)
end
return 1
