--- a_receiver: the receiver's room in this process, with the fake senders that talk to it.
---
---   local here = a_receiver.open { max_frame = 64 }
---   local s = here:login { window = 10 }
---   s:offer "a record"
---   here:turn()
---   assert.equal(1, #here.owed)
---   here:close()

local fake = require "spec.support.fake_sender"
local wire = require "core.wire"

---@class a_receiver
---@field wire table the receiver (core.wire), turned by hand
---@field senders fake_sender[] closed with it
---@field owed table[] records that turn() has taken over and that are not settled
---@field done boolean has it stopped?
local receiver = {}
receiver.__index = receiver

---@param settings? table
---@return a_receiver
function receiver.open(settings)
  wire.log()
  return setmetatable({ wire = assert(wire.open(settings or {})), senders = {}, owed = {}, done = false }, receiver)
end

--- One turn of its loop, whose records are taken over.
---@param seconds? number
function receiver:turn(seconds)
  self.done = self.wire:turn(seconds) or self.done
  for _, record in ipairs(self.wire:take_records()) do self.owed[#self.owed + 1] = record end
end

--- A sender that is connected and has not said a word. While it waits, the receiver turns; options: see fake.new.
---@param options? table
---@return fake_sender
function receiver:connect(options)
  options = options or {}
  options.port = options.port or self.wire:port()
  options.pump = options.pump or function() self.wire:turn() end
  local s = fake.connect(options)
  self.senders[#self.senders + 1] = s
  return s
end

--- A sender that is authenticated.
---@param options? table
---@return fake_sender
function receiver:login(options)
  local s = self:connect(options)
  assert(s:login())
  s.pump()
  return s
end

--- Everything that is owed has its fate.
---@param acknowledge? boolean
function receiver:settle_all(acknowledge)
  for _, record in ipairs(self.owed) do self.wire:settle(record, acknowledge ~= false) end
  self.owed = {}
end

--- Closes the senders, which must not have found a fault in it, and the receiver.
function receiver:close()
  for _, s in ipairs(self.senders) do
    assert(not s.fault, s.fault)
    s:close()
  end
  self.wire:close()
  wire.log()
end

return receiver
