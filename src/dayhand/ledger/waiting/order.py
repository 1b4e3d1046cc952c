"""The Lua script that tells in which order the waiting tasks would be claimed: what ``scripts.CLAIM_NEXT`` finds, again and again.

A claim moves all parties of its person and of its repository back. So the parties of a repository are a group, in which a claim
changes nothing but the place of its person, and the groups are ordered by their first parties; or those of a person, if somebody
waits in more repositories than people wait in any. Both are heaps: since no party ever comes forward, the first one is next unless
it has moved back since it was put there.
"""

from __future__ import annotations

from dayhand.ledger.waiting.index import READ

# KEYS, and ARGV up to 4: as READ · ARGV from 5 on: most places
# The ids of the waiting tasks in the order in which they would be claimed if no running task ended, how many more wait, and how many run.
ORDER = (
    READ
    + """
local parties, groups, ids, busy_now = {}, {}, {}, busy
local waiting, last = redis.call('HLEN', WAITING), last_served()
local by, beside = 'repository', 'person'
for _ in pairs(skipped) do waiting = waiting - 1 end

local function id_of(turn)
  turn.id = turn.id or find_oldest(turn.class, turn.name, turn.at)
  return turn.id
end

local function compare(a, b)
  for i = 1, #a do if a[i] ~= b[i] then return a[i] - b[i] end end
  return 0
end

local function is_before(a, b)
  local difference = compare(a, b)
  if difference == 0 then return id_of(a.turn) < id_of(b.turn) end
  return difference < 0
end

local function push(heap, item)
  local i = #heap + 1
  heap[i] = item
  while i > 1 and is_before(heap[i].key, heap[math.floor(i / 2)].key) do
    local up = math.floor(i / 2)
    heap[i], heap[up] = heap[up], heap[i]
    i = up
  end
end

local function pop(heap)
  local first, i = heap[1], 1
  heap[1] = heap[#heap]
  heap[#heap] = nil
  while true do
    local least = i
    for _, down in ipairs({2 * i, 2 * i + 1}) do
      if heap[down] and is_before(heap[down].key, heap[least].key) then least = down end
    end
    if least == i then return first end
    heap[i], heap[least] = heap[least], heap[i]
    i = least
  end
end

local function look(party, class, from)
  local id, created, at = find_oldest(class, party.name, from)
  party.turns[class] = id and {class = class, name = party.name, created = created, at = at, id = id}
end

-- The party's next task: of its classes, the one whose oldest task comes first.
local function next_turn(party)
  local first, first_key
  for class, turn in pairs(party.turns) do
    local key = turn and {raise(class, turn.created), turn.created, turn = turn}
    if key and (not first or is_before(key, first_key)) then first, first_key = turn, key end
  end
  return first
end

local function class_of(party)
  return raise(party.turn.class, party.turn.created) + (may_start(party) and 0 or 10)  -- behind all whose installation has room
end

-- What a party is ordered by in its group, and among all. While tasks are taken both only grow.
local function key_in_group(party)
  return {class_of(party), running[beside][party[beside]] or 0, served_at(beside, party[beside]), party.turn.created, turn = party.turn}
end

local function rank(party)
  return {class_of(party), running.person[party.person] or 0, running.repository[party.repository] or 0,
    served_at('person', party.person), served_at('repository', party.repository), party.turn.created, turn = party.turn}
end

local function add(heap, party)
  party.turn = next_turn(party)
  if not party.turn then return end
  party.key = key_in_group(party)
  push(heap, party)
end

-- The group's next party; nil if no task of it is left.
local function first_of(group)
  while group.heap[1] do
    local party, key = group.heap[1], key_in_group(group.heap[1])
    if compare(party.key, key) == 0 then return party end
    party.key = key
    push(group.heap, pop(group.heap))
  end
end

local function read_parties()
  local most = {person = 0, repository = 0}
  local degrees = {person = {}, repository = {}}
  for class = 0, LAST_CLASS do
    local found = redis.call('ZRANGE', parties_of(class), 0, -1, 'WITHSCORES')
    for i = 1, #found, 2 do
      local name = found[i]
      local party = parties[name]
      if not party then
        party = parse_party(name)
        party.turns, parties[name] = {}, party
        for kind, degree in pairs(degrees) do
          degree[party[kind]] = (degree[party[kind]] or 0) + 1
          most[kind] = math.max(most[kind], degree[party[kind]])
        end
      end
      if numbers[tasks_of(class, name)] then look(party, class, 0)
      else party.turns[class] = {class = class, name = name, created = tonumber(found[i + 1]), at = 0} end
    end
  end
  if most.person > most.repository then by, beside = beside, by end
end

local function read_groups()
  local named = {}
  for _, party in pairs(parties) do
    local group = named[party[by]] or {heap = {}}
    named[party[by]] = group
    add(group.heap, party)
  end
  for _, group in pairs(named) do
    if group.heap[1] then
      group.key = rank(group.heap[1])
      push(groups, group)
    end
  end
end

local function take(party, group)
  local turn = pop(group.heap).turn
  ids[#ids + 1] = id_of(turn)
  last = last + 1
  served.person[party.person], served.repository[party.repository] = last, last
  count(party)
  look(party, turn.class, turn.at + 1)
  add(group.heap, party)
end

read_parties()
read_groups()
while #ids < tonumber(ARGV[5]) and groups[1] do
  local group = groups[1]
  local party = first_of(group)
  if party and group.key.turn == party.turn and compare(group.key, rank(party)) == 0 then
    take(party, group)
    party = first_of(group)
  end
  pop(groups)
  if party then
    group.key = rank(party)
    push(groups, group)
  end
end
return {ids, waiting - #ids, busy_now}
"""
)
