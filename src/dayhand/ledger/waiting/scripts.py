"""The Lua scripts that decide which waiting task is next.

One order for claims and for places: first by class (``turns.Class``), then the person with the fewest running tasks, the
repository with the fewest, the person and the repository that were served longest ago, and the oldest task. A task that
has waited goes up a class each half hour, up to that of follow-ups, so none waits for ever.

What is running is read from the leases, so nothing has to be counted down when a process dies. Of a long queue each task
is looked at once, in one reply of Redis; everything else is done by party: a person in a repository.
"""

from __future__ import annotations

from dayhand.ledger.scripts import CLAIM_ONE

# KEYS: unfinished, turns, held, served, beat, after outage, most running tasks of an installation (0: any number)
# ARGV: prefix of records, prefix of leases, now, seconds after which a task goes up
_READ = """
local now, raised_after, limit = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(redis.call('GET', KEYS[7]) or 0)
local UNKNOWN = '2\\t0\\t0\\t\\t'  -- the turn of a task that an older version opened
local running, busy = {person = {}, repository = {}, installation = {}}, 0
local served = {person = {}, repository = {}}

local function count(party)
  busy = busy + 1
  for kind, counts in pairs(running) do counts[party[kind]] = (counts[party[kind]] or 0) + 1 end
end

local function new_party(name)
  local installation, repository, person = string.match(name, '^(%d+)\\t([^\\t]*)\\t(.*)$')
  return {installation = installation, repository = repository, person = person, turns = {}}
end

local function new_turn(id, class, created)
  class, created = tonumber(class), tonumber(created)
  local raised = math.max(1, class - math.max(0, math.floor((now - created) / raised_after)))
  return {id = id, class = class == 0 and 0 or raised, created = created}
end

local function is_earlier(a, b)
  if a.class ~= b.class then return a.class < b.class end
  if a.created ~= b.created then return a.created < b.created end
  return a.id < b.id
end

-- Each task's turn; those of tasks that are over are deleted.
local function read_turns()
  local texts, seen = {}, 0
  local flat = redis.call('HGETALL', KEYS[2])
  for i = 1, #flat, 2 do texts[flat[i]] = flat[i + 1] end
  if redis.call('SCARD', KEYS[1]) ~= #flat / 2 then
    local unfinished = {}
    for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do unfinished[id] = texts[id] or UNKNOWN end
    for id in pairs(texts) do if not unfinished[id] then redis.call('HDEL', KEYS[2], id) end end
    for id, text in pairs(unfinished) do if not texts[id] then redis.call('HSET', KEYS[2], id, text) end end
    return unfinished
  end
  return texts
end

-- Take what is held out of the turns, and count what runs.
local function read_held(texts)
  local outage = redis.call('EXISTS', KEYS[6]) == 1
  for _, id in ipairs(redis.call('SMEMBERS', KEYS[3])) do
    local lease = texts[id] and redis.call('GET', ARGV[2] .. id)
    if lease or (texts[id] and outage and redis.call('HEXISTS', ARGV[1] .. id, 'token') == 1) then
      if lease ~= 'later' and lease ~= 'notice' then count(new_party(string.match(texts[id], '^%d\\t%S+\\t(.*)$'))) end
      texts[id] = nil
    else redis.call('SREM', KEYS[3], id) end
  end
end

-- The parties that have a waiting task, and the score of who was served last. With ``fits``, of the tasks that fit.
local function read(fits)
  local texts, parties, list = read_turns(), {}, {}
  read_held(texts)
  for id in pairs(texts) do if fits and not fits(id) then texts[id] = nil end end
  for id, text in pairs(texts) do
    local class, created, name = string.match(text, '^(%d)\\t(%S+)\\t(.*)$')
    local party = parties[name]
    if not party then
      party = new_party(name)
      parties[name] = party
      list[#list + 1] = party
    end
    party.turns[#party.turns + 1] = new_turn(id, class, created)
  end
  local scores = redis.call('ZRANGE', KEYS[4], 0, -1, 'WITHSCORES')
  for i = 1, #scores, 2 do
    local kind, name = string.match(scores[i], '^(%a+) (.*)$')
    served[kind][name] = tonumber(scores[i + 1])
  end
  return list, #scores > 0 and tonumber(scores[#scores]) or 0
end

-- What a party with the next turn ``turn`` is ordered by. While tasks are taken it only grows.
local function rank(party, turn)
  return {turn.class, running.person[party.person] or 0, running.repository[party.repository] or 0,
    served.person[party.person] or 0, served.repository[party.repository] or 0, turn.created, turn.id}
end

local function is_before(a, b)
  for i = 1, #a do if a[i] ~= b[i] then return a[i] < b[i] end end
  return false
end

local function may_start(party)
  return limit == 0 or (running.installation[party.installation] or 0) < limit
end
"""

# ARGV from 5 on: token, lease milliseconds, worker, most people and repositories to remember, 1 for tasks whose process
# died, 0 for the others, "" for all, then the states that may become running
CLAIM_NEXT = (
    CLAIM_ONE
    + _READ
    + """
for _, id in ipairs(redis.call('SMEMBERS', KEYS[3])) do  -- the same call, which the client repeated
  if redis.call('GET', ARGV[2] .. id) == ARGV[5] then
    local counts = redis.call('HMGET', ARGV[1] .. id, 'attempt', 'delays')
    return {id, tonumber(counts[1]), tonumber(counts[2] or 0)}
  end
end

local function fits(id)
  return ARGV[9] == '' or (tonumber(redis.call('HGET', ARGV[1] .. id, 'attempt') or 0) > 0) == (ARGV[9] == '1')
end
local parties, last = read(ARGV[9] == '1' and fits)  -- the others are nearly all, so only those whose turn it is are read
local function find_next()
  local best, best_at, best_rank
  for _, party in ipairs(parties) do
    local at = #party.turns > 0 and may_start(party) and 1
    for i = 2, at and #party.turns or 0 do if is_earlier(party.turns[i], party.turns[at]) then at = i end end
    local own = at and rank(party, party.turns[at])
    if own and (not best or is_before(own, best_rank)) then best, best_at, best_rank = party, at, own end
  end
  return best, best and table.remove(best.turns, best_at)
end

local party, turn = find_next()
while party do
  local record, lease = ARGV[1] .. turn.id, ARGV[2] .. turn.id
  local counts = false
  if fits(turn.id) then
    counts = claim({record, lease, KEYS[5], KEYS[6]}, {ARGV[5], ARGV[6], ARGV[3], ARGV[7], unpack(ARGV, 10)})
    redis.call('SADD', KEYS[3], turn.id)
  end
  if counts then
    redis.call('HSET', KEYS[2], turn.id, '0' .. string.sub(redis.call('HGET', KEYS[2], turn.id), 2))
    redis.call('ZADD', KEYS[4], last + 1, 'person ' .. party.person, last + 1, 'repository ' .. party.repository)
    redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -1 - tonumber(ARGV[8]))
    return {turn.id, counts[1], counts[2]}
  end
  if redis.call('EXISTS', lease) == 1 then count(party) end  -- a process of an older version runs it
  party, turn = find_next()
end
return false
"""
)

# ARGV from 5 on: most places
# The ids of the waiting tasks in the order in which they would be claimed if no running task ended, how many more wait, and how many run.
# A heap of the parties: since ranks only grow, the first one is next unless its rank has grown since it was put there.
ORDER = (
    _READ
    + """
local parties, last = read()
local heap, ids, waiting, busy_now = {}, {}, 0, busy

local function current_rank(party)
  local current = rank(party, party.turns[party.next])
  if not may_start(party) then current[1] = current[1] + 10 end  -- behind all whose installation has room
  return current
end

local function push(party)
  party.rank = current_rank(party)
  local i = #heap + 1
  heap[i] = party
  while i > 1 and is_before(heap[i].rank, heap[math.floor(i / 2)].rank) do
    local up = math.floor(i / 2)
    heap[i], heap[up] = heap[up], heap[i]
    i = up
  end
end

local function pop()
  local first, i = heap[1], 1
  heap[1] = heap[#heap]
  heap[#heap] = nil
  while true do
    local least = i
    for _, down in ipairs({2 * i, 2 * i + 1}) do
      if heap[down] and is_before(heap[down].rank, heap[least].rank) then least = down end
    end
    if least == i then return first end
    heap[i], heap[least] = heap[least], heap[i]
    i = least
  end
end

for _, party in ipairs(parties) do
  waiting = waiting + #party.turns
  table.sort(party.turns, is_earlier)
  party.next = 1
  push(party)
end
while #ids < tonumber(ARGV[5]) and heap[1] do
  local party = pop()
  if is_before(party.rank, current_rank(party)) then push(party)
  else
    ids[#ids + 1] = party.turns[party.next].id
    party.next = party.next + 1
    count(party)
    last = last + 1
    served.person[party.person], served.repository[party.repository] = last, last
    if party.turns[party.next] then push(party) end
  end
end
return {ids, waiting - #ids, busy_now}
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

# How many of the waiting tasks may start.
STARTABLE = (
    _READ
    + """
local total, waiting = 0, {}
for _, party in ipairs((read())) do
  waiting[party.installation] = (waiting[party.installation] or 0) + #party.turns
end
for installation, number in pairs(waiting) do
  if limit > 0 then number = math.min(number, math.max(0, limit - (running.installation[installation] or 0))) end
  total = total + number
end
return total
"""
)
