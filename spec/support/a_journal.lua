-- a_journal: journals on a disk in memory, or in a folder of their own, and what is in them.
local journal = require "core.journal"

local M = {}

-- Opens a journal; what is not said is small.
function M.open(disk, more)
  local config = { disk = disk, directory = "journal", segment_bytes = 16384 }
  for k, v in pairs(more or {}) do config[k] = v end
  return assert(journal.open(config))
end

-- A record whose bytes follow from its sequence, so that a wrong one is seen.
function M.record(sequence, size, more)
  local text = ("record %d "):format(sequence)
  local e = {
    name = "host" .. sequence % 3, from = "192.0.2.1", host = "host", principal = "audit/host@X", group = "default",
    sequence = sequence, received = 1700000000000000000 + sequence, bytes = text .. ("x"):rep((size or 100) - #text),
  }
  for k, v in pairs(more or {}) do e[k] = v end
  return e
end

-- Appends records with these sequences; their numbers, from the first to the last.
function M.fill(j, from, to, size)
  local first, last
  for sequence = from, to do
    last = assert(j:append(M.record(sequence, size)))
    first = first or last
  end
  return first, last
end

-- All entries from a number on, by number.
function M.all(j, number, bytes)
  local found, last = {}, 0
  while true do
    local entries, after = j:fetch(number, bytes)
    if #entries == 0 then return found end
    for _, e in ipairs(entries) do
      assert(e.number > last, "numbers grow")
      found[e.number], last = e, e.number
    end
    number = after
  end
end

-- What a reader finds: entries by number, damage in a list.
function M.read(directory, disk, from)
  local r = assert(journal.reader(directory, disk))
  if from then r:seek(from) end
  local found, damage = {}, {}
  while true do
    local kind, what = r:next()
    if kind == "entry" then
      assert(not found[what.number], "an entry is read twice")
      found[what.number] = what
    elseif kind == "damage" then damage[#damage + 1] = what
    else
      assert(kind == "end", what)
      r:close()
      return found, damage
    end
  end
end

-- The segments' files in their order.
function M.segments(disk)
  local names = {}
  for name in pairs(disk:files()) do
    if name:find "%.journal$" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

function M.count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end

return M
