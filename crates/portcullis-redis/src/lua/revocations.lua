-- KEYS of the scripts about revocations:
--   1  memory, with the number of the latest change as `version`
--   2  a hash from each target to what is revoked of it, `all,issued,until`: three seconds, or -1
--   3  a sorted set of the targets by the number of their latest change
--   4  a sorted set of the targets by the second in which they can be forgotten
local function forget(second, margin)
  local over = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', '(' .. (second - margin), 'LIMIT', 0, 1000)
  if #over > 0 then
    redis.call('HDEL', KEYS[2], unpack(over))
    redis.call('ZREM', KEYS[3], unpack(over))
    redis.call('ZREM', KEYS[4], unpack(over))
  end
end

local now = microseconds()
local run, since = memory(KEYS[1], now)
if not run then
  return since
end
