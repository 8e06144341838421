-- The sending end against a receiver that does what it wants.
local wire = require "core.wire"
local fake = require "spec.support.fake_sender"
local socket = require "socket"

-- A receiver in Lua, one connection at a time; each test says what to answer to a record.
local receiver = {}
receiver.__index = receiver

local function listen(on_record, options)
  local server = assert(socket.bind("127.0.0.1", 0))
  server:settimeout(0)
  local _, port = server:getsockname()
  return setmetatable({ server = server, port = tonumber(port), on_record = on_record, connections = 0, got = {},
    options = options or {} }, receiver)
end

local function ack(sequence, mic) return fake.frame(string.pack(">i8", sequence) .. (mic or fake.MIC)) end

function receiver:send(bytes)
  self.client:settimeout(1)
  self.client:send(bytes)
  self.client:settimeout(0)
end

function receiver:drop()
  if self.client then self.client:close() end
  self.client = nil
end

function receiver:turn()
  if not self.client then
    self.client = self.server:accept()
    if not self.client then return end
    self.client:settimeout(0)
    self.connections, self.input, self.step = self.connections + 1, "", "version"
    if self.options.mute == self.connections then self.step = "mute" end
  end
  local bytes, why, partial = self.client:receive(65536)
  self.input = self.input .. (bytes or partial)
  while self.client and self.step ~= "mute" and #self.input >= 4 do
    local size = string.unpack(">I4", self.input)
    if #self.input < 4 + size then break end
    local body = self.input:sub(5, 4 + size)
    self.input = self.input:sub(5 + size)
    if self.step == "version" then
      assert(body == "01")
      self:send(self.options.version or fake.VERSION)
      self.step = "context"
    elseif self.step == "context" then
      if body == fake.token "1\0" then
        self.asked = (self.asked or 0) + 1
        self:send(fake.frame(fake.token(self.asked < 3 and "1\0" or "0\0")))
        if self.asked == 3 then self.step = "records" end
      else
        assert(body == fake.token "0\0")
        self.step = "records"
      end
    else
      -- 14 bytes of header and as many as the length takes
      local plain = assert(wire.dummy_unwrap(body))
      local sequence = string.unpack(">i8", plain)
      self.got[#self.got + 1] = { sequence = sequence, record = plain:sub(9), connection = self.connections }
      self:on_record(sequence)
    end
  end
  if why == "closed" then self:drop() end
end

local function send(r, count, options)
  options = options or {}
  local records = {}
  for i = 1, count do records[i] = ("record %d"):format(i) end
  options.records, options.port = records, r.port
  options.turn = options.turn or function() r:turn() end
  local acked, counters, why = wire.send(options)
  r:drop()
  r.server:close()
  return acked, counters, why, records
end

local function numbers(first, last)
  local list = {}
  for i = first, last do list[#list + 1] = i end
  return list
end

describe("core.wire sender", function()
  before_each(function() wire.log() end)
  after_each(function() wire.log() end)

  it("sends each record once, in order, and is done when all are acknowledged", function()
    local r = listen(function(self, sequence) self:send(ack(sequence)) end)
    local acked, counters, why, records = send(r, 500)
    assert.is_nil(why)
    assert.same(numbers(1, 500), acked)
    assert.same({ 1, 500, 500 }, { counters.connections, counters.sent, counters.acknowledged })
    for i = 1, 500 do assert.same({ i, records[i] }, { r.got[i].sequence, r.got[i].record }) end
  end)

  it("makes a context of several tokens", function()
    local r = listen(function(self, sequence) self:send(ack(sequence)) end)
    assert.same(numbers(1, 3), (send(r, 3, { multi_token = 1 })))
    assert.equal(3, r.asked)
  end)

  it("keeps its window", function()
    local most = 0
    local r = listen(function(self, sequence)
      self.open = (self.open or 0) + 1
      most = math.max(most, self.open)
      self.held = self.held or {}
      self.held[#self.held + 1] = sequence
    end)
    local turn = r.turn
    r.turn = function(self)
      turn(self)
      if self.held and #self.held > 0 and #self.held == math.min(7, 100 - self.held[1] + 1) then
        for _, sequence in ipairs(self.held) do self:send(ack(sequence)) end
        self.held, self.open = {}, 0
      end
    end
    assert.same(numbers(1, 100), (send(r, 100, { window = 7 })))
    assert.equal(7, most)
  end)

  it("takes acknowledgements in any order, many in one read or in pieces", function()
    local r = listen(function(self, sequence)
      if sequence ~= 50 then return end
      local all = {}
      for i = 50, 1, -1 do all[#all + 1] = ack(i) end
      all = table.concat(all)
      for at = 1, #all, 31 do self:send(all:sub(at, at + 30)) end
    end)
    local acked = send(r, 50)
    table.sort(acked)
    assert.same(numbers(1, 50), acked)
  end)

  it("starts at the number it is given, and runs over the end of 64 bits", function()
    local r = listen(function(self, sequence) self:send(ack(sequence)) end)
    assert.same({ -2, -1, 0, 1 }, (send(r, 4, { sequence = -2 })))
  end)

  it("connects again and sends what is not acknowledged, in order, with the same numbers", function()
    local r = listen(function(self, sequence)
      if self.connections == 1 and sequence == 30 then
        -- a few are acknowledged, out of order, then the connection goes
        for _, i in ipairs { 1, 2, 5, 4, 17 } do self:send(ack(i)) end
        self.client:shutdown "send"
        self.step = "mute"
      elseif self.connections == 2 then
        self:send(ack(sequence))
      end
    end)
    local acked, counters, why, records = send(r, 30)
    assert.is_nil(why)
    assert.equal(30, #acked)
    assert.equal(2, counters.connections)
    assert.equal(55, counters.sent)
    local again = {}
    for _, got in ipairs(r.got) do
      if got.connection == 2 then
        again[#again + 1] = got.sequence
        assert.equal(records[got.sequence], got.record)
      end
    end
    local want = { 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 }
    for i = 18, 30 do want[#want + 1] = i end
    assert.same(want, again)
  end)

  for name, case in pairs {
    ["a number that it never sent"] = { function() return ack(99) end, "acknowledges 99, which is not outstanding" },
    ["a number twice"] = { function(s) return ack(s) .. ack(s) end, "acknowledges 1, which is not outstanding" },
    ["a wrong MIC"] = { function(s) return ack(s, fake.token "dummy_gss_sigh") end, "acknowledges 1 wrongly" },
    ["a MIC that is cut"] = { function(s) return ack(s, fake.MIC:sub(1, -2)) end, "acknowledges 1 wrongly" },
    ["seven bytes"] = { function() return fake.frame "1234567" end, "an acknowledgement of 7 bytes" },
    ["an empty frame"] = { function() return fake.frame "" end, "an acknowledgement of 0 bytes" },
    ["too long a frame"] = { function() return string.pack(">I4", 128001) end, "a frame of 128001 bytes" },
  } do
    it("breaks with a receiver that acknowledges with " .. name .. ", and connects again", function()
      local r = listen(function(self, sequence)
        self:send(self.connections == 1 and case[1](sequence) or ack(sequence))
        if self.connections == 1 then self.step = "mute" end
      end)
      local acked, counters, why = send(r, 5)
      assert.is_nil(why)
      assert.equal(5, #acked)
      assert.equal(2, counters.connections)
      local log = wire.log()
      assert.truthy(log:find("event=connection_lost to=127.0.0.1", 1, true), log)
      assert.truthy(log:find(case[2], 1, true), log)
    end)
  end

  it("gives up after so many connections that failed in a row", function()
    local r = listen(function(self) self:drop() end)
    local acked, counters, why = send(r, 5, { attempts = 2 })
    assert.same({}, acked)
    assert.equal(2, counters.connections)
    assert.truthy(why:find("127.0.0.1 port " .. r.port .. ": the receiver has closed the connection", 1, true), why)
  end)

  it("gives up where nobody listens", function()
    local r = listen()
    r.server:close()
    local _, counters, why = send(r, 1, { attempts = 1, turn = function() end })
    assert.equal(0, counters.connections)
    assert.truthy(why:find("connect: Connection refused", 1, true), why)
  end)

  it("does not wait for ever for an answer in the handshake", function()
    local r = listen(function(self, sequence) self:send(ack(sequence)) end, { mute = 1 })
    local acked, counters = send(r, 2, { timeout = 0.1 })
    assert.equal(2, #acked)
    assert.equal(1, counters.connections)
    assert.truthy(wire.log():find("handshake: no answer in time", 1, true))
  end)

  it("does not speak with a receiver of another version", function()
    local r = listen(nil, { version = fake.frame "02" })
    local _, _, why = send(r, 1, { attempts = 1 })
    assert.truthy(why:find("another version than 01", 1, true), why)
  end)

  it("works with our own receiver, through a stop and a start", function()
    local one = assert(wire.open { linger = 1, settle = 1 })
    local port, two, records, taken = one:port(), nil, {}, {}
    for i = 1, 3000 do records[i] = ("record %d"):format(i) end
    local acked, counters, why = wire.send { port = port, window = 50, records = records, turn = function()
      if not two then
        local done = one:turn()
        for _, record in ipairs(one:take_records()) do taken[record.sequence] = record.bytes end
        if taken[1000] then one:stop() end
        if done then
          two = assert(wire.open { settle = 1,
            listeners = { { address = "127.0.0.1", port = port, dummy = { "127.0.0.1" } } } })
        end
      else
        two:turn()
        for _, record in ipairs(two:take_records()) do taken[record.sequence] = record.bytes end
      end
    end }
    assert.is_nil(why)
    assert.equal(3000, #acked)
    assert.equal(2, counters.connections)
    for i = 1, 3000 do assert.equal(records[i], taken[i]) end
    one:close()
    two:close()
  end)
end)
