"""The Lua scripts that Redis runs: each is one atomic step.

The fence is the ``token`` in a task's record, which every claim replaces. Only the worker that claimed last may write;
any other gets the reply ``LEASE``, and nothing is written. The lease, a key that expires, only says when the next
worker may claim. A script may run twice for one call, because the client retries after a broken connection.
"""

from __future__ import annotations

# KEYS: delivery, meaning, record, tasks, unfinished · ARGV: id, task, now, delivery seconds, kept seconds
OPEN = """
local seen = redis.call('GET', KEYS[1])
if seen and seen ~= '' then return {seen, seen == ARGV[1] and 1 or 0} end
local held = redis.call('GET', KEYS[2])
if held and redis.call('SISMEMBER', KEYS[5], held) == 1 then
  redis.call('SET', KEYS[1], held, 'EX', ARGV[4])
  return {held, 0}
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
redis.call('SET', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[3], 'task', ARGV[2], 'state', 'queued', 'meaning', KEYS[2], 'updated', ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', ARGV[3] - 2 * ARGV[5])
redis.call('ZADD', KEYS[4], ARGV[3], ARGV[1])
redis.call('SADD', KEYS[5], ARGV[1])
return {ARGV[1], 1}
"""

# KEYS: record, lease · ARGV: token, lease milliseconds, now, worker, then the states that may become running
CLAIM = """
local record = redis.call('HMGET', KEYS[1], 'state', 'token', 'attempt', 'delays')
if record[2] == ARGV[1] then return {tonumber(record[3]), tonumber(record[4] or 0)} end
local legal = false
for i = 5, #ARGV do legal = legal or record[1] == ARGV[i] end
if not legal or not redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2], 'NX') then return false end
redis.call('HSET', KEYS[1], 'state', 'running', 'token', ARGV[1], 'worker', ARGV[4], 'reason', '', 'updated', ARGV[3])
return {redis.call('HINCRBY', KEYS[1], 'attempt', 1), tonumber(record[4] or 0)}
"""

_FENCE = "if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return redis.error_reply('LEASE') end\n"

# KEYS: record, lease · ARGV: token, lease milliseconds
# A lease that expired while nobody else claimed (Redis was down, the machine slept) is renewed.
RENEW = (
    _FENCE
    + """
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
"""
)

# KEYS: record, lease · ARGV: token, now, milliseconds until it may be claimed again, reason
RELEASE = (
    _FENCE
    + """
redis.call('HDEL', KEYS[1], 'token', 'stage')
redis.call('HSET', KEYS[1], 'state', 'queued', 'reason', ARGV[4], 'updated', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'attempt', -1)
if tonumber(ARGV[3]) > 0 then
  redis.call('HINCRBY', KEYS[1], 'delays', 1)
  redis.call('SET', KEYS[2], 'later', 'PX', ARGV[3])
else
  redis.call('DEL', KEYS[2])
end
return 1
"""
)

# KEYS: record, lease · ARGV: worker
DROP = """
if redis.call('HGET', KEYS[1], 'worker') ~= ARGV[1] or redis.call('HDEL', KEYS[1], 'token') == 0 then return 0 end
redis.call('DEL', KEYS[2])
return 1
"""

# KEYS: record, hash · ARGV: token, then field, value pairs
WRITE = (
    _FENCE
    + """
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 1
"""
)

# As WRITE, and the task made progress: its attempts are counted from here.
WRITE_PROGRESS = WRITE.replace("return 1", "redis.call('HSET', KEYS[1], 'attempt', 1, 'delays', 0)\nreturn 1")

# KEYS: record, stream · ARGV: token, most entries, then field, value pairs of one entry without its line number
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

# KEYS: record, unfinished, ended, lease, stop, checkpoint, then what expires
# ARGV: token, id, state, reason, outcome, now, kept seconds
FINISH = (
    _FENCE
    + """
local meaning = redis.call('HGET', KEYS[1], 'meaning')
redis.call('HSET', KEYS[1], 'state', ARGV[3], 'reason', ARGV[4], 'outcome', ARGV[5], 'updated', ARGV[6])
redis.call('HDEL', KEYS[1], 'token', 'stage')
redis.call('SREM', KEYS[2], ARGV[2])
redis.call('HINCRBY', KEYS[3], ARGV[3], 1)
if meaning and redis.call('GET', meaning) == ARGV[2] then redis.call('DEL', meaning) end
redis.call('DEL', KEYS[4], KEYS[5], KEYS[6])
redis.call('EXPIRE', KEYS[1], ARGV[7])
for i = 7, #KEYS do redis.call('EXPIRE', KEYS[i], ARGV[7]) end
return 1
"""
)

# KEYS: record · ARGV: token, id
FREE_MEANING = (
    _FENCE
    + """
local meaning = redis.call('HGET', KEYS[1], 'meaning')
if meaning and redis.call('GET', meaning) == ARGV[2] then redis.call('DEL', meaning) end
return 1
"""
)
