"""What must happen at once happens in Redis itself: the Lua programs, each a single step.

A worker's every write names its lease's token; whoever lost the lease gets the reply ``LEASE`` and has written nothing.
"""

from __future__ import annotations

# KEYS: delivery, meaning, record, tasks, unfinished · ARGV: id, task, now, delivery seconds
OPEN = """
local seen = redis.call('GET', KEYS[1])
if seen and seen ~= '' then return {seen, 0} end
local held = redis.call('GET', KEYS[2])
if held and redis.call('SISMEMBER', KEYS[5], held) == 1 then
  redis.call('SET', KEYS[1], held, 'EX', ARGV[4])
  return {held, 0}
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
redis.call('SET', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[3], 'task', ARGV[2], 'state', 'queued', 'meaning', KEYS[2], 'updated', ARGV[3])
redis.call('ZADD', KEYS[4], ARGV[3], ARGV[1])
redis.call('SADD', KEYS[5], ARGV[1])
return {ARGV[1], 1}
"""

# KEYS: record, lease · ARGV: token, lease milliseconds, now, worker
CLAIM = """
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'queued' and state ~= 'running' then return 0 end
if not redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2], 'NX') then return 0 end
redis.call('HSET', KEYS[1], 'state', 'running', 'updated', ARGV[3], 'worker', ARGV[4])
return redis.call('HINCRBY', KEYS[1], 'claims', 1)
"""

# KEYS: lease · ARGV: token, lease milliseconds (0 ends it)
RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
"""

_FENCE = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('LEASE') end\n"

# KEYS: lease, hash · ARGV: token, then field, value pairs
WRITE = (
    _FENCE
    + """
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 1
"""
)

# KEYS: lease, stream · ARGV: token, most entries, then field, value pairs of one entry without its line number
APPEND = (
    _FENCE
    + """
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local line = 1
if #last > 0 then line = tonumber(string.match(last[1][1], '^(%d+)')) + 1 end
local entry = {}
for i = 3, #ARGV do entry[#entry + 1] = ARGV[i] end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], line .. '-0', unpack(entry))
return line
"""
)

# KEYS: lease, record, unfinished, stop, log, journal, facts · ARGV: token, id, state, reason, outcome, now, kept seconds
FINISH = (
    _FENCE
    + """
local meaning = redis.call('HGET', KEYS[2], 'meaning')
redis.call('HSET', KEYS[2], 'state', ARGV[3], 'reason', ARGV[4], 'outcome', ARGV[5], 'updated', ARGV[6], 'stage', '')
redis.call('SREM', KEYS[3], ARGV[2])
if meaning and redis.call('GET', meaning) == ARGV[2] then redis.call('DEL', meaning) end
redis.call('DEL', KEYS[1], KEYS[4])
for i = 5, 7 do redis.call('EXPIRE', KEYS[i], ARGV[7]) end
return 1
"""
)
