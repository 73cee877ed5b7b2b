-- KEYS: memory, the proofs of one key (a sorted set of ids by the last second in which they are acceptable).
-- ARGV: the proof's id, when it was made and the last second, how many proofs one key may have, margin for clocks.
local now = microseconds()
local run, since = memory(KEYS[1], now)
if not run then
  return since
end
local id, issued, expires = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local share, margin = tonumber(ARGV[4]), tonumber(ARGV[5])
local second = math.floor(now / 1000000)

-- What was made in the second in which the memory begins may have been used before it.
if issued <= math.floor(since / 1000000) or expires < second then
  return 'before-memory'
end
if redis.call('ZSCORE', KEYS[2], id) then
  return 'repeated'
end
if redis.call('ZCOUNT', KEYS[2], second, '+inf') >= share then
  return 'share-exhausted'
end
-- The first command that writes: only that one is refused for lack of room.
redis.call('ZADD', KEYS[2], expires, id)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. (second - margin))
local kept = expires - second + margin + 1
if redis.call('TTL', KEYS[2]) < kept then
  redis.call('EXPIRE', KEYS[2], kept)
end
return 'new'
