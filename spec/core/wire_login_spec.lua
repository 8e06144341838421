-- The receiver in this process: whom it lets in, and what becomes of those who do not speak as they should.
local a_receiver = require "spec.support.a_receiver"
local fake = require "spec.support.fake_sender"
local socket = require "socket"
local wire = require "core.wire"

describe("core.wire login", function()
  local here, r

  local function open(settings)
    here = a_receiver.open(settings)
    r = here.wire
  end

  local function connect(options) return here:connect(options) end

  local function refused(what)
    local log = wire.log()
    assert.truthy(log:find("event=refused from=127.0.0.1", 1, true), log)
    assert.truthy(log:find(what, 1, true), log)
  end

  after_each(function() here:close() end)

  it("lets in a sender of one token, and one of several", function()
    open()
    assert.is_true(connect():login())
    assert.is_true(connect({ multi_token = true }):login())
    r:turn()
    local events = r:take_events()
    assert.same({ "arrived", "arrived" }, { events[1].what, events[2].what })
    assert.same({ "127.0.0.1", "127.0.0.1" }, { events[1].from, events[1].sender })
    assert.equal(2, r:counters().authenticated)
  end)

  it("takes each cut of the handshake", function()
    open()
    local bytes = fake.VERSION .. fake.frame(fake.token "1\0")
    for cut = 1, #bytes - 1 do
      local s = connect()
      s:write(bytes:sub(1, cut))
      r:turn()
      s:write(bytes:sub(cut + 1))
      assert.equal("01", s:read_frame())
      assert.equal(fake.token "0\0", s:read_frame())
      s:close()
      r:turn()
    end
    assert.equal(#bytes - 1, r:counters().authenticated)
  end)

  it("takes one byte at a time, and everything in one write, records too", function()
    open { settle = 1 }
    local bytes = fake.VERSION .. fake.CONTEXT .. fake.record_frame(1, "a") .. fake.record_frame(2, "b")
    for _, piece in ipairs { 1, #bytes } do
      local s = connect()
      s:write(bytes, piece)
      assert.equal("01", s:read_frame())
      for sequence = 1, 2 do assert.equal(string.pack(">i8", sequence) .. fake.MIC, s:read_frame()) end
    end
  end)

  for name, case in pairs {
    ["another version"] = { fake.frame "02", "offers version 02, we speak 01" },
    ["garbage"] = { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "before authentication" },
    ["an empty version"] = { fake.frame "", "version of 0 bytes" },
    ["a version of many bytes"] = { fake.frame(("01,"):rep(100)), "version of 300 bytes" },
    ["a first frame above the limit"] = { string.pack(">I4", 4097), "a frame of 4097 bytes before authentication" },
    ["a token above the limit"] = { fake.VERSION .. string.pack(">I4", 4097), "a frame of 4097 bytes" },
    ["an empty token"] = { fake.VERSION .. fake.frame "", "the first token names no mechanism" },
    ["a token of garbage"] = { fake.VERSION .. fake.frame "hello", "the first token names no mechanism" },
    ["a token with a length longer than it need be"] = {
      fake.VERSION .. fake.frame("\x60\x81\x10\x06\x0a" .. fake.OID .. "\0\0" .. "0\0"),
      "the first token names no mechanism" },
    ["another mechanism"] = { fake.VERSION .. fake.frame(fake.token("x", "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")),
      "mechanism kerberos_v5 is not allowed here" },
    ["a mechanism of others"] = { fake.VERSION .. fake.frame(fake.token("x", "\x2b\x06\x01\x05\x05\x02")),
      "a mechanism that we do not know" },
    ["a status it does not know"] = { fake.VERSION .. fake.frame(fake.token "7\0"), "neither complete nor continue" },
  } do
    it("refuses " .. name .. ", and says why", function()
      open()
      local s = connect()
      s:write(case[1])
      assert.truthy(s:wait_end())
      refused(case[2])
      local c = r:counters()
      assert.equal(1, c.refused_protocol + c.refused_mechanism)
      assert.same({ 0, 0, 0 }, { c.connections, c.logins, c.authenticated })
      assert.same({}, r:take_events())
      assert.is_true(connect():login())
    end)
  end

  it("takes a token of exactly the limit", function()
    open { max_frame_login = 200 }
    local s = connect()
    local long = fake.token(("x"):rep(200 - 17))
    assert.equal(200, #long)
    s:write(fake.VERSION .. fake.frame(long))
    s:wait_end()
    refused "neither complete nor continue"
  end)

  it("closes who stops in the middle of the handshake, after the grace time", function()
    open { login_grace_time = 0.05 }
    local quiet, half, well = connect(), connect(), connect()
    half:write(fake.VERSION .. fake.CONTEXT:sub(1, 9))
    assert.is_true(well:login())
    for _, s in ipairs { quiet, half } do
      assert.equal("closed", s:wait_for(function() r:turn(0.02) s:take_in() return s.ended end))
    end
    refused "not authenticated in time"
    local c = r:counters()
    assert.same({ 2, 1, 0 }, { c.refused_grace, c.connections, c.logins })
    -- the time has no say any more once a sender is in
    r:turn(0.06)
    well:take_in()
    assert.is_nil(well.ended)
  end)

  it("lets nobody in where no mechanism is allowed for the address", function()
    open { listeners = { { address = "127.0.0.1", dummy = { "192.0.2.0/24", "2001:db8::/32" } },
      { address = "127.0.0.1" }, { address = "127.0.0.1", dummy = { "127.0.0.1" } } } }
    for i = 1, 2 do assert.truthy(connect({ port = r:port(i) }):wait_end()) end
    refused "no mechanism is allowed from this address"
    assert.equal(2, r:counters().refused_mechanism)
    assert.is_true(connect({ port = r:port(3) }):login())
  end)

  it("says loudly that a listener takes senders without any security", function()
    open { listeners = { { address = "127.0.0.1", dummy = { "127.0.0.0/8" } }, { address = "127.0.0.1" } } }
    local log = wire.log()
    assert.truthy(log:find(("level=warn event=no_security address=127.0.0.1 port=%d mechanism=dummy networks=1")
      :format(r:port(1)), 1, true), log)
    assert.is_nil(log:find("no_security[^\n]*port=" .. r:port(2)))
  end)

  it("throws out the oldest login for a new one", function()
    open { max_logins = 3 }
    local list = {}
    for i = 1, 5 do
      list[i] = connect()
      r:turn()
    end
    for i = 1, 2 do assert.equal("closed", list[i]:wait_end()) end
    for i = 3, 5 do assert.is_true(list[i]:login()) end
    for _ = 1, 3 do assert.is_true(connect():login()) end
    r:turn()
    local c = r:counters()
    assert.same({ 2, 6, 0 }, { c.refused_logins, c.connections, c.logins })
  end)

  it("does not throw out who has sent all that was to send, by a flood that came in the same moment", function()
    open { max_logins = 3 }
    local well = connect()
    well:write(fake.VERSION .. fake.CONTEXT .. fake.record_frame(1, "said already"))
    for i = 1, 20 do
      local idle = connect()
      if i % 2 == 0 then idle:write("\0") end
    end
    for _ = 1, 20 do r:turn() end
    assert.equal("said already", r:take_records()[1].bytes)
    local c = r:counters()
    assert.same({ 17, 1, 3 }, { c.refused_logins, c.authenticated, c.logins })
  end)

  it("draws lots among many that are not authenticated, and lets none in when they are all there may be", function()
    local half = 1 << 31
    -- two are free; the next has one chance in two, those behind it one in four
    open { startups_begin = 2, startups_rate = 50, max_logins = 4,
      random = { half - 1, half, half + half // 2 - 1, half + half // 2 } }
    local list, fates = {}, {}
    for i = 1, 8 do
      list[i] = connect()
      r:turn()
    end
    for i, s in ipairs(list) do
      s:take_in()
      fates[i] = s.ended and "refused" or "in"
    end
    assert.same({ "in", "in", "refused", "in", "refused", "in", "refused", "refused" }, fates)
    refused "many connections that are not authenticated: by lot"
    -- whoever is authenticated does not count
    for _, i in ipairs { 1, 2, 4, 6 } do assert.is_true(list[i]:login()) end
    for _ = 1, 4 do assert.is_true(connect():login()) end
    r:turn()
    local c = r:counters()
    assert.same({ 4, 0, 8, 0 }, { c.refused_early, c.refused_logins, c.connections, c.logins })
  end)

  it("refuses an address that comes too often, and goes on serving those of it that are in", function()
    open { max_rate = 3 }
    local well = connect()
    assert.is_true(well:login())
    for _ = 1, 2 do assert.is_true(connect():login()) end
    for _ = 1, 2 do assert.truthy(connect():wait_end()) end
    refused "too many connections from this address within a minute"
    well:offer "still here"
    r:turn()
    assert.equal(1, #r:take_records())
    local c = r:counters()
    assert.same({ 2, 3 }, { c.refused_rate, c.connections })
  end)

  it("refuses a connection above the limit, and takes it when there is room again", function()
    open { max_connections = 2 }
    local a, b = connect(), connect()
    assert.is_true(a:login() and b:login())
    assert.truthy(connect():wait_end())
    refused "too many connections"
    assert.equal(1, r:counters().refused_full)
    a:close()
    r:turn()
    assert.is_true(connect():login())
    b:offer "still here"
    r:turn()
    assert.equal(1, #r:take_records())
  end)

  it("serves senders beside a thousand connections that never authenticate", function()
    open { settle = 1, max_logins = 100 }
    local well = connect()
    assert.is_true(well:login())
    local idle = {}
    for i = 1, 1000 do
      local c = socket.tcp()
      c:settimeout(1)
      assert(c:connect("127.0.0.1", r:port()))
      idle[i] = c
      if i % 3 == 0 then c:send("\0\0") end
      if i % 100 == 0 then
        assert.equal("sent", well:offer("record " .. i))
        assert.is_true(well:settled())
        assert.is_true(connect():login())
      end
    end
    r:turn()
    local c = r:counters()
    assert.equal(11, c.authenticated)
    assert.is_true(c.logins <= 100)
    assert.equal(1000, c.refused_logins + c.logins)
    assert.is_nil(well.fault)
    for _, one in ipairs(idle) do one:close() end
  end)

  it("waits with accepting when descriptors are short, and loses nobody by it", function()
    local before = wire.descriptors(60)
    open()
    wire.descriptors(before)
    local warned = "event=descriptors_low limit=60 max_connections=4096 connections=30"
    assert.truthy(wire.log():find(warned, 1, true))
    local list = {}
    for i = 1, 35 do list[i] = connect() end
    for _ = 1, 5 do r:turn() end
    assert.same({ 30, 1 }, { r:counters().connections, r:counters().accept_paused })
    for i = 1, 5 do list[i]:close() end
    for i = 6, 35 do assert.is_true(list[i]:login()) end
  end)

  it("survives that the system has no descriptor left", function()
    open()
    local list = {}
    for i = 1, 3 do list[i] = connect() end
    local before = wire.descriptors(4)
    r:turn()
    wire.descriptors(before)
    assert.truthy(wire.log():find("event=accepting_paused", 1, true))
    assert.equal(1, r:counters().accept_paused)
    for i = 1, 3 do
      assert.is_true(list[i]:write(fake.VERSION))
      assert.equal("01", list[i]:wait_for(function() r:turn(0.05) return (list[i]:read_frame(0)) end))
    end
  end)

  it("listens on both families, and on several addresses", function()
    local nets = { "127.0.0.0/8", "::1" }
    open { listeners = { { dummy = nets }, { address = "localhost", dummy = nets } } }
    for i = 1, 2 do
      assert.is_true(connect({ port = r:port(i) }):login())
      local six = socket.tcp6()
      six:settimeout(5)
      if six:connect("::1", r:port(i)) then
        six:send(fake.VERSION)
        six:settimeout(0)
        for _ = 1, 10 do r:turn() end
        assert.equal(fake.frame "01", six:receive(6))
      end
      six:close()
    end
  end)

  it("says what it cannot listen on", function()
    open()
    local none, why = wire.open { listeners = { { address = "127.0.0.1", port = r:port() } } }
    assert.is_nil(none)
    assert.truthy(why:find("listen on 127.0.0.1 port " .. r:port() .. ": bind: ", 1, true), why)
    none, why = wire.open { listeners = { { address = "no such name.invalid" } } }
    assert.is_nil(none)
    assert.truthy(why:find("listen on no such name.invalid: ", 1, true), why)
  end)
end)
