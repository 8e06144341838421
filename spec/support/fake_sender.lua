--- fake_sender: the audit_remote plugin as a peer in specs, with its habits and its trap, and with all that a broken or
--- hostile peer might do on top.
---
--- A plugin keeps a window of unacknowledged records. It asks "is my window full?" before it asks "am I
--- connected?", so one whose window is full when the connection goes never comes back (`trapped()`). Everything the
--- receiver says is checked as the real one checks it, and a bit harder; the first fault is kept in `fault`.
---
--- With `pump`, a function that turns the receiver's loop, sender and receiver run in one process, without waiting.

local socket = require "socket"

local fake = {}

fake.OID = "\x2b\x06\x01\x04\x01\x2a\x02\x1a\x01\x02"
fake.MIC_BODY = "dummy_gss_sign"

--- DER length: one byte below 128, else 0x80 + n and n bytes.
---@param n integer
---@return string
function fake.der(n)
  if n < 0x80 then return string.char(n) end
  local bytes = ("%X"):format(n)
  if #bytes % 2 == 1 then bytes = "0" .. bytes end
  bytes = bytes:gsub("..", function(hex) return string.char(tonumber(hex, 16)) end)
  return string.char(0x80 | #bytes) .. bytes
end

--- A token of the dummy mechanism.
---@param body string
---@param oid? string
---@return string
function fake.token(body, oid)
  oid = oid or fake.OID
  local rest = "\x06" .. fake.der(#oid) .. oid .. "\0\0" .. body
  return "\x60" .. fake.der(#rest) .. rest
end

--- A frame: length and body.
---@param body string
---@return string
function fake.frame(body)
  return string.pack(">s4", body)
end

--- The frame of a record.
---@param sequence integer
---@param record string
---@return string
function fake.record_frame(sequence, record)
  return fake.frame(fake.token(string.pack(">i8", sequence) .. record))
end

fake.MIC = fake.token(fake.MIC_BODY)
fake.VERSION = fake.frame "01"
fake.CONTEXT = fake.frame(fake.token "0\0")

---@class fake_sender
---@field acked integer[] sequences in the order of their acknowledgements, all connections
---@field queue { sequence: integer, record: string, sent: boolean }[] what is not acknowledged, in order
---@field dropped integer records refused because the window was full
---@field connections integer that were authenticated
---@field fault string? the first thing the receiver did wrong
local sender = {}
sender.__index = sender

--- A plugin that is not connected yet. security: a mechanism other than dummy: open() -> a context with step(token),
--- wrap(plain), verify(plain, mic); one for each connection.
---@param options { port: integer, host?: string, from?: string, window?: integer, sequence?: integer, bits?: integer,
---  pump?: fun(), multi_token?: boolean, timeout?: number, security?: table }
---@return fake_sender
function fake.new(options)
  return setmetatable({
    host = options.host or "127.0.0.1",
    port = options.port,
    from = options.from,
    window = options.window or 100,
    next_sequence = options.sequence or 1,
    bits = options.bits or 64,
    pump = options.pump,
    multi_token = options.multi_token,
    security = options.security,
    timeout = options.timeout or 10,
    acked = {},
    queue = {},
    dropped = 0,
    connections = 0,
    input = "",
  }, sender)
end

--- Connected, without a word.
---@return fake_sender
function fake.connect(options)
  local s = fake.new(options)
  assert(s:connect())
  return s
end

--- Connected and authenticated.
---@return fake_sender
function fake.login(options)
  local s = fake.connect(options)
  assert(s:login())
  return s
end

--- One moment for the others: turns the receiver's loop, or waits until the socket can be read.
---@param seconds? number
function sender:wait(seconds)
  if self.pump then
    self.pump()
  elseif self.socket then
    socket.select({ self.socket }, nil, seconds or 0.01)
  else
    socket.sleep(seconds or 0.01)
  end
end

--- Waits until check() gives something true, and returns that; nil when it takes too long.
---@generic T
---@param check fun(): T
---@param seconds? number
---@return T?
function sender:wait_for(check, seconds)
  local deadline = socket.gettime() + (seconds or self.timeout)
  while true do
    local got = check()
    if got then return got end
    if socket.gettime() > deadline then return nil end
    self:wait()
  end
end

--- Connects.
---@return boolean? connected
---@return string? why
function sender:connect()
  self.socket = socket.tcp()
  self.socket:settimeout(self.timeout)
  if self.from then assert(self.socket:bind(self.from, 0)) end
  local ok, why = self.socket:connect(self.host, self.port)
  if not ok then
    self.socket:close()
    self.socket = nil
    return nil, why
  end
  self.socket:settimeout(0)
  self.socket:setoption("tcp-nodelay", true)
  self.input = ""
  self.ended = nil
  return true
end

--- Closes, without ceremony, as the plugin does.
function sender:close()
  if self.socket then self.socket:close() end
  self.socket = nil
  for _, item in ipairs(self.queue) do item.sent = false end
end

--- Closes with a reset.
function sender:reset()
  self.socket:setoption("linger", { on = true, timeout = 0 })
  self:close()
end

--- Writes all of it, in pieces of that size, with a moment for the receiver after each.
---@param bytes string
---@param piece? integer
---@return boolean? sent
---@return string? why
function sender:write(bytes, piece)
  local at, deadline = 1, socket.gettime() + self.timeout
  while at <= #bytes do
    if not self.socket then return nil, "not connected" end
    local last = piece and math.min(at + piece - 1, #bytes) or #bytes
    local sent, why, partial = self.socket:send(bytes, at, last)
    if not sent and why ~= "timeout" then return nil, why end
    local reached = sent or partial
    if reached >= at then at = reached + 1 end
    if not sent then
      if socket.gettime() > deadline then return nil, "timeout" end
      if self.pump then self.pump() else socket.select(nil, { self.socket }, 0.05) end
    elseif piece and self.pump then
      self.pump()
    end
  end
  return true
end

--- Takes in what is there, without waiting.
function sender:take_in()
  if not self.socket or self.ended then return end
  repeat
    local bytes, why, partial = self.socket:receive(65536)
    local got = bytes or partial
    if got and #got > 0 then self.input = self.input .. got end
    if not bytes and why ~= "timeout" then self.ended = why end
  until not bytes
end

--- The next frame, or nil and why not.
---@param seconds? number
---@return string?
---@return string?
function sender:read_frame(seconds)
  local body
  self:wait_for(function()
    self:take_in()
    if #self.input >= 4 then
      local size = string.unpack(">I4", self.input)
      if #self.input >= 4 + size then
        body = self.input:sub(5, 4 + size)
        self.input = self.input:sub(5 + size)
      end
    end
    return body or self.ended
  end, seconds)
  return body, self.ended or "timeout"
end

--- The exchange of context tokens of a mechanism that is given.
---@return boolean? authenticated
---@return string? why
function sender:login_securely()
  self.context = assert(self.security.open())
  local token, done = self.context:step()
  while token do
    if #token > 0 then self:write(fake.frame(token)) end
    if done then
      self.connections = self.connections + 1
      return true
    end
    local answer, why = self:read_frame()
    if not answer then return nil, why end
    token, done = self.context:step(answer)
  end
  return nil, done
end

--- The frame of a record, as the mechanism wraps it.
---@param item { sequence: integer, record: string }
---@return string
function sender:record_frame(item)
  if not self.security then return fake.record_frame(item.sequence, item.record) end
  return fake.frame(assert(self.context:wrap(string.pack(">i8", item.sequence) .. item.record)))
end

--- Is that the MIC of that record?
---@param item { sequence: integer, record: string }
---@param mic string
---@return boolean?
function sender:is_mic(item, mic)
  if not self.security then return mic == fake.MIC end
  return (self.context:verify(string.pack(">i8", item.sequence) .. item.record, mic))
end

--- Version and context.
---@return boolean? authenticated
---@return string? why
function sender:login()
  local ok, why = self:write(fake.VERSION)
  if not ok then return nil, why end
  local body
  body, why = self:read_frame()
  if body ~= "01" then return nil, why or "version " .. body end
  if self.security then return self:login_securely() end
  if self.multi_token then
    self:write(fake.frame(fake.token "1\0"))
    body, why = self:read_frame()
    if body ~= fake.token "0\0" then return nil, why or "context" end
  else
    self:write(fake.CONTEXT)
  end
  self.connections = self.connections + 1
  return true
end

local function blame(self, ...)
  self.fault = self.fault or string.format(...)
end

--- Takes the acknowledgements that are there and checks each; a wrong one costs the connection, as with the plugin.
---@return integer count
function sender:take_acks()
  self:take_in()
  local at, count = 1, 0
  while #self.input - at + 1 >= 4 do
    local size = string.unpack(">I4", self.input, at)
    if #self.input - at + 1 < 4 + size then break end
    if size < 8 then
      blame(self, "an acknowledgement of %d bytes", size)
      break
    end
    local sequence = string.unpack(">i8", self.input, at + 4)
    local mic = self.input:sub(at + 12, at + 3 + size)
    local found
    for i, item in ipairs(self.queue) do
      if item.sequence == sequence then
        found = i
        break
      end
    end
    if not found then
      blame(self, "acknowledges %d, which is not outstanding", sequence)
    elseif not self.queue[found].sent then
      blame(self, "acknowledges %d, which did not go over this connection", sequence)
    elseif not self:is_mic(self.queue[found], mic) then
      blame(self, "acknowledges %d with a wrong MIC", sequence)
    end
    if self.fault then break end
    table.remove(self.queue, found)
    self.acked[#self.acked + 1] = sequence
    count = count + 1
    at = at + 4 + size
  end
  self.input = self.input:sub(at)
  if self.fault then self:close() end
  return count
end

--- Sends everything that is unacknowledged again, in order, as after a new connection; acknowledgements are not read
--- meanwhile.
---@param piece? integer
---@return boolean?
---@return string?
function sender:retransmit(piece)
  local frames = {}
  for i, item in ipairs(self.queue) do
    frames[i] = self:record_frame(item)
    item.sent = true
  end
  return self:write(table.concat(frames), piece)
end

--- auditd hands the plugin a record. As the plugin does, it first asks whether its window is full, and drops the record
--- then (with the `cnt` policy); only then whether it is connected.
---@param record string
---@return "sent"|"dropped"|"queued" what became of it
---@return string? why
function sender:offer(record)
  local sequence = self.next_sequence
  self.next_sequence = (sequence + 1) & (self.bits == 32 and 0xffffffff or -1)
  if self.socket then self:take_acks() end
  if self.ended then self:close() end
  if #self.queue >= self.window then
    self.dropped = self.dropped + 1
    return "dropped"
  end
  self.queue[#self.queue + 1] = { sequence = sequence, record = record, sent = false }
  local ok, why
  if not self.socket then
    ok, why = self:connect()
    ok, why = ok and self:login(), why
    if ok then ok, why = self:retransmit() end
  else
    ok, why = self:write(self:record_frame(self.queue[#self.queue]))
    self.queue[#self.queue].sent = true
  end
  if ok then return "sent" end
  self:close()
  return "queued", why
end

--- Is it silenced for good?
---@return boolean
function sender:trapped()
  if self.socket then self:take_acks() end
  return #self.queue >= self.window and (self.socket == nil or self.ended ~= nil)
end

--- Waits until everything is acknowledged.
---@param seconds? number
---@return boolean?
function sender:settled(seconds)
  return self:wait_for(function()
    self:take_acks()
    return #self.queue == 0 or (self.ended and #self.input == 0 and "ended") or (self.fault and "fault")
  end, seconds) == true
end

--- Waits for the end of the stream.
---@param seconds? number
---@return string? "closed", or the fault
function sender:wait_end(seconds)
  return self:wait_for(function()
    self:take_in()
    return self.ended
  end, seconds)
end

return fake
