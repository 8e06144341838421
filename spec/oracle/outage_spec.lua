-- An index that is away is a matter of disk space, not of memory, and not of records.
local oracle = require "spec.oracle.oracle"
local process = require "spec.support.process"

local rounds = oracle.rounds

describe("an index that is away", function()
  after_each(oracle.clean)

  local function memory(d)
    return tonumber(process.read("/proc/" .. d.process.pid .. "/status"):match "VmRSS:%s+(%d+)") * 1024
  end

  it("fills the journal and not the memory; then everything arrives, beside what is new", function()
    local o = oracle.start(20, 100, "wait")
    local d = o:daemon { settings = {
      journal = { directory = process.folder() .. "/journal", max_memory = 1 << 20 },
      output = { type = "elasticsearch", urls = { o.url }, max_held_bytes = 1 << 20, max_bytes = 256 * 1024 } } }
    o:tell("to", d.port)
    o:tell("rate", 10000)
    process.sleep(0.5)
    o:tell("store", "down")
    process.sleep(0.5)
    local before, began = memory(d), o:report().acked
    process.sleep(rounds(4))
    local after, away = memory(d), o:report()
    -- the last records of each sender are remembered, whether the index is there or not
    local remembered = math.min(64 << 20, 64 * (away.acked - began))
    -- sanitizers hold back what was freed
    if os.getenv "FLAVOR" ~= "asan" then
      assert.is_true(after - before < remembered + (8 << 20), ("%d bytes more"):format(after - before))
    end
    assert.equal(0, away.lost)
    assert.is_true(away.acked - away.stored > 10000, away.acked - away.stored)
    o:tell("rate", 1000)
    o:tell("store", "up")
    process.until_true("the backlog to be worked off", function()
      local r = o:report()
      return r.acked - r.stored < 1000
    end, 60 + rounds(10))
    o:tell("rate", 0)
    local last = o:settled()
    oracle.idle(d)
    local status, counts = d:stop()
    assert.equal(0, status, d:log())
    assert.equal(last.put, counts.received)
    assert.equal(last.put, counts.indexed + counts.existed)
  end)

  it("until the journal is full fills the windows of the senders, and nobody is disconnected", function()
    local o = oracle.start(10, 100, "trap")
    o:tell("store", "down")
    local d = o:daemon { settings = {
      journal = { directory = process.folder() .. "/journal", segment_bytes = 1 << 20, max_bytes = 4 << 20 } } }
    o:tell("to", d.port)
    o:tell("rate", 5000)
    assert.matches("reason=limit", d:logged "event=journal_stalled", 1, true)
    process.sleep(1)
    local full = o:report()
    assert.same({ 0, 10, 0 }, { full.trapped, full.connections, full.faults })
    assert.equal(10 * 100, full.outstanding)
    assert.is_true(full.lost > 0)
    o:tell("rate", 1000)
    o:tell("store", "up")
    d:logged "event=acknowledgements_resumed"
    process.until_true("windows with room", function() return o:report().outstanding < 100 end)
    o:tell("rate", 0)
    o:settled()
    -- each of the lost ones has used up a number
    for i = 0, 9 do
      local host = o:tell("host", i)
      local s = oracle.senders(d)[host.address]
      assert.equal(host.put, s.received)
      assert.equal(host.lost, s.missing + host.last - s.highest, host.address)
    end
    assert.equal(0, (d:stop()))
  end)

  it("until the journal is full costs the events that are worth least first, if so wished", function()
    local o = oracle.start(5, 100, "wait", "noise=2")
    o:tell("store", "down")
    local d = o:daemon { settings = { journal = { directory = process.folder() .. "/journal", segment_bytes = 1 << 20,
      max_bytes = 4 << 20, when_full = "shed", shed = { "rename" } } }, rules = { ["noise.lua"] = [[
      local rule = require "auditrecv.rule"
      return rule { name = "noise", about = "renames", when = { event = "rename" },
        apply = function() return rule.drop "noise" end }]] } }
    o:tell("to", d.port)
    o:tell("rate", 5000)
    d:logged "event=journal_stalled"
    process.sleep(0.5)
    o:tell("rate", 0)
    o:tell("store", "up")
    o:settled()
    oracle.idle(d)
    local _, counts = d:stop()
    local shed = tonumber(d:logged("event=reason_counts", "journal.shed"):match "records=(%d+)")
    assert.is_true(shed > 0)
    assert.is_true(counts.dropped >= shed)
    assert.equal(0, counts.waiting)
  end)
end)
