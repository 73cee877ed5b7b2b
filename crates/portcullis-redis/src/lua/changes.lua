-- ARGV: margin for clocks, which memory was read, up to which change, and how many targets to answer at once.
-- Answers the memory, the second, up to which change it was read now, and for each target its text and what is revoked.
local second = math.floor(now / 1000000)
forget(second, tonumber(ARGV[1]))
local this, seen = run .. ':' .. string.format('%.0f', since), ARGV[3]
if this ~= ARGV[2] then
  seen = '0'
end
local changed = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. seen, '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4])
local entries = {}
for i = 1, #changed, 2 do
  entries[#entries + 1] = changed[i]
  entries[#entries + 1] = redis.call('HGET', KEYS[2], changed[i])
  seen = changed[i + 1]
end
return { this, second, tonumber(seen), entries }
