"""The Lua scripts that Redis runs: each is one atomic step.

The fence is the ``token`` in a task's record, which every claim replaces. Only the worker that claimed last may write;
any other gets the reply ``LEASE``, and nothing is written. The lease, a key that expires, only says when the next
worker may claim. A script may run twice for one call, because the client retries after a broken connection.
"""

from __future__ import annotations

from dayhand.ledger.keys import DURATIONS
from dayhand.ledger.waiting.index import INDEX

MAX_DURATIONS = 50

# Record a task as queued in its thread, whose key is kept with it.
_QUEUE = (
    INDEX
    + """
local function queue(record, thread, name, tasks, unfinished, id, task, now, kept, turn)
  redis.call('HSET', record, 'task', task, 'state', 'queued', 'thread', name, 'updated', now)
  redis.call('HSET', thread, 'task', id, 'last', id)
  redis.call('EXPIRE', thread, kept)
  redis.call('ZREMRANGEBYSCORE', tasks, '-inf', now - 2 * kept)
  redis.call('ZADD', tasks, now, id)
  redis.call('SADD', unfinished, id)
  index(id, turn)
end
"""
)

# KEYS: delivery, thread, mailbox, record, tasks, unfinished, unread
# ARGV: id, task, now, delivery seconds, kept seconds, name of the thread, turn, message id ("": none), message, most messages
OPEN = (
    _QUEUE
    + """
local seen = redis.call('GET', KEYS[1])
if seen and seen ~= '' then
  local posted = redis.call('HEXISTS', KEYS[3], ARGV[8]) == 1
  return {seen, seen == ARGV[1] and 'fresh' or posted and 'posted' or 'known'}
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
local held = redis.call('HGET', KEYS[2], 'task')
if not held or redis.call('SISMEMBER', KEYS[6], held) == 0 then
  queue(KEYS[4], KEYS[2], ARGV[6], KEYS[5], KEYS[6], ARGV[1], ARGV[2], ARGV[3], ARGV[5], ARGV[7])
  return {ARGV[1], 'fresh'}
end
redis.call('SET', KEYS[1], held, 'EX', ARGV[4])
if ARGV[8] == '' then return {held, 'known'} end
if redis.call('HLEN', KEYS[3]) >= tonumber(ARGV[10]) and redis.call('HEXISTS', KEYS[3], ARGV[8]) == 0 then
  return {held, 'full'}
end
redis.call('HSET', KEYS[3], ARGV[8], ARGV[9])
redis.call('SADD', KEYS[7], ARGV[6])
return {held, 'posted'}
"""
)

# KEYS: thread, mailbox, record, tasks, unfinished, unread
# ARGV: message id, task id, task, now, kept seconds, name of the thread, turn
# The oldest message becomes a task, unless another process was faster.
OPEN_FROM_MAILBOX = (
    _QUEUE
    + """
local held = redis.call('HGET', KEYS[1], 'task')
if held and redis.call('SISMEMBER', KEYS[5], held) == 1 then return held == ARGV[2] and 1 or 0 end
if redis.call('HDEL', KEYS[2], ARGV[1]) == 0 then return 0 end
if redis.call('HLEN', KEYS[2]) == 0 then redis.call('SREM', KEYS[6], ARGV[6]) end
queue(KEYS[3], KEYS[1], ARGV[6], KEYS[4], KEYS[5], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[7])
return 1
"""
)

# KEYS: thread, mailbox, unfinished, unread · ARGV: name of the thread, message id, message, most messages
POST = """
local held = redis.call('HGET', KEYS[1], 'task')
if not held or redis.call('SISMEMBER', KEYS[3], held) == 0 then return 0 end
if redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[4]) and redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('SADD', KEYS[4], ARGV[1])
return 1
"""

# KEYS: thread, mailbox, unfinished, unread · ARGV: name of the thread, then message ids
DISCARD = """
local held = redis.call('HGET', KEYS[1], 'task')
if held and redis.call('SISMEMBER', KEYS[3], held) == 1 then return 0 end
for i = 2, #ARGV do redis.call('HDEL', KEYS[2], ARGV[i]) end
if redis.call('HLEN', KEYS[2]) == 0 then redis.call('SREM', KEYS[4], ARGV[1]) end
return 1
"""

# Note that Redis answers now. If nobody noted that for half a lease, Redis was away, and leases have expired of which
# nobody knows whether their holders are gone: those holders get one more period to come back.
_BEAT = """
local function beat(beat_key, after_outage, lease)
  local time = redis.call('TIME')
  local now, last = time[1] * 1000 + math.floor(time[2] / 1000), tonumber(redis.call('GET', beat_key))
  if last and now - last > lease / 2 then redis.call('SET', after_outage, 1, 'PX', lease) end
  return now, last
end
"""

MAX_BACK = 1000  # milliseconds by which Redis's clock may go back before anything is done about it

# KEYS: beat, after outage, unfinished, inbox · ARGV: lease milliseconds, prefix of leases
# If Redis's clock was set back, what ends at a time of that clock ends as much later: leases, waiting tasks and deliveries
# are given back that time.
BEAT = (
    _BEAT
    + f"""
local now, last = beat(KEYS[1], KEYS[2], tonumber(ARGV[1]))
local back = last and last - now or 0
redis.call('SET', KEYS[1], string.format('%d', now))
if back < {MAX_BACK} then return 0 end
for _, id in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  local left = redis.call('PTTL', ARGV[2] .. id)
  if left > 0 then redis.call('PEXPIRE', ARGV[2] .. id, math.max(1, left - back)) end
end
for _, guid in ipairs(redis.call('ZRANGE', KEYS[4], 0, -1)) do redis.call('ZINCRBY', KEYS[4], -back, guid) end
return back
"""
)

# A claim as a function. keys: record, lease, beat, after outage
# args: token, lease milliseconds, now, worker, then the states that may become running
CLAIM_ONE = (
    _BEAT
    + """
local function claim(keys, args)
  local record = redis.call('HMGET', keys[1], 'state', 'token', 'attempt', 'delays')
  if record[2] == args[1] then return {tonumber(record[3]), tonumber(record[4] or 0)} end
  beat(keys[3], keys[4], tonumber(args[2]))
  if record[2] and redis.call('EXISTS', keys[4]) == 1 then return false end
  local legal = false
  for i = 5, #args do legal = legal or record[1] == args[i] end
  if not legal or not redis.call('SET', keys[2], args[1], 'PX', args[2], 'NX') then return false end
  redis.call('HSETNX', keys[1], 'begun', args[3])
  redis.call('HSET', keys[1], 'state', 'running', 'token', args[1], 'worker', args[4], 'reason', '', 'updated', args[3])
  return {redis.call('HINCRBY', keys[1], 'attempt', 1), tonumber(record[4] or 0)}
end
"""
)

# KEYS: as the function's, then held · ARGV: as the function's
CLAIM = (
    CLAIM_ONE
    + INDEX
    + """
local counts, id = claim(KEYS, ARGV), string.match(KEYS[1], '[^:]*$')
if counts then
  redis.call('SADD', KEYS[5], id)
  index_as_begun(id)
end
return counts
"""
)

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

# ARGV: worker, 1 if this counts as a crash, prefix of records, prefix of leases
# Free what the worker claimed: the tasks that were begun are those of the first class.
DROP = (
    INDEX
    + """
local dropped = {}
for _, party in ipairs(redis.call('ZRANGE', parties_of(0), 0, -1)) do
  for _, id in ipairs(redis.call('ZRANGE', tasks_of(0, party), 0, -1)) do
    local record = ARGV[3] .. id
    if redis.call('HGET', record, 'worker') == ARGV[1] and redis.call('HDEL', record, 'token') == 1 then
      redis.call('DEL', ARGV[4] .. id)
      if ARGV[2] == '0' then redis.call('HINCRBY', record, 'attempt', -1) end
      dropped[#dropped + 1] = id
    end
  end
end
return dropped
"""
)

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

_FREE_THREAD = """
local function free_thread(prefix, record, id)
  local name = redis.call('HGET', record, 'thread')
  local thread = name and prefix .. name
  if thread and redis.call('HGET', thread, 'task') == id then redis.call('HDEL', thread, 'task') end
  local meaning = redis.call('HGET', record, 'meaning')  -- of a task that an older version opened
  if meaning and redis.call('GET', meaning) == id then redis.call('DEL', meaning) end
end
"""

_END = (
    INDEX + f"""
local DURATIONS, MAX_DURATIONS = '{DURATIONS}', {MAX_DURATIONS}
"""
    """
local function finish(prefix, now, kept, id, state, reason, outcome)
  redis.call('HSET', KEYS[1], 'state', state, 'reason', reason, 'outcome', outcome, 'updated', now)
  redis.call('HDEL', KEYS[1], 'token', 'stage')
  redis.call('SREM', KEYS[2], id)
  unindex(id)
  redis.call('HINCRBY', KEYS[3], state, 1)
  local begun = redis.call('HGET', KEYS[1], 'begun')
  if begun then
    redis.call('LPUSH', DURATIONS, tonumber(now) - tonumber(begun))
    redis.call('LTRIM', DURATIONS, 0, MAX_DURATIONS - 1)
  end
  free_thread(prefix, KEYS[1], id)
  redis.call('DEL', KEYS[4], KEYS[5], KEYS[6])
  redis.call('EXPIRE', KEYS[1], kept)
  for i = 7, #KEYS do redis.call('EXPIRE', KEYS[i], kept) end
end
"""
)

# KEYS: record, unfinished, ended, lease, stop, checkpoint, then what expires
# ARGV: token, prefix of threads, now, kept seconds, id, state, reason, outcome
FINISH = (
    _FENCE
    + _FREE_THREAD
    + _END
    + """
finish(unpack(ARGV, 2))
return 1
"""
)

# KEYS: as FINISH · ARGV: unread, prefix of mailboxes, who, seconds of the request, then as FINISH from the prefix on
# Messages from before the stop are not read any more. A task that no worker has begun ends at once.
STOP = (
    _FREE_THREAD
    + _END
    + """
if redis.call('SISMEMBER', KEYS[2], ARGV[8]) == 0 then return 'over' end
local name = redis.call('HGET', KEYS[1], 'thread')
if name then
  redis.call('DEL', ARGV[2] .. name)
  redis.call('SREM', ARGV[1], name)
end
if not redis.call('HGET', KEYS[1], 'attempt') then
  finish(unpack(ARGV, 5))
  return 'never begun'
end
redis.call('SET', KEYS[5], ARGV[3], 'EX', ARGV[4])
if redis.call('GET', KEYS[4]) == 'later' then redis.call('DEL', KEYS[4]) end
return 'asked'
"""
)

# KEYS: record · ARGV: token, prefix of threads, id
FREE_THREAD = (
    _FENCE
    + _FREE_THREAD
    + """
free_thread(ARGV[2], KEYS[1], ARGV[3])
return 1
"""
)

# KEYS: record, journal, mailbox, unread · ARGV: token, field of the journal, name of the thread, then message ids
# Messages move from the mailbox to the journal, so that they are read once, by whichever worker continues the task.
TAKE_MESSAGES = (
    _FENCE
    + """
local taken = {}
for i = 4, #ARGV do
  local message = redis.call('HGET', KEYS[3], ARGV[i])
  if message then taken[#taken + 1] = message end
  redis.call('HDEL', KEYS[3], ARGV[i])
end
if #taken > 0 then redis.call('HSET', KEYS[2], ARGV[2], '{"version": 1, "messages": ' .. cjson.encode(taken) .. '}') end
if redis.call('HLEN', KEYS[3]) == 0 then redis.call('SREM', KEYS[4], ARGV[3]) end
return redis.call('HGET', KEYS[2], ARGV[2])
"""
)

# KEYS: record · ARGV: token, prefix of threads, prefix of pull requests' threads, kept seconds, number, then pairs
# From now on the pull request's thread is the task's.
NOTE_PULL = (
    _FENCE
    + """
local name = redis.call('HGET', KEYS[1], 'thread')
if not name then return 0 end
for i = 6, #ARGV, 2 do redis.call('HSET', ARGV[2] .. name, ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', ARGV[2] .. name, ARGV[4])
local repository = string.match(name, '^(%d+)#')
if repository and ARGV[5] ~= '0' then redis.call('SET', ARGV[3] .. repository .. '#' .. ARGV[5], name, 'EX', ARGV[4]) end
return 1
"""
)
