-- Stories of the wire with the real program: whatever a peer does, the others do not notice; and nobody is ever left
-- with a full window and no connection.
local a_record = require "spec.support.a_record"
local bsm = require "spec.support.bsm_build"
local daemon = require "spec.support.daemon"
local fake = require "spec.support.fake_sender"
local process = require "spec.support.process"
local socket = require "socket"

-- A record whose path says who sent it, and the how manieth it is.
local function record(who, n, extra)
  return a_record.bytes { event = "stat", path = ("/%s/%d%s"):format(who, n, extra or "") }
end

-- How often each path stands in the documents.
local function paths(d)
  local seen = {}
  for _, line in ipairs(d:documents()) do
    local path = line:match '"path":"([^"]+)"'
    if path then seen[path] = (seen[path] or 0) + 1 end
  end
  return seen
end

describe("a peer of the daemon", function()
  local d, made

  local function start(options)
    options = options or { settings = {} }
    -- the fakes do not close when they see the end, so a stop waits as long as this
    options.settings.stop = { time_limit = 20, linger = 0.3 }
    d = daemon.start(options)
    made = {}
    return d
  end

  local function sender(options)
    options = options or {}
    options.port = d.port
    local s = fake.new(options)
    made[#made + 1] = s
    return s
  end

  local function login(options)
    local s = sender(options)
    assert(s:connect())
    assert(s:login())
    return s
  end

  after_each(function()
    for _, s in ipairs(made) do
      assert.is_nil(s.fault)
      s:close()
    end
  end)

  it("may send as it likes: a byte at a time, a thousand records at once, in both kinds of context", function()
    start()
    local bytewise, many, several = sender(), login { window = 1000 }, login { multi_token = true }
    assert(bytewise:connect())
    bytewise.queue[1] = { sequence = 1, record = record("bytewise", 1), sent = true }
    assert(bytewise:write(fake.VERSION .. fake.CONTEXT .. fake.record_frame(1, bytewise.queue[1].record), 1))
    assert.equal("01", bytewise:read_frame())
    for i = 1, 1000 do many.queue[i] = { sequence = i, record = record("many", i) } end
    many:retransmit()
    several:offer(record("several", 1))
    for _, s in ipairs { bytewise, many, several } do assert.is_true(s:settled(30)) end
    -- in order: the plugin looks for each from the front of its queue
    for i = 1, 1000 do assert.equal(i, many.acked[i]) end
    local seen = paths(d)
    assert.same({ 1, 1 }, { seen["/bytewise/1"], seen["/several/1"] })
    for i = 1, 1000 do assert.equal(1, seen["/many/" .. i]) end
    local _, counts = d:stop()
    assert.same({ 1002, 1002 }, { counts.received, counts.acknowledged })
  end)

  it("that sends 1,000 malformed records stays connected; its good ones and its neighbours come through", function()
    start()
    local odd, neighbour = login { window = 3000 }, login { window = 100 }
    local whole, noise = a_record.bytes { event = "execve" }, {}
    local function malformed(i)
      local kind = i % 5
      if kind == 0 then return whole:sub(1, math.random(0, #whole - 1)) end                    -- cut
      if kind == 1 then return whole:sub(1, 1) .. ("\xff"):rep(4) .. whole:sub(6) end          -- a length that lies
      if kind == 2 then return whole:sub(1, 26) .. "\x37" .. whole:sub(28) end                 -- an unknown token
      if kind == 3 then return whole .. whole end                                              -- surplus
      local bytes = { "\xee" }
      for n = 2, math.random(1, 200) do bytes[n] = string.char(math.random(0, 255)) end        -- noise
      noise[#noise + 1] = table.concat(bytes)
      return noise[#noise]
    end
    for i = 1, 1500 do
      odd.queue[i] = { sequence = i, record = i % 3 == 0 and record("odd", i) or malformed(i) }
    end
    odd:retransmit()
    for i = 1, 50 do neighbour:offer(record("neighbour", i)) end
    assert.is_true(odd:settled(60))
    assert.is_true(neighbour:settled(60))
    local seen = paths(d)
    for i = 3, 1500, 3 do assert.equal(1, seen["/odd/" .. i]) end
    for i = 1, 50 do assert.equal(1, seen["/neighbour/" .. i]) end
    assert.is_nil(d:log():find("protocol_broken", 1, true))
    local _, counts = d:stop()
    assert.same({ 1550, 1550, 1550 }, { counts.received, counts.indexed + counts.dead, counts.acknowledged })
    -- each is kept: a document for everyone, and where nothing could be read, with all its bytes
    local kept, documents = {}, d:documents()
    assert.equal(counts.indexed, #documents)
    for _, line in ipairs(documents) do kept[line:match '"undecoded_hex":"(%x+)"' or ""] = true end
    for _, bytes in ipairs(noise) do assert.is_true(kept[bsm.hex(bytes)]) end
    assert.is_true(#noise > 100)
  end)

  it("may count as it likes: from one again, over the end of 32 bits", function()
    start()
    local again, old = login(), login { sequence = 0xffffffff, bits = 32 }
    for i = 1, 3 do
      again:offer(record("again", i))
      old:offer(record("old", i))
    end
    again.next_sequence = 1
    again:offer(record("again", 4))
    assert.is_true(again:settled() and old:settled())
    assert.same({ 1, 2, 3, 1 }, again.acked)
    assert.same({ 0xffffffff, 0, 1 }, old.acked)
    assert.equal(0, (d:stop()))
  end)

  it("that is broken or hostile costs its own connection, and the log says why", function()
    start { settings = { limits = { max_frame_login = 1024 } } }
    local well = login()
    for i, case in ipairs {
      { fake.frame "02", "version 02" },
      { string.pack(">I4", 1025), "1025 bytes before authentication" },
      { fake.VERSION .. fake.frame "", "names no mechanism" },
      { fake.VERSION .. fake.frame(fake.token("x", "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")),
        "mechanism kerberos_v5 is not allowed here" },
      { fake.VERSION .. fake.frame(fake.token("x", "\x2a\x86\x48\x86\xf7\x12\x01\x02\x03")),
        "a mechanism that we do not know" },
      { fake.VERSION .. fake.CONTEXT .. fake.frame "", "a token of 0 bytes" },
      { fake.VERSION .. fake.CONTEXT .. fake.frame "x", "a token of 1 bytes" },
      { fake.VERSION .. fake.CONTEXT .. "GET / HTTP/1.1\r\nHost: example.net\r\n\r\n" .. ("x"):rep(100),
        "a token of 1195725856 bytes" },
    } do
      local bad = sender()
      assert(bad:connect())
      bad:write(case[1])
      assert.truthy(bad:wait_end(), case[2])
      bad:close()
      assert.truthy(d:logged(case[2]))
      assert.equal("sent", well:offer(record("well", i)))
      assert.is_true(well:settled())
    end
    local _, counts = d:stop()
    assert.same({ 8, 8 }, { counts.received, counts.acknowledged })
  end)

  it("that offers more versions than ours is served", function()
    start()
    local s = sender()
    assert(s:connect())
    s:write(fake.frame "01,02" .. fake.CONTEXT .. fake.record_frame(1, record("versions", 1)))
    assert.equal("01", s:read_frame())
    assert.equal(string.pack(">i8", 1) .. fake.MIC, s:read_frame())
  end)

  it("does not notice a thousand connections that say nothing or hardly anything", function()
    start { settings = { limits = { startups = "50", max_rate = 0, login_grace_time = 2 } } }
    local well, idle = login(), {}
    for i = 1, 1000 do
      local c = assert(socket.connect("127.0.0.1", d.port))
      if i % 2 == 0 then c:send(fake.VERSION:sub(1, i % 6)) end
      idle[i] = c
      if i % 50 == 0 then
        assert.equal("sent", well:offer(record("well", i)))
        assert.is_true(well:settled())
        -- a newcomer gets through as well
        local s = login()
        s:offer(record("newcomer", i))
        assert.is_true(s:settled())
        s:close()
      end
    end
    assert.truthy(d:logged "not authenticated in time")
    for _, c in ipairs(idle) do c:close() end
    local _, counts = d:stop()
    assert.same({ 40, 40 }, { counts.received, counts.acknowledged })
  end)

  it("above the limit of connections is refused, and nobody else is", function()
    start { settings = { limits = { max_connections = 5 } } }
    local list = {}
    for i = 1, 5 do list[i] = login() end
    local sixth = sender()
    assert(sixth:connect())
    assert.truthy(sixth:wait_end())
    assert.truthy(d:logged "too many connections")
    for i = 1, 5 do
      list[i]:offer(record("one", i))
      assert.is_true(list[i]:settled())
    end
    list[1]:close()
    assert.truthy(list[2]:wait_for(function() return sixth:connect() and sixth:login() end))
  end)

  it("gets only its own acknowledgements, each once, however often it loses its connection", function()
    start()
    local list = {}
    for i = 1, 6 do list[i] = sender { window = 100 } end
    for round = 1, 150 do
      for i, s in ipairs(list) do
        for n = 1, math.random(0, 30) do s:offer(record("s" .. i, s.next_sequence, "/" .. n)) end
        local dice = math.random(12)
        if s.socket and dice == 1 then
          s:close()
        elseif s.socket and dice == 2 then
          s:reset()
        elseif s.socket and dice == 3 then
          s:write(fake.record_frame(s.next_sequence, "cut off"):sub(1, math.random(20)))
          s:close()
        end
        -- in real life the window is not full in each of these moments; here it must not be, or nothing goes on
        if s:trapped() then s.window = s.window + 100 end
      end
      if round % 50 == 0 then
        for _, s in ipairs(list) do
          if not s.socket then s:offer(record("last", 1)) end
          assert.is_true(s:settled(30))
        end
      end
    end
    for _, s in ipairs(list) do
      s:offer(record("last", 1))
      assert.is_true(s:settled(30))
      assert.is_true(s.connections > 3)
    end
    assert.equal(0, (d:stop()))
  end)

  describe("with a full window", function()
    -- Offers records to each sender for some turns, as a busy auditd does.
    local function load(list, turns, most)
      for _ = 1, turns do
        for i, s in ipairs(list) do
          for _ = 1, math.random(0, most or 60) do s:offer(record("s" .. i, s.next_sequence)) end
          if s.socket and s.ended then s:close() end
        end
      end
    end

    local function check(list)
      for i, s in ipairs(list) do
        if not s.socket then s:offer(record("s" .. i, s.next_sequence)) end
        assert.is_false(s:trapped(), "sender " .. i .. " is trapped")
      end
    end

    it("is not trapped by stops under load, and no acknowledged record is lost", function()
      start()
      local list = {}
      for i = 1, 4 do list[i] = sender { window = 100 } end
      local port = d.port
      for _ = 1, 12 do
        load(list, 8)
        d.process:kill(process.signal.SIGTERM)
        local deadline = socket.gettime() + 30
        repeat
          -- who loses the connection closes, and does not come back before there is somebody to speak with
          for i, s in ipairs(list) do
            if s.socket then
              s:offer(record("s" .. i, s.next_sequence))
              if s.ended then s:close() end
            end
          end
          local done = d.process:poll() ~= nil
          assert.is_true(done or socket.gettime() < deadline, "the stop takes too long")
        until done
        assert.equal(0, d.process:wait(), d:log())
        for _, s in ipairs(list) do s:take_acks() end
        local counts = d:counts()
        assert.equal(counts.received, counts.indexed + counts.existed)
        d = daemon.start { folder = d.folder, port = port,
          settings = { stop = { time_limit = 20, linger = 0.3 } } }
        check(list)
      end
      for i, s in ipairs(list) do
        s:offer(record("s" .. i, s.next_sequence))
        assert.is_true(s:settled(30))
        assert.is_true(s.connections >= 12)
      end
      d:stop()
      local seen = paths(d)
      for i, s in ipairs(list) do
        for _, sequence in ipairs(s.acked) do
          assert.truthy(seen[("/s%d/%d"):format(i, sequence)], sequence)
        end
      end
    end)

    it("is not trapped by reloads", function()
      start()
      local list = {}
      for i = 1, 3 do list[i] = sender { window = 100 } end
      for _ = 1, 20 do
        load(list, 3)
        d:reload()
      end
      check(list)
      for _, s in ipairs(list) do
        assert.is_true(s:settled(30))
        assert.equal(1, s.connections)
      end
    end)

    it("is not trapped by a record of 9 MiB in its stream", function()
      start()
      local list = {}
      for i = 1, 3 do list[i] = sender { window = 100 } end
      load(list, 2)
      for i, s in ipairs(list) do
        -- they are one sender to the daemon: the same bytes under the same number would be one record
        local long = a_record.bytes { event = "stat", path = "/s" .. i .. ("x"):rep(1000) }
        long = long:sub(1, 1) .. string.pack(">I4", 9 << 20) .. long:sub(6) .. ("\0"):rep((9 << 20) - #long)
        assert.equal("sent", s:offer(long))
      end
      load(list, 2)
      check(list)
      for _, s in ipairs(list) do
        assert.is_true(s:settled(30))
        assert.equal(1, s.connections)
      end
      assert.equal(3, #d:dead())
      local _, counts = d:stop()
      assert.equal(3, counts.dead)
    end)

    it("is not trapped while the destination is away, at the cap on memory too", function()
      start { settings = { output = { type = "elasticsearch", urls = { "http://127.0.0.1:1" }, path = nil },
        limits = { max_in_flight = 1 << 20, max_in_flight_sender = 256 * 1024, max_frame = 256 * 1024 } } }
      local list = {}
      for i = 1, 4 do list[i] = sender { window = 1000 } end
      local big = record("big", 1, ("x"):rep(900))
      for _ = 1, 1000 do
        for _, s in ipairs(list) do assert.equal("sent", s:offer(big)) end
      end
      assert.truthy(d:logged "event=reading_stopped")
      for _, s in ipairs(list) do
        s:take_acks()
        assert.is_nil(s.ended)
        assert.equal(1, s.connections)
        assert.same({}, s.acked)
      end
      d:kill()
    end)
  end)
end)
