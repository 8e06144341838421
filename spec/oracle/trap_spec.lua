-- Senders that behave as the plugin does: a full window and a lost connection silence them for good.
local oracle = require "spec.oracle.oracle"
local process = require "spec.support.process"

local rounds = oracle.rounds

describe("senders that never come back once their window is full", function()
  local o

  after_each(oracle.clean)

  local function report()
    local r = o:report()
    assert.equal(0, r.faults, r.fault)
    return r
  end

  it("survive planned restarts under load", function()
    o = oracle.start(20, 100, "trap")
    local d = o:daemon()
    o:tell("to", d.port)
    o:tell("rate", 1000) -- windows last for two seconds, which nobody here is away
    for _ = 1, rounds(3) do
      process.sleep(0.5)
      local status, counts = d:stop(20)
      assert.equal(0, status, d:log())
      assert.equal(0, counts.owed)
      d = d.again()
    end
    process.sleep(0.3)
    assert.equal(0, report().trapped)
    o:tell("rate", 0)
    o:settled()
    assert.equal(0, (d:stop()))
  end)

  it("survive reloads under load, and an index that is away for long", function()
    o = oracle.start(20, 100, "trap", "wait")
    local d = o:daemon()
    o:tell("to", d.port)
    o:tell("rate", 3000)
    process.sleep(0.3)
    o:tell("store", "down")
    for _ = 1, rounds(3) do
      d:reload()
      process.sleep(0.3)
    end
    local away = report()
    assert.equal(0, away.trapped)
    assert.equal(20, away.connections)
    assert.is_true(away.acked > away.stored)
    o:tell("store", "up")
    process.sleep(0.2)
    o:tell("rate", 0)
    o:settled()
    assert.equal(0, (d:stop()))
  end)

  it("survive a restart while the index is away", function()
    o = oracle.start(10, 100, "trap")
    o:tell("store", "hang")
    local d = o:daemon()
    o:tell("to", d.port)
    o:tell("rate", 500)
    for _ = 1, rounds(2) do
      process.sleep(0.4)
      assert.equal(0, (d:stop(20)))
      d = d.again()
    end
    process.sleep(0.3)
    assert.equal(0, report().trapped)
    o:tell("store", "up")
    o:tell("rate", 0)
    o:settled()
  end)

  it("survive a restart with a journal that is full, for which its last part is kept", function()
    o = oracle.start(10, 100, "trap")
    o:tell("store", "down")
    local d = o:daemon { settings = {
      journal = { directory = process.folder() .. "/journal", segment_bytes = 1 << 20, max_bytes = 4 << 20 } } }
    o:tell("to", d.port)
    o:tell("rate", 5000)
    assert.matches("reason=limit", d:logged "event=journal_stalled", 1, true)
    process.until_true("full windows", function() return report().outstanding == 10 * 100 end)
    o:tell("rate", 0)
    local status, counts = d:stop(20)
    assert.same({ 0, 0 }, { status, counts.owed }, d:log())
    assert.same({ 0, 0 }, { report().trapped, report().outstanding })
    assert.is_true(d.numbers(d:logged "event=journal_counts").disk_bytes <= 4 << 20)
    d = d.again()
    o:tell("store", "up")
    o:settled()
    assert.equal(0, (d:stop()))
  end)

  it("survive a cap on memory that is reached, and nobody is disconnected", function()
    o = oracle.start(10, 1000, "trap")
    local d = o:daemon { settings = { limits = { startups = "1000:30:1000", max_in_flight = 256 * 1024,
      max_in_flight_sender = 64 * 1024 } } }
    o:tell("to", d.port)
    o:tell("rate", 2000)
    process.sleep(0.3)
    d.process:kill(process.signal.SIGSTOP)
    process.sleep(1) -- what came meanwhile is far above the cap
    d.process:kill(process.signal.SIGCONT)
    process.sleep(0.3)
    o:tell("rate", 0)
    o:settled()
    local last = report()
    assert.same({ 0, 10 }, { last.trapped, last.connections })
    assert.equal(0, (d:stop()))
  end)
end)

describe("a sender with the window that a host has by default", function()
  after_each(oracle.clean)

  -- For so many seconds; how many it lost. Each lost one is counted.
  local function send(seconds, journal)
    local o = oracle.start(1, 100)
    local d = o:daemon { settings = { journal = { directory = journal, segment_bytes = 1 << 20 } } }
    o:tell("to", d.port)
    o:tell("rate", 3000)
    process.sleep(seconds)
    o:tell("rate", 0)
    local last = o:settled()
    local host = o:tell("host", 0)
    local s = oracle.senders(d)[host.address]
    assert.equal(last.lost, s.missing + host.last - s.highest)
    assert.equal(0, (d:stop()))
    return last.lost
  end

  it("loses at 3,000 records a second what the pauses of the disk cost, and each is counted", function()
    -- 33 ms fill the window: how long this disk may take for an fsync is all that decides
    send(rounds(3), process.folder() .. "/journal")
  end)

  it("loses nothing at 3,000 records a second where the disk never pauses", function()
    local memory = "/dev/shm/" .. process.folder():match "[^/]+$"
    finally(function() os.execute("rm -rf " .. memory) end)
    process.mkdir(memory)
    local lost = send(rounds(3), memory .. "/journal")
    -- how busy this machine is decides that, too: asked for in the long run only
    if rounds(1) > 1 then assert.equal(0, lost) end
  end)
end)
