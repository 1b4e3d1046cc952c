"""The Lua scripts that decide which waiting task is next; ``order`` has the one that decides for all.

One order for claims and for places: first by class (``turns.Class``), then the person with the fewest running tasks, the
repository with the fewest, the person and the repository that were served longest ago, and the oldest task. A task that
has waited goes up a class each half hour, up to that of follow-ups, so none waits for ever.

What is running is read from the leases, so nothing has to be counted down when a process dies. The tasks of a party (a person
in a repository) differ only in class and age, so the oldest one of each party and class is looked at (``index``), however many wait.
"""

from __future__ import annotations

from dayhand.ledger.scripts import CLAIM_ONE
from dayhand.ledger.waiting.index import READ

# KEYS, and ARGV up to 4: as READ
# ARGV from 5 on: token, lease milliseconds, worker, most people and repositories to remember, 1 for tasks whose process
# died, 0 for the others, "" for all, then the states that may become running
CLAIM_NEXT = (
    CLAIM_ONE
    + READ
    + """
local FIRST_LOOK = 100  -- parties: where many wait, one that was never served is mostly among them

for _, id in ipairs(redis.call('SMEMBERS', KEYS[3])) do  -- the same call, which the client repeated
  if redis.call('GET', ARGV[2] .. id) == ARGV[5] then
    local counts = redis.call('HMGET', ARGV[1] .. id, 'attempt', 'delays')
    return {id, tonumber(counts[1]), tonumber(counts[2] or 0)}
  end
end

local best

-- Whether a is before b: below 0 if it is, 0 if nothing but their ids tells.
local function compare(a, b)
  local difference = (running.person[a.person] or 0) - (running.person[b.person] or 0)
  if difference == 0 then difference = (running.repository[a.repository] or 0) - (running.repository[b.repository] or 0) end
  if difference == 0 then difference = served_at('person', a.person) - served_at('person', b.person) end
  if difference == 0 then difference = served_at('repository', a.repository) - served_at('repository', b.repository) end
  return difference == 0 and a.created - b.created or difference
end

local function consider(class, name, created)
  local party = parse_party(name)
  if not may_start(party) then return end
  party.class, party.created = class, created
  local difference = best and compare(party, best) or -1
  if difference == 0 then difference = find_oldest(class, name, 0) < find_oldest(best.class, best.name, 0) and -1 or 1 end
  if difference < 0 then best = party end
end

-- Whether no younger task can be before the best one.
local function is_settled(created)
  return best and created > best.created and not running.person[best.person] and not running.repository[best.repository]
    and served_at('person', best.person) == 0 and served_at('repository', best.repository) == 0
end

-- Look at the parties whose oldest task of this class has been raised to ``raised``, the oldest first.
local function look(class, raised)
  local least = raised > 1 and string.format('(%.17g', now - (class - raised + 1) * raised_after) or '-inf'
  local most = class > raised and string.format('%.17g', now - (class - raised) * raised_after) or '+inf'
  for _, part in ipairs({{0, FIRST_LOOK}, {FIRST_LOOK, -1}}) do
    local found = redis.call('ZRANGEBYSCORE', parties_of(class), least, most, 'WITHSCORES', 'LIMIT', unpack(part))
    for i = 1, #found, 2 do
      local created = tonumber(found[i + 1])
      if is_settled(created) then return end
      if not numbers[tasks_of(class, found[i])] then consider(class, found[i], created) end
    end
    if #found < 2 * FIRST_LOOK then return end
  end
end

local function find_next()
  best = nil
  for raised = 0, ARGV[9] == '1' and 0 or LAST_CLASS do
    for class = raised, raised == 0 and 0 or LAST_CLASS do look(class, raised) end
    for key in pairs(numbers) do  -- parties whose oldest task may be skipped
      local class, name = string.match(key, '^[^:]*:[^:]*:(%d):(.*)$')
      local id, created = find_oldest(class, name, 0)
      if id and raise(tonumber(class), created) == raised then consider(tonumber(class), name, created) end
    end
    if best then return find_oldest(best.class, best.name, 0) end
  end
end

if ARGV[9] == '1' then  -- nearly all others
  for _, name in ipairs(redis.call('ZRANGE', parties_of(0), 0, -1)) do
    for _, id in ipairs(redis.call('ZRANGE', tasks_of(0, name), 0, -1)) do
      if attempts(id) == 0 then skip(id, redis.call('HGET', WAITING, id)) end
    end
  end
end

local id = find_next()
while id do
  local record, lease = ARGV[1] .. id, ARGV[2] .. id
  local counts = false
  if ARGV[9] ~= '0' or attempts(id) == 0 then
    counts = claim({record, lease, KEYS[5], KEYS[6]}, {ARGV[5], ARGV[6], ARGV[3], ARGV[7], unpack(ARGV, 10)})
    redis.call('SADD', KEYS[3], id)
  end
  if counts then
    local last = last_served() + 1
    index_as_begun(id)
    redis.call('ZADD', KEYS[4], last, 'person ' .. best.person, last, 'repository ' .. best.repository)
    redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -1 - tonumber(ARGV[8]))
    return {id, counts[1], counts[2]}
  end
  if redis.call('EXISTS', lease) == 1 then count(best) end  -- a process of an older version runs it
  skip(id, redis.call('HGET', WAITING, id))
  if redis.call('SISMEMBER', KEYS[1], id) == 0 then  -- a process of an older version ended it
    unindex(id)
    sync()
  end
  id = find_next()
end
return false
"""
)

# KEYS: unfinished, held, record, lease · ARGV: id, milliseconds
# Keep workers from claiming a waiting task while something is said about it.
HOLD = """
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 or redis.call('HGET', KEYS[3], 'state') ~= 'queued' then return 0 end
if not redis.call('SET', KEYS[4], 'notice', 'PX', ARGV[2], 'NX') then return 0 end
redis.call('SADD', KEYS[2], ARGV[1])
return 1
"""

# KEYS: held, lease · ARGV: id
LET_GO = """
if redis.call('GET', KEYS[2]) ~= 'notice' then return 0 end
redis.call('DEL', KEYS[2])
return redis.call('SREM', KEYS[1], ARGV[1])
"""

# ARGV from 5 on: how many jobs wait that take any task
# The waiting tasks that need a job: those whose process died, and as many others as may start and have none. A job serves any
# task, so only their number counts.
WITHOUT_JOB = (
    READ
    + """
local missing, died, others, room = -tonumber(ARGV[5]), {}, {}, {}

local function each(visit)
  for class = 0, LAST_CLASS do
    for _, name in ipairs(redis.call('ZRANGE', parties_of(class), 0, -1)) do visit(tasks_of(class, name), name) end
  end
end

for _, name in ipairs(redis.call('ZRANGE', parties_of(0), 0, -1)) do
  for _, id in ipairs(redis.call('ZRANGE', tasks_of(0, name), 0, -1)) do
    if not skipped[id] and attempts(id) > 0 then
      died[#died + 1] = id
      skip(id, redis.call('HGET', WAITING, id))
    end
  end
end
each(function(key, name)
  local installation = parse_party(name).installation
  local left = room[installation] or math.max(0, limit - (running.installation[installation] or 0))
  if limit == 0 then left = math.huge end
  local number = math.min(left, redis.call('ZCARD', key) - (numbers[key] or 0))
  room[installation] = left - number
  missing = missing + number
end)
each(function(key)
  if #others >= missing then return end
  for _, id in ipairs(redis.call('ZRANGE', key, 0, missing - #others + (numbers[key] or 0) - 1)) do
    if not skipped[id] and #others < missing then others[#others + 1] = id end
  end
end)
return {died, others}
"""
)
