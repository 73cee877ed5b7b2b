-- ARGV: margin for clocks, how many targets there may be, then for each target: its text, `all`, `issued`, `until`, and the
-- second in which it can be forgotten. Answers how many targets found no room.
forget(math.floor(now / 1000000), tonumber(ARGV[1]))
local capacity, refused = tonumber(ARGV[2]), 0
for i = 3, #ARGV, 5 do
  local target, ends = ARGV[i], tonumber(ARGV[i + 4])
  local old = redis.call('HGET', KEYS[2], target)
  if not old and redis.call('HLEN', KEYS[2]) >= capacity then
    refused = refused + 1
  else
    -- A revocation never shortens another one.
    local all, issued, until_ = string.match(old or '-1,-1,-1', '^(%-?%d+),(%-?%d+),(%-?%d+)$')
    if not all then
      return redis.error_reply('BADREVOCATION an entry holds something else')
    end
    local new = string.format('%d,%d,%d', math.max(all, ARGV[i + 1]), math.max(issued, ARGV[i + 2]),
      math.max(until_, ARGV[i + 3]))
    if new ~= old then
      redis.call('HSET', KEYS[2], target, new)
      redis.call('ZADD', KEYS[3], redis.call('HINCRBY', KEYS[1], 'version', 1), target)
      local known = redis.call('ZSCORE', KEYS[4], target)
      if not known or tonumber(known) < ends then
        redis.call('ZADD', KEYS[4], ends, target)
      end
    end
  end
end
return refused
