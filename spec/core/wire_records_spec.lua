-- The receiver in this process: records in, acknowledgements out, whatever their order, size and packing.
local a_receiver = require "spec.support.a_receiver"
local fake = require "spec.support.fake_sender"
local wire = require "core.wire"

describe("core.wire records", function()
  local here, r

  local function open(settings)
    here = a_receiver.open(settings)
    r = here.wire
  end

  local function login(options) return here:login(options) end

  -- Records of the receiver, waited for.
  local function take(count, s)
    local all = {}
    assert((s or here.senders[1]):wait_for(function()
      for _, record in ipairs(r:take_records()) do all[#all + 1] = record end
      return #all >= count
    end), "records did not come")
    assert.equal(count, #all)
    return all
  end

  local function texts(records)
    local list = {}
    for i, record in ipairs(records) do list[i] = record.sequence .. ":" .. record.bytes end
    return list
  end

  after_each(function() here:close() end)

  it("come whole at each cut of the stream", function()
    open { settle = 1 }
    local one, two = ("a record"):rep(20), ""
    local bytes = fake.record_frame(1, one) .. fake.record_frame(2, two) .. fake.record_frame(3, "\0garbage\xff")
    for cut = 0, #bytes do
      local s = login()
      s:write(bytes:sub(1, cut))
      r:turn()
      s:write(bytes:sub(cut + 1))
      assert.same({ "1:" .. one, "2:", "3:\0garbage\xff" }, texts(take(3, s)))
      for sequence = 1, 3 do assert.equal(string.pack(">i8", sequence) .. fake.MIC, s:read_frame()) end
      s:close()
    end
  end)

  it("come a byte at a time, and a thousand in one write", function()
    open { settle = 1 }
    local s = login()
    for i = 1, 3 do s.queue[i] = { sequence = i, record = "small " .. i } end
    s:retransmit(1)
    assert.is_true(s:settled())
    local big = login { window = 1000 }
    for i = 1, 1000 do big.queue[i] = { sequence = i, record = ("record %d"):format(i):rep(i % 50 + 1) } end
    big:retransmit()
    assert.is_true(big:settled())
    local records = take(1003)
    for i = 1, 1000 do
      assert.equal(i, records[3 + i].sequence)
      assert.equal(("record %d"):format(i):rep(i % 50 + 1), records[3 + i].bytes)
      assert.equal(i, big.acked[i])
    end
    assert.equal(1003, r:counters().acknowledged)
  end)

  it("are stamped with the time of receipt", function()
    open()
    local before = os.time()
    login():offer "now"
    local received = take(1)[1].received
    assert.is_true(received // 1000000000 >= before and received // 1000000000 <= os.time())
  end)

  it("have 64-bit sequences, and 32-bit ones that run over, and ones that begin again", function()
    open { settle = 1 }
    local old, new = login { sequence = 0xfffffffe, bits = 32 }, login { sequence = math.maxinteger - 1 }
    local again = login()
    for _ = 1, 4 do
      assert.equal("sent", old:offer "o")
      assert.equal("sent", new:offer "n")
      assert.equal("sent", again:offer "a")
    end
    again.next_sequence = 1
    for _ = 1, 2 do again:offer "b" end
    for _, s in ipairs { old, new, again } do assert.is_true(s:settled()) end
    assert.same({ 0xfffffffe, 0xffffffff, 0, 1 }, old.acked)
    assert.same({ math.maxinteger - 1, math.maxinteger, math.mininteger, math.mininteger + 1 }, new.acked)
    assert.same({ 1, 2, 3, 4, 1, 2 }, again.acked)
  end)

  it("are acknowledged when they are settled and not before, in the order of arrival within a turn", function()
    open()
    local s = login()
    for i = 1, 6 do s:offer("record " .. i) end
    local records = take(6)
    for _ = 1, 5 do r:turn() end
    assert.equal(0, s:take_acks())
    for _, i in ipairs { 5, 2, 4 } do r:settle(records[i]) end
    s:wait_for(function() return s:take_acks() > 0 end)
    assert.same({ 2, 4, 5 }, s.acked)
    for _, i in ipairs { 6, 1, 3 } do r:settle(records[i]) end
    assert.is_true(s:settled())
    assert.same({ 2, 4, 5, 1, 3, 6 }, s.acked)
    assert.same({ 0, 6 }, { r:counters().in_flight, r:counters().acknowledged })
  end)

  it("leave with wire_flush() at once", function()
    open()
    local s = login()
    s:offer "x"
    r:settle(take(1)[1])
    r:flush()
    assert.equal(1, s:take_acks())
  end)

  it("that are settled without acknowledgement stay with the sender", function()
    open()
    local s = login()
    s:offer "lost"
    s:offer "kept"
    local records = take(2)
    r:settle(records[1], false)
    r:settle(records[2], true)
    s:wait_for(function() return s:take_acks() > 0 end)
    for _ = 1, 3 do r:turn() end
    s:take_acks()
    assert.same({ 2 }, s.acked)
    assert.equal(0, r:counters().in_flight)
  end)

  it("are acknowledged once, whatever the owner says", function()
    open()
    local s = login()
    s:offer "x"
    local record = take(1)[1]
    r:settle(record)
    r:settle(record)
    assert.is_true(s:settled())
    r:settle(record)
    s:offer "y"
    r:settle(take(1)[1])
    assert.is_true(s:settled())
    assert.same({ 1, 2 }, s.acked)
    assert.truthy(wire.log():find("event=receipt_not_owed", 1, true))
  end)

  it("are never acknowledged over another connection than their own", function()
    open()
    local s = login { window = 50 }
    for i = 1, 20 do s:offer("record " .. i) end
    local first = take(20)
    for i = 1, 5 do r:settle(first[i]) end
    s:wait_for(function() return s:take_acks() == 5 end)
    s:close()
    for _ = 1, 3 do r:turn() end
    -- auditd hands it the next record: it connects, and sends its queue again
    assert.equal("sent", s:offer "record 21")
    local second = take(16)
    for i = 6, 20 do r:settle(first[i]) end
    for _ = 1, 5 do r:turn() end
    assert.equal(0, s:take_acks())
    assert.equal(6, second[1].sequence)
    for _, record in ipairs(second) do r:settle(record) end
    assert.is_true(s:settled())
    assert.same({ 0, 36 }, { r:counters().in_flight, r:counters().records })
  end)

  it("outlive their connection, and the receiver itself", function()
    open { linger = 0.01 }
    local s = login()
    for i = 1, 3 do s:offer("record " .. i) end
    local records = take(3)
    s:close()
    s:wait_for(function() r:turn(0.01) return r:counters().connections == 0 end)
    local events = r:take_events()
    assert.same({ "left", "closed by the sender" }, { events[2].what, events[2].reason })
    r:settle(records[1])
    r:turn()
    assert.equal(#records[2].bytes * 2, r:counters().in_flight)
    local other = assert(wire.open {})
    r:close()
    other:settle(records[2])
    other:settle(records[3])
    r = other
  end)

  it("come again when the owner had no memory for them, in order, each once", function()
    open()
    local s = login()
    r:set { refuse = 4 }
    for i = 1, 10 do s.queue[i] = { sequence = i, record = ("%d"):format(i):rep(100) } end
    s.next_sequence = 11
    s:retransmit()
    s:wait_for(function() r:turn(0.01) return r:counters().records == 10 end)
    s:offer "eleven"
    local records = take(11)
    for i = 1, 11 do
      assert.equal(i, records[i].sequence)
      r:settle(records[i])
    end
    assert.equal(("7"):rep(100), records[7].bytes)
    assert.is_true(s:settled())
    assert.equal(0, r:counters().in_flight)
    assert.truthy(wire.log():find("event=reading_stopped sender=127.0.0.1 reason=\"no memory\"", 1, true))
  end)

  describe("that break the protocol", function()
    for name, case in pairs {
      ["an empty frame"] = { fake.frame "", "a token of 0 bytes: not a token" },
      ["a frame of one byte"] = { fake.frame "\x60", "a token of 1 bytes: not a token" },
      ["garbage"] = { fake.frame "hello, world", "a token of 12 bytes: not a token" },
      ["a token of seven bytes"] = { fake.frame(fake.token "1234567"), "a record of 7 bytes, without a sequence" },
      ["a token with more behind it"] = { fake.frame(fake.token "12345678x" .. "y"), "not a token" },
      ["a length longer than it need be"] = {
        fake.frame("\x60\x81\x16\x06\x0a" .. fake.OID .. "\0\0" .. "12345678"), "not a token" },
      ["another mechanism"] = {
        fake.frame(fake.token("12345678", "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")), "not a token" },
      ["a frame of 3 GiB that is no token"] = {
        string.pack(">I4", 3 << 30) .. ("x"):rep(64), "a token of 3221225472 bytes" },
      ["a frame of 3 GiB whose token is smaller"] = {
        string.pack(">I4", 3 << 30) .. fake.token(("x"):rep(1 << 20)):sub(1, 100), "a token of 3221225472 bytes" },
    } do
      it("cost their connection only: " .. name, function()
        open()
        local well, bad = login(), login()
        bad:offer "before"
        well:offer "first"
        local records = take(2)
        bad:write(case[1] .. fake.record_frame(9, "behind it"))
        for _ = 1, 3 do r:turn() end
        -- what came before it is still acknowledged; nothing behind it is taken
        for _, record in ipairs(records) do r:settle(record) end
        assert.equal("closed", bad:wait_for(function() bad:take_acks() return bad.ended end))
        assert.same({ 1 }, bad.acked)
        well:offer "second"
        r:settle(take(1, well)[1])
        assert.is_true(well:settled())
        bad:close()
        bad:wait_for(function() return r:counters().connections == 1 end)
        local log = wire.log()
        assert.truthy(log:find("event=protocol_broken from=127.0.0.1 sender=127.0.0.1 reason=", 1, true), log)
        assert.truthy(log:find(case[2], 1, true), log)
        assert.equal(1, r:counters().refused_protocol)
      end)
    end
  end)

  describe("that are too long", function()
    -- frame = token = 14 + DER + plain text
    local function sized(frame_size)
      for n = frame_size - 40, frame_size do
        local token = fake.token(string.pack(">i8", 2) .. ("r"):rep(n))
        if #token == frame_size then return ("r"):rep(n) end
      end
    end

    it("come whole up to the limit, and as a head above it", function()
      open { max_frame = 1000, kept_head = 100 }
      local s = login()
      local fits, above = sized(1000), sized(1001)
      for _, record in ipairs { "before", fits, above, "behind" } do s:offer(record) end
      local records = take(4)
      assert.same({ fits, #fits }, { records[2].bytes, records[2].full_size })
      assert.same({ above:sub(1, 100), #above, 3 }, { records[3].bytes, records[3].full_size, records[3].sequence })
      assert.equal("behind", records[4].bytes)
      for _, record in ipairs(records) do r:settle(record) end
      assert.is_true(s:settled())
      assert.same({ 1, 2, 3, 4 }, s.acked)
      assert.same({ 1, 4 }, { r:counters().too_long, r:counters().acknowledged })
      local log = wire.log()
      assert.truthy(log:find("event=record_too_long sender=127.0.0.1 sequence=3 size=" .. #above, 1, true), log)
    end)

    it("are read past at each cut", function()
      open { max_frame = 64, kept_head = 16, settle = 1 }
      local long = ("0123456789"):rep(12)
      local bytes = fake.record_frame(1, long) .. fake.record_frame(2, "x")
      for cut = 1, #bytes - 1 do
        local s = login()
        s:write(bytes:sub(1, cut))
        r:turn()
        -- acknowledged when the whole of it has come, not before
        if cut < #bytes - 30 then assert.equal(0, #r:take_records()) end
        s:write(bytes:sub(cut + 1))
        for sequence = 1, 2 do assert.equal(string.pack(">i8", sequence) .. fake.MIC, s:read_frame()) end
        r:take_records()
        s:close()
      end
      local s = login()
      s:write(bytes, 1)
      for sequence = 1, 2 do assert.equal(string.pack(">i8", sequence) .. fake.MIC, s:read_frame()) end
    end)

    it("cost no memory while they are read past, and do not stop the ones behind", function()
      open()
      local s = login()
      local record = ("9 MiB "):rep(9 * 1024 * 1024 // 6)
      s:offer "before"
      s.queue[2] = { sequence = 2, record = record, sent = true }
      s.queue[3] = { sequence = 3, record = "behind", sent = true }
      local most, pump = 0, s.pump
      s.pump = function()
        pump()
        most = math.max(most, r:counters().memory)
      end
      assert.is_true(s:write(fake.record_frame(2, record) .. fake.record_frame(3, "behind"), 1 << 20))
      local records = take(3)
      assert.same({ record:sub(1, 4096), #record }, { records[2].bytes, records[2].full_size })
      assert.equal("behind", records[3].bytes)
      assert.is_true(most < 64 * 1024, most)
      for _, one in ipairs(records) do r:settle(one) end
      assert.is_true(s:settled())
      assert.is_true(r:counters().memory < 8192)
    end)

    it("come again like others when there is no memory for the head", function()
      open { max_frame = 64, kept_head = 16 }
      local s = login()
      r:set { refuse = 2 }
      local long = ("0123456789"):rep(12)
      s.queue = { { sequence = 1, record = long }, { sequence = 2, record = "x" } }
      s:retransmit()
      s:wait_for(function() r:turn(0.01) return r:counters().records == 2 end)
      local records = take(2)
      assert.same({ long:sub(1, 16), 120 }, { records[1].bytes, records[1].full_size })
      for _, record in ipairs(records) do r:settle(record) end
      assert.is_true(s:settled())
    end)
  end)
end)
