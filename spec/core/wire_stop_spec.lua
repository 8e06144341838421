-- The receiver in this process: a stop leaves nobody behind with a full window.
local wire = require "core.wire"
local fake = require "spec.support.fake_sender"

describe("core.wire stop", function()
  local r, made, owed, done

  local function open(settings)
    r = assert(wire.open(settings or {}))
    made, owed, done = {}, {}, false
    return r
  end

  local function turn(seconds)
    done = r:turn(seconds) or done
    for _, record in ipairs(r:take_records()) do owed[#owed + 1] = record end
  end

  local function login(options)
    options = options or {}
    options.port, options.pump = r:port(), turn
    local s = fake.login(options)
    made[#made + 1] = s
    turn()
    return s
  end

  local function settle_all(acknowledge)
    for _, record in ipairs(owed) do r:settle(record, acknowledge ~= false) end
    owed = {}
  end

  -- What the plugin does at the end of the stream: it closes.
  local function close_ended()
    for _, s in ipairs(made) do
      if s.socket then
        s:take_acks()
        if s.ended then s:close() end
      end
    end
  end

  local function until_done()
    assert(made[1]:wait_for(function()
      turn(0.01)
      close_ended()
      return done
    end), "the stop does not end")
    assert.equal(0, r:counters().connections)
  end

  before_each(function() wire.log() end)
  after_each(function()
    for _, s in ipairs(made) do
      assert.is_nil(s.fault)
      s:close()
    end
    r:close()
    wire.log()
  end)

  it("without connections is done at once", function()
    open()
    r:stop()
    turn()
    assert.is_true(done)
  end)

  it("closes who is not authenticated, and takes nobody new", function()
    open()
    local s = fake.connect { port = r:port(), pump = turn }
    made[1] = s
    turn()
    local port = r:port()
    r:stop()
    assert.truthy(s:wait_end())
    until_done()
    assert.is_nil((fake.new { port = port }:connect()))
    assert.truthy(wire.log():find("event=refused from=127.0.0.1 reason=\"we are stopping\"", 1, true))
  end)

  it("takes in what has arrived, waits for its fate, acknowledges it, then half-closes", function()
    open()
    local s = login { window = 100 }
    for i = 1, 60 do s:offer("record " .. i) end
    turn()
    -- forty more are in the socket when the stop begins, and fill the window
    for i = 61, 100 do
      s.queue[i] = { sequence = i, record = "record " .. i, sent = true }
      s.socket:send(fake.record_frame(i, "record " .. i))
    end
    s.next_sequence = 101
    r:stop()
    for _ = 1, 5 do turn() end
    assert.equal(100, #owed)
    assert.is_nil(s.ended)
    assert.equal("dropped", s:offer "one too many")
    for i = 1, 99 do r:settle(owed[i]) end
    for _ = 1, 5 do turn() end
    assert.equal(99, s:take_acks())
    assert.is_nil(s.ended)
    r:settle(owed[100])
    assert.is_true(s:settled())
    assert.equal("closed", s:wait_end())
    assert.is_false(s:trapped())
    until_done()
    local events = r:take_events()
    assert.same({ "left", "we are stopping" }, { events[2].what, events[2].reason })
  end)

  it("takes all that a sender had under way, also a long record in pieces", function()
    open()
    local s = login()
    local bytes = fake.record_frame(1, ("x"):rep(1000000))
    s.queue[1] = { sequence = 1, record = ("x"):rep(1000000), sent = true }
    s:write(bytes:sub(1, 500000))
    turn()
    r:stop()
    turn()
    s:write(bytes:sub(500001))
    turn()
    turn()
    assert.equal(1, #owed)
    settle_all()
    assert.is_true(s:settled())
    until_done()
  end)

  it("reads and discards what comes after the half-close, and ends when the sender closes", function()
    open()
    local s = login()
    s:offer "x"
    turn()
    r:stop()
    settle_all()
    assert.equal("closed", s:wait_end())
    s:take_acks()
    for i = 2, 500 do s.socket:send(fake.record_frame(i, ("late"):rep(100))) end
    for _ = 1, 20 do turn() end
    assert.is_false(done)
    assert.equal(0, #owed)
    s:close()
    until_done()
    assert.same({ 1 }, s.acked)
  end)

  it("does not wait longer than linger for a sender that does not close", function()
    open { linger = 0.05 }
    local s = login()
    r:stop()
    assert(s:wait_for(function()
      turn(0.02)
      return done
    end))
    assert.equal(0, r:counters().connections)
  end)

  it("does not take in for ever what comes from a sender that never pauses", function()
    open { linger = 0.2 }
    local s = login { window = 1000000 }
    r:stop()
    assert(s:wait_for(function()
      for _ = 1, 50 do
        if s.socket then s:offer "more" end
      end
      turn()
      settle_all()
      if s.ended then s:close() end
      return done
    end, 20))
    assert.is_true(#s.acked > 0)
  end)

  it("ends also when the owner gives up what is not settled", function()
    open()
    local s = login()
    for i = 1, 10 do s:offer("record " .. i) end
    turn()
    r:stop()
    for _ = 1, 5 do turn() end
    assert.is_false(done)
    settle_all(false)
    until_done()
    assert.same({}, s.acked)
  end)

  it("under load, a hundred times, traps no sender and loses no acknowledgement", function()
    local senders, port = {}, nil
    made = senders
    for i = 1, 5 do
      senders[i] = fake.new { port = 0, window = 100, pump = function() turn() end }
    end
    local seen = {}
    for _ = 1, 100 do
      r = assert(wire.open { linger = 1,
        listeners = { { address = "127.0.0.1", port = port, dummy = { "127.0.0.1" } } } })
      port, owed, done = r:port(), {}, false
      local stopping
      local function one_turn()
        done = r:turn() or done
        for _, record in ipairs(r:take_records()) do
          owed[#owed + 1] = record
          seen[record.bytes] = true
        end
        -- fates come late and in bursts, so that windows are full now and then
        if math.random(4) == 1 then settle_all() end
      end
      for _, s in ipairs(senders) do s.port, s.pump = port, one_turn end
      local turns = 0
      repeat
        turns = turns + 1
        for i, s in ipairs(senders) do
          for _ = 1, math.random(0, 40) do
            if stopping and not s.socket then break end -- nobody listens any more
            s:offer(("s%d record %d"):format(i, s.next_sequence))
          end
          s:take_acks()
          if s.ended then s:close() end
        end
        one_turn()
        if turns == 5 then
          stopping = true
          r:stop()
        end
        if done then break end
      until turns > 100000
      assert.is_true(done)
      for _, s in ipairs(senders) do
        assert.is_nil(s.fault)
        assert.is_false(s:trapped(), "a sender is trapped")
      end
      r:close()
    end
    for i, s in ipairs(senders) do
      assert.is_true(#s.acked > 500)
      for _, sequence in ipairs(s.acked) do assert.is_true(seen[("s%d record %d"):format(i, sequence)]) end
    end
    r = assert(wire.open {})
  end)
end)
