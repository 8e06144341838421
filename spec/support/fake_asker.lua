-- An asker for rules, as core.script.open takes one: who answers is the spec.
--
--   local asker = fake_asker.new()
--   local script = rules_directory.open({ … }, { asker = asker })
--   local result = script:run(bytes)        -- "waits": nobody knows yet
--   asker:know("vm", key, { alias = "web" })
--   asker:tell(script, "vm", key)           -- all who wait for it
--   script:resume(script:woken()[1])

local json = require "spec.support.json"

local fake_asker = {}
fake_asker.__index = fake_asker

--- options.services: names that `has` says yes to; options.refuses: name of a source → what is wrong with it.
function fake_asker.new(options)
  local self = setmetatable({ sources = {}, known = {}, tickets = {}, asked = {}, forgotten = 0, version = 0 },
    fake_asker)
  options = options or {}
  function self.declare(text)
    local source = json.decode(text)
    if options.refuses and options.refuses[source.name] then return options.refuses[source.name] end
    for id, other in ipairs(self.sources) do
      if other.json == text then return id end
    end
    source.json = text
    self.sources[#self.sources + 1] = source
    return #self.sources
  end
  function self.ask(id, key, ticket) return self:answer(self.sources[id].name, key, ticket) end
  function self.has(service)
    for _, name in ipairs(options.services or {}) do
      if name == service then return true end
    end
    return false
  end
  -- who: the beginning of its tickets.
  function self.forget(who)
    self.forgotten = self.forgotten + 1
    for _, list in pairs(self.tickets) do
      for i = #list, 1, -1 do
        if list[i]:sub(1, #who) == who then table.remove(list, i) end
      end
    end
  end
  return self
end

local function name_of(source, key) return source .. "/" .. key end

function fake_asker:answer(source, key, ticket)
  local name = name_of(source, key)
  self.asked[#self.asked + 1] = name
  local known = self.known[name]
  if known then return known.word, known.json, known.version end
  if not ticket then return "missing" end
  self.tickets[name] = self.tickets[name] or {}
  table.insert(self.tickets[name], ticket)
  return "wait"
end

--- An answer that is there from now on: a value, or JSON as { json = "…" }.
function fake_asker:know(source, key, value)
  self.version = self.version + 1
  local text = type(value) == "table" and value.json or json.encode(value)
  self.known[name_of(source, key)] = { word = "found", json = text, version = self.version }
end

--- It is known that there is none, or that it is not to be had: "nothing" or "missing".
function fake_asker:say(source, key, word) self.known[name_of(source, key)] = { word = word } end

function fake_asker:forget_answer(source, key) self.known[name_of(source, key)] = nil end

--- Tells all who wait for this, in their order, that they may ask again. Answers how many they were.
function fake_asker:tell(script, source, key)
  local name = name_of(source, key)
  local list = self.tickets[name] or {}
  self.tickets[name] = nil
  for _, ticket in ipairs(list) do script:tell(ticket) end
  return #list
end

--- How often a key was asked for.
function fake_asker:count(source, key)
  local count = 0
  for _, name in ipairs(self.asked) do
    if name == name_of(source, key) then count = count + 1 end
  end
  return count
end

return fake_asker
