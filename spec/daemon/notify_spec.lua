-- What a receiver tells systemd: the protocol of sd_notify, with a socket of our own at the other end.
local daemon = require "spec.support.daemon"
local process = require "spec.support.process"
local unix = require "socket.unix"

-- The other end: every datagram as a table of its lines, in the order of arrival.
local function manager()
  local self = { path = process.folder() .. "/notify", heard = {} }
  local socket = assert(unix.dgram())
  assert(socket:bind(self.path))
  socket:settimeout(0.05)

  local function listen()
    local datagram = socket:receive()
    if not datagram then return false end
    local message = {}
    for name, value in (datagram .. "\n"):gmatch "([%u_]+)=([^\n]*)\n" do message[name] = value end
    self.heard[#self.heard + 1] = message
    return true
  end

  --- Everything that was sent until now.
  function self.all()
    while listen() do end
    return self.heard
  end

  --- The first message behind `from` that has this line; its number comes with it.
  function self.wait(name, value, from)
    local found
    process.until_true(name .. "=" .. tostring(value), function()
      listen()
      for i = (from or 0) + 1, #self.heard do
        local says = self.heard[i][name]
        if says and (value == nil or says == value) then found = i return true end
      end
    end)
    return self.heard[found], found
  end

  function self.close() socket:close() end
  return self
end

local function start(m, options)
  options = options or {}
  options.env = options.env or {}
  options.env.NOTIFY_SOCKET = m.path
  return daemon.start(options)
end

local function send(d, n)
  local bsm, records = require "spec.support.bsm_build", {}
  for i = 1, n do records[i] = a_record.bytes { event = "ssh", seq = i } end
  local file = process.write(d.folder .. "/trail", bsm.trail(records))
  return daemon.run(d.folder, { "send", "--to", "127.0.0.1:" .. d.port, file })
end

describe("a service manager", function()
  local m
  before_each(function() m = manager() end)
  after_each(function() m.close() end)

  it("hears READY=1 once, when the receiver listens", function()
    local d = start(m)
    local ready = m.wait("READY", "1")
    assert.matches("0 connections", ready.STATUS)
    assert.equal(0, d:stop())
    local times = 0
    for _, message in ipairs(m.all()) do times = times + (message.READY and 1 or 0) end
    assert.equal(1, times)
  end)

  it("hears while it starts how long that may take: until a large segment of the journal is read", function()
    local journal = { directory = process.folder() .. "/journal", segment_bytes = 4 << 30 }
    local d = start(m, { settings = { journal = journal } })
    local starting, at = m.wait("EXTEND_TIMEOUT_USEC")
    assert.equal(1, at)
    assert.equal("starting", starting.STATUS)
    assert(tonumber(starting.EXTEND_TIMEOUT_USEC) > 120e6, "no longer than the unit allows anyway")
    m.wait("READY", "1", at)
    assert.equal(0, d:stop())
  end)

  it("never hears READY=1 of a receiver that cannot start", function()
    local d = start(m, { ready = false, rules = { ["broken.lua"] = "return {" } })
    assert.equal(1, d.process:wait())
    for _, message in ipairs(m.all()) do assert.is_nil(message.READY) end
  end)

  it("hears of a reload with its time, and READY=1 at the end of it", function()
    local d = start(m)
    local _, first = m.wait("READY", "1")
    local before = process.now()
    d:reload()
    local reloading, at = m.wait("RELOADING", "1", first)
    local usec = tonumber(reloading.MONOTONIC_USEC)
    assert(usec >= before * 1e6 - 1000 and usec <= process.now() * 1e6 + 1000,
      "MONOTONIC_USEC is not the time of the reload")
    m.wait("READY", "1", at)
    assert.equal(0, d:stop())
  end)

  it("hears READY=1 after a reload that failed too: the old rules go on", function()
    local d = start(m)
    local _, first = m.wait("READY", "1")
    d:write_rules { ["broken.lua"] = "return {" }
    d:reload()
    local _, at = m.wait("RELOADING", "1", first)
    m.wait("READY", "1", at)
    d:logged "event=reload_failed"
    assert.equal(0, d:stop())
  end)

  it("hears STOPPING=1, with as much time as the settings allow a stop", function()
    local d = start(m, { settings = { stop = { time_limit = 120, linger = 7 } } })
    m.wait("READY", "1")
    assert.equal(0, d:stop())
    local stopping = m.wait("STOPPING", "1")
    assert(tonumber(stopping.EXTEND_TIMEOUT_USEC) > 127e6)
  end)

  it("hears in STATUS= what goes on", function()
    local d = start(m)
    local _, first = m.wait("READY", "1")
    assert.equal(0, send(d, 3).status)
    local status = process.until_true("the status of three records", function()
      local message = m.wait("STATUS", nil, first)
      first = first + 1
      return message.STATUS:find("3 records received", 1, true) and message.STATUS
    end)
    assert.matches("0 without a fate yet", status)
    assert.equal(0, d:stop())
  end)

  it("hears WATCHDOG=1 from the loop, again and again, where it watches", function()
    local d = start(m, { env = { WATCHDOG_USEC = "5000000" } })
    local _, at = m.wait("WATCHDOG", "1")
    m.wait("WATCHDOG", "1", at)
    assert.equal(0, d:stop())
  end)

  it("hears no WATCHDOG=1 where it watches another process, or nobody", function()
    for _, env in ipairs { { WATCHDOG_USEC = "5000000", WATCHDOG_PID = "1" }, {} } do
      local from = #m.heard
      local d = start(m, { env = env })
      local _, ready = m.wait("READY", "1", from)
      assert.equal(0, send(d, 1).status)
      local _, told = m.wait("STATUS", nil, ready)
      assert.equal(0, d:stop())
      m.wait("STOPPING", "1", told)
      for i = from + 1, #m.heard do assert.is_nil(m.heard[i].WATCHDOG) end
    end
  end)
end)

describe("a receiver without a service manager that listens", function()
  it("runs where the socket is gone: nobody to tell is no failure", function()
    local d = daemon.start { env = { NOTIFY_SOCKET = process.folder() .. "/nobody" } }
    assert.equal(0, send(d, 2).status)
    assert.equal(0, d:stop())
  end)

  it("refuses a socket that cannot be one", function()
    for _, path in ipairs { "relative", "/" .. ("x"):rep(200) } do
      local d = daemon.start { env = { NOTIFY_SOCKET = path }, ready = false }
      assert.equal(1, d.process:wait())
      assert.matches("NOTIFY_SOCKET", d:log())
    end
  end)
end)
