-- The receiver in this process: a stop leaves nobody behind with a full window.
local a_receiver = require "spec.support.a_receiver"
local fake = require "spec.support.fake_sender"
local wire = require "core.wire"

describe("core.wire stop", function()
  local here, r

  local function open(settings)
    here = a_receiver.open(settings)
    r = here.wire
  end

  local function turn(seconds) here:turn(seconds) end

  local function login(options)
    options = options or {}
    options.pump = turn
    return here:login(options)
  end

  -- What the plugin does at the end of the stream: it closes.
  local function close_ended()
    for _, s in ipairs(here.senders) do
      if s.socket then
        s:take_acks()
        if s.ended then s:close() end
      end
    end
  end

  local function until_done()
    assert(here.senders[1]:wait_for(function()
      turn(0.01)
      close_ended()
      return here.done
    end), "the stop does not end")
    assert.equal(0, r:counters().connections)
  end

  after_each(function() here:close() end)

  it("without connections is done at once", function()
    open()
    r:stop()
    turn()
    assert.is_true(here.done)
  end)

  it("closes who is not authenticated, and takes nobody new", function()
    open()
    local s = here:connect { pump = turn }
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
    assert.equal(100, #here.owed)
    assert.is_nil(s.ended)
    assert.equal("dropped", s:offer "one too many")
    for i = 1, 99 do r:settle(here.owed[i]) end
    for _ = 1, 5 do turn() end
    assert.equal(99, s:take_acks())
    assert.is_nil(s.ended)
    r:settle(here.owed[100])
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
    assert.equal(1, #here.owed)
    here:settle_all()
    assert.is_true(s:settled())
    until_done()
  end)

  it("reads and discards what comes after the half-close, and ends when the sender closes", function()
    open()
    local s = login()
    s:offer "x"
    turn()
    r:stop()
    here:settle_all()
    assert.equal("closed", s:wait_end())
    s:take_acks()
    for i = 2, 500 do s.socket:send(fake.record_frame(i, ("late"):rep(100))) end
    for _ = 1, 20 do turn() end
    assert.is_false(here.done)
    assert.equal(0, #here.owed)
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
      return here.done
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
      here:settle_all()
      if s.ended then s:close() end
      return here.done
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
    assert.is_false(here.done)
    here:settle_all(false)
    until_done()
    assert.same({}, s.acked)
  end)

  it("under load, a hundred times, traps no sender and loses no acknowledgement", function()
    local senders, port = {}, nil
    for i = 1, 5 do senders[i] = fake.new { port = 0, window = 100 } end
    local seen = {}
    for _ = 1, 100 do
      open { linger = 1, listeners = { { address = "127.0.0.1", port = port, dummy = { "127.0.0.1" } } } }
      port = r:port()
      local stopping
      local function one_turn()
        turn()
        for _, record in ipairs(here.owed) do seen[record.bytes] = true end
        -- fates come late and in bursts, so that windows are full now and then
        if math.random(4) == 1 then here:settle_all() end
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
        if here.done then break end
      until turns > 100000
      assert.is_true(here.done)
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
    open()
    here.senders = senders
  end)
end)
