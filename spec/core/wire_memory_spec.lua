-- The receiver in this process: what happens at the caps on memory. Nobody is closed, and nobody waits for ever.
local a_receiver = require "spec.support.a_receiver"
local fake = require "spec.support.fake_sender"
local wire = require "core.wire"

describe("core.wire memory", function()
  local here, r

  local function open(settings)
    here = a_receiver.open(settings)
    r = here.wire
  end

  local function turn() here:turn() end

  local function login(options)
    options = options or {}
    options.pump = turn
    return here:login(options)
  end

  -- Puts records into the queue and as many of their bytes on the wire as go without waiting.
  local function pour(s, count, size)
    local frames = {}
    for i = 1, count do
      local record = string.char(64 + #here.senders):rep(size)
      s.queue[#s.queue + 1] = { sequence = s.next_sequence, record = record, sent = true }
      frames[i] = fake.record_frame(s.next_sequence, record)
      s.next_sequence = s.next_sequence + 1
    end
    s.unsent = (s.unsent or "") .. table.concat(frames)
  end

  local function push(s)
    while #(s.unsent or "") > 0 do
      local sent, _, partial = s.socket:send(s.unsent)
      local n = sent or partial
      s.unsent = s.unsent:sub(n + 1)
      if n == 0 or not sent then break end
    end
    turn()
  end

  -- Turns until nothing moves any more.
  local function rest(...)
    local before
    repeat
      before = { r:counters().records, r:counters().memory, #(here.senders[1].unsent or "") }
      for _ = 1, 3 do
        for _, s in ipairs { ... } do push(s) end
      end
    until r:counters().records == before[1] and r:counters().memory == before[2] and
      #(here.senders[1].unsent or "") == before[3]
  end

  -- Everything goes through and is acknowledged, with the owner settling what it has.
  local function finish(...)
    local list = { ... }
    assert(list[1]:wait_for(function()
      here:settle_all()
      r:turn(0.01)
      local all = true
      for _, s in ipairs(list) do
        push(s)
        s:take_acks()
        all = all and #s.queue == 0
      end
      return all
    end, 60), "not everything was acknowledged")
    for _, s in ipairs(list) do assert.is_nil(s.ended) end
    assert.equal(0, r:counters().in_flight)
  end

  after_each(function() here:close() end)

  it("stops reading at a sender's cap, goes on when enough is settled, and closes nobody", function()
    open { max_in_flight_sender = 1 << 20 }
    local s = login { window = 10000 }
    pour(s, 10000, 1000)
    rest(s)
    local c = r:counters()
    assert.is_true(c.in_flight >= 900000 and c.in_flight < (1 << 20) + 300000, c.in_flight)
    assert.is_true(c.held_reading >= 1)
    local stopped_at, taken = c.records, here.owed
    -- a little is not enough: reading goes on at three quarters
    for i = 1, 10 do r:settle(taken[i]) end
    rest(s)
    assert.equal(stopped_at, r:counters().records)
    finish(s)
    assert.equal(10000, #s.acked)
    local log = wire.log()
    assert.truthy(log:find("event=reading_stopped sender=127.0.0.1 reason=\"cap on memory\"", 1, true), log)
    assert.truthy(log:find("event=reading_resumed sender=127.0.0.1", 1, true), log)
  end)

  -- The sanitizers end a program that gets no memory.
  if not (os.getenv "FLAVOR" or ""):find "[at]san" then
    it("waits when the system has none, and takes the record when there is some again", function()
      open { max_frame = 48 << 20, max_in_flight = 1 << 30, max_in_flight_sender = 1 << 30 }
      local s = login()
      local size = 44 << 20 -- beyond 32 MiB nothing comes from the heap
      pour(s, 1, size)
      local later, sent = s.unsent:sub((16 << 20) + 1), 0
      s.unsent = s.unsent:sub(1, 16 << 20)
      while #s.unsent > 0 do push(s) end
      for _ = 1, 10 do turn() end
      collectgarbage()
      wire.memory(1 << 20)
      finally(function() wire.memory() end)
      assert.truthy(s:wait_for(function() -- until it needs more room than it has
        local all, _, some = s.socket:send(later, sent + 1)
        sent = all or some
        r:turn(0.001)
        return r:counters().held_reading > 0 or r:counters().connections == 0
      end, 60))
      wire.memory()
      assert.equal(1, r:counters().connections)
      assert.matches("event=reading_stopped sender=127.0.0.1 reason=\"no memory\"", wire.log(), 1, true)
      s.unsent = later:sub(sent + 1)
      finish(s)
      assert.equal(1, r:counters().held_reading)
    end)
  end

  it("at the cap on all, those that hold much stop first, and a quiet sender goes on", function()
    open { max_in_flight = 8 << 20 }
    local greedy, quiet = login { window = 100000 }, login()
    pour(greedy, 2000, 10000)
    rest(greedy)
    local before = r:counters()
    assert.is_true(before.memory >= 7 << 20 and before.memory < 8 << 20, before.memory)
    for i = 1, 50 do
      pour(quiet, 1, 1000)
      push(quiet)
      assert.equal(before.records + i, quiet:wait_for(function()
        turn()
        return r:counters().records >= before.records + i and r:counters().records
      end))
    end
    assert.is_true(quiet.queue[50].record == here.owed[#here.owed].bytes)
    assert.is_true(#greedy.unsent > 0)
    assert.equal(before.records + 50, r:counters().records)
    finish(greedy, quiet)
  end)

  it("filled with the beginnings of long records, it lets one after the other finish", function()
    open { max_in_flight = 4 << 20, max_in_flight_sender = 2 << 20 }
    local list = {}
    for i = 1, 8 do
      list[i] = login()
      pour(list[i], 1, 1500000)
    end
    -- each sends two thirds of its record, which is more than the cap in all
    for _, s in ipairs(list) do
      s.later, s.unsent = s.unsent:sub(1000001), s.unsent:sub(1, 1000000)
    end
    rest(table.unpack(list))
    assert.equal(0, r:counters().records)
    assert.is_true(r:counters().memory >= 3 << 20)
    for _, s in ipairs(list) do s.unsent = s.unsent .. s.later end
    finish(table.unpack(list))
    assert.equal(8, r:counters().records)
  end)

  it("goes on beside senders that never finish what they began", function()
    open { max_in_flight = 4 << 20, max_in_flight_sender = 2 << 20 }
    local bad = {}
    for i = 1, 5 do
      bad[i] = login()
      bad[i].unsent = fake.record_frame(1, ("x"):rep(1500000)):sub(1, 1000000)
    end
    rest(table.unpack(bad))
    local well = login { window = 10000 }
    pour(well, 5000, 1000)
    finish(well)
    assert.equal(5000, #well.acked)
  end)

  it("counts the acknowledgements that a sender does not read, and goes on when it does", function()
    open { max_in_flight_sender = 1 << 18, max_frame = 1000, settle = 1, count_only = 1 }
    local s = login { window = 1000000 }
    s.socket:setoption("recv-buffer-size", 65536)
    local small = {}
    for i = 1, 150000 do
      small[i] = fake.record_frame(i, "")
      s.queue[i] = { sequence = i, record = "", sent = true }
    end
    s.unsent = table.concat(small)
    local reads_acks = s.take_acks
    s.take_acks = function() return 0 end
    rest(s)
    -- what the system's buffers and our cap hold is not all of it
    local c = r:counters()
    assert.is_true(c.records < 150000 and c.held_reading == 1, c.records)
    assert.is_true(c.memory < 4 << 20, c.memory)
    s.take_acks = reads_acks
    -- the real thing looks each up from the front; here a count is enough
    local seen, at = 0, 1
    assert(s:wait_for(function()
      r:turn(0.001)
      push(s)
      s:take_in()
      while #s.input - at + 1 >= 42 do
        seen = seen + 1
        assert.equal(seen, string.unpack(">i8", s.input, at + 4))
        at = at + 42
      end
      s.input, at = s.input:sub(at), 1
      return seen == 150000
    end, 60))
    s.queue = {}
    assert.is_nil(s.ended)
  end)

  it("is given back when a burst is over", function()
    open { settle = 1 }
    local s = login { window = 100000 }
    pour(s, 4000, 2500)
    finish(s)
    for _ = 1, 3 do turn() end
    assert.is_true(r:counters().memory <= 8192, r:counters().memory)
  end)
end)
