"""The index of the unfinished tasks, by which Redis finds the next one without a look at each.

A *party* is a person in a repository. For each class (``turns.Class``) and party there is a sorted set of its tasks by age, and
for each class one of the parties by the age of their oldest task. A hash keeps each task's turn, so that a task is found in them.
What is held is in the index too: leases expire by themselves.
"""

from __future__ import annotations

from dayhand.ledger.keys import WAITING

# Functions for other scripts. A turn is what ``turns.encode_turn`` writes.
INDEX = (
    f"local WAITING = '{WAITING}'"
    """
local function tasks_of(class, party) return WAITING .. ':' .. class .. ':' .. party end
local function parties_of(class) return WAITING .. ':' .. class end
local function parse_turn(turn) return string.match(turn, '^(%d)\\t(%S+)\\t(.*)$') end

local function note_oldest(class, party)
  local oldest = redis.call('ZRANGE', tasks_of(class, party), 0, 0, 'WITHSCORES')
  if oldest[1] then redis.call('ZADD', parties_of(class), oldest[2], party)
  else redis.call('ZREM', parties_of(class), party) end
end

local function unindex(id)
  local turn = redis.call('HGET', WAITING, id)
  if not turn then return false end
  local class, _, party = parse_turn(turn)
  redis.call('HDEL', WAITING, id)
  redis.call('ZREM', tasks_of(class, party), id)
  note_oldest(class, party)
  return turn
end

local function index(id, turn)
  unindex(id)
  local class, created, party = parse_turn(turn)
  redis.call('HSET', WAITING, id, turn)
  redis.call('ZADD', tasks_of(class, party), created, id)
  note_oldest(class, party)
end

-- From its first claim on a task is in the first class.
local function index_as_begun(id)
  local turn = redis.call('HGET', WAITING, id)
  if turn and string.sub(turn, 1, 1) ~= '0' then index(id, '0' .. string.sub(turn, 2)) end
end
"""
)

# What every decision begins with.
# KEYS: unfinished, turns of older versions, held, served, beat, after outage, most running tasks of an installation (0: any number)
# ARGV: prefix of records, prefix of leases, now, seconds after which a task goes up
READ = (
    INDEX
    + """
local now, raised_after, limit = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(redis.call('GET', KEYS[7]) or 0)
local UNKNOWN, LAST_CLASS = '2\\t0\\t0\\t\\t', 3  -- the turn of a task that an older version opened
local running, busy = {person = {}, repository = {}, installation = {}}, 0
local served = {person = {}, repository = {}}
local skipped, numbers = {}, {}  -- the tasks that are not next, whoever comes first; their number by class and party

local function attempts(id) return tonumber(redis.call('HGET', ARGV[1] .. id, 'attempt') or 0) end

-- Index what an older version opened, and remove what it finished.
local function sync()
  if redis.call('SCARD', KEYS[1]) == redis.call('HLEN', WAITING) then return end
  local missing = {}
  for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do missing[id] = true end
  for _, id in ipairs(redis.call('HKEYS', WAITING)) do
    if not missing[id] then unindex(id) end
    missing[id] = nil
  end
  for id in pairs(missing) do
    index(id, redis.call('HGET', KEYS[2], id) or UNKNOWN)
    if attempts(id) > 0 then index_as_begun(id) end
  end
  redis.call('DEL', KEYS[2])
end

local function parse_party(name)
  local installation, repository, person = string.match(name, '^(%d+)\\t([^\\t]*)\\t(.*)$')
  return {name = name, installation = installation, repository = repository, person = person}
end

local function count(party)
  busy = busy + 1
  for kind, counts in pairs(running) do counts[party[kind]] = (counts[party[kind]] or 0) + 1 end
end

local function skip(id, turn)
  local class, _, name = parse_turn(turn)
  local key = tasks_of(class, name)
  if not skipped[id] then numbers[key] = (numbers[key] or 0) + 1 end
  skipped[id] = true
  return name
end

-- Skip what is held, and count what runs.
local function read_held()
  local outage = redis.call('EXISTS', KEYS[6]) == 1
  for _, id in ipairs(redis.call('SMEMBERS', KEYS[3])) do
    local turn = redis.call('HGET', WAITING, id)
    local lease = turn and redis.call('GET', ARGV[2] .. id)
    if lease or (turn and outage and redis.call('HEXISTS', ARGV[1] .. id, 'token') == 1) then
      local name = skip(id, turn)
      if lease ~= 'later' and lease ~= 'notice' then count(parse_party(name)) end
    else redis.call('SREM', KEYS[3], id) end
  end
end

-- The party's next task of the class that is not skipped, from this rank on: its id, when it was created, its rank.
local function find_oldest(class, name, at)
  while true do
    local found = redis.call('ZRANGE', tasks_of(class, name), at, at, 'WITHSCORES')
    if not found[1] then return nil end
    if not skipped[found[1]] then return found[1], tonumber(found[2]), at end
    at = at + 1
  end
end

local function raise(class, created)
  return class == 0 and 0 or math.max(1, class - math.max(0, math.floor((now - created) / raised_after)))
end

local function served_at(kind, name)
  local known = served[kind]
  if not known[name] then known[name] = tonumber(redis.call('ZSCORE', KEYS[4], kind .. ' ' .. name) or 0) end
  return known[name]
end

local function last_served()
  return tonumber(redis.call('ZRANGE', KEYS[4], -1, -1, 'WITHSCORES')[2] or 0)
end

local function may_start(party)
  return limit == 0 or (running.installation[party.installation] or 0) < limit
end

sync()
read_held()
"""
)
