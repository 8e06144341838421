-- lookup_door: a room of lookups for specs, declared as rules declare their sources.
--
--   local door = lookup_door.open { services = { { name = "vmapi", url = … } }, deadline = 5 }
--   local vm = door:source { name = "vm", service = "vmapi", … }
--   door:answer(vm, key)     -- asks, waits if need be, asks again: word, value, version
local core = require "core.lookup"
local process = require "spec.support.process"
local json = require "spec.support.json"

local lookup_door = {}
lookup_door.__index = lookup_door

--- The JSON that auditrecv.lookup makes of a description.
function lookup_door.declaration(description)
  local text
  local program = {
    declare = function(declared)
      text = declared
      return function() end
    end,
    has = function() return true end,
  }
  assert(loadfile "lua/auditrecv/lookup.lua")(program).source(description)
  return text
end

local log

--- Opens one. Its log goes to a file, see door:log().
function lookup_door.open(options)
  if not log then
    log = process.folder() .. "/log"
    core.log(log)
  end
  local self = setmetatable({ ticket = 0, log_from = #process.read(log) }, lookup_door)
  self.room = core.open(options)
  return self
end

--- What it has logged since it was opened.
function lookup_door:log() return process.read(log):sub(self.log_from + 1) end

function lookup_door:source(description)
  local id, why = self.room:declare(lookup_door.declaration(description))
  if not id then error(why, 2) end
  return id
end

--- A question with a ticket of its own: word, JSON, version, ticket.
function lookup_door:ask(id, key)
  self.ticket = self.ticket + 1
  local word, text, version = self.room:ask(id, key, self.ticket)
  return word, text, version, self.ticket
end

--- Asks and waits: word, decoded value, version.
function lookup_door:answer(id, key)
  local word, text, version = self:ask(id, key)
  if word == "wait" then
    process.until_true("an answer", function() return #self.room:turn(1, 1) > 0 end)
    word, text, version = self.room:ask(id, key)
  end
  if not text then return word end
  return word, assert(json.decode(text)), version
end

--- Turns the loop until it is true.
function lookup_door:until_true(what, question)
  return process.until_true(what, function()
    self.room:turn(0.02)
    return question()
  end)
end

function lookup_door:counters(name) return self.room:counters()[name] end
function lookup_door:turn(...) return self.room:turn(...) end
function lookup_door:close() self.room:close() end

return lookup_door
