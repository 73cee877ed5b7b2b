-- KEYS: memory, then the bucket of each charge (a text: the microsecond in which it will be full).
-- ARGV: for each charge the time in microseconds that fills the whole bucket, and the time that refills what is charged.
-- Answers whether all were charged, then for each charge the time until its bucket is full and until it has enough.
local now = microseconds()
local run, problem = memory(KEYS[1], now)
if not run then
  return problem
end
local before, after, waits = {}, {}, {}
local admitted = 1
for i = 2, #KEYS do
  local key, capacity, charge = KEYS[i], tonumber(ARGV[2 * i - 3]), tonumber(ARGV[2 * i - 2])
  if not before[key] then
    local stored = redis.call('GET', key)
    local full = tonumber(stored or '0')
    if not full then
      return redis.error_reply('BADBUCKET a bucket holds something else')
    end
    -- No bucket is emptier than empty: if the clock was put back, or the quota was changed, it refills in its own time.
    before[key] = math.max(now, math.min(full, now + capacity))
    after[key] = before[key]
  end
  after[key] = after[key] + charge
  local wait = math.max(0, after[key] - now - capacity)
  if wait > 0 then
    admitted = 0
  end
  waits[i] = wait
end
local levels = before
if admitted == 1 then
  levels = after
  for key, full in pairs(after) do
    if full > now then
      redis.call('SET', key, string.format('%.0f', full), 'PX', string.format('%.0f', math.ceil((full - now) / 1000)))
    end
  end
end
local answer = { admitted }
for i = 2, #KEYS do
  answer[#answer + 1] = levels[KEYS[i]] - now
  answer[#answer + 1] = waits[i]
end
return answer
