-- Since when this server remembers: its own `run` and that time, or nil and an error reply.
--
-- Each start of a server has a `run_id` of its own. Another one than before means that the server was started again or
-- replaced, and nobody knows what was lost. So does a `key` that is not there.
local function memory(key, now)
  local info = redis.call('INFO', 'server', 'replication')
  local run, role = string.match(info, 'run_id:(%w+)'), string.match(info, 'role:(%w+)')
  if not run then
    return nil, redis.error_reply('NORUN the server does not say its run_id')
  end
  -- A script that happens to write nothing would run there too, on what may be old.
  if role ~= 'master' then
    return nil, redis.error_reply('READONLY the server is a replica')
  end
  local known = redis.call('HMGET', key, 'run', 'since')
  if known[1] == run and tonumber(known[2]) then
    return run, tonumber(known[2])
  end
  local policy = string.match(redis.call('INFO', 'memory'), 'maxmemory_policy:([%w-]+)')
  if policy ~= 'noeviction' then
    return nil, redis.error_reply('EVICTS ' .. tostring(policy))
  end
  redis.call('HSET', key, 'run', run, 'since', string.format('%.0f', now))
  return run, now
end

-- Microseconds. Numbers are exact up to 2^53, which is the year 2255.
local function microseconds()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

