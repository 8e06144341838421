-- What the receiver acknowledged outlives it, whenever and however it ends.
local oracle = require "spec.oracle.oracle"
local process = require "spec.support.process"

local rounds = oracle.rounds

describe("a receiver that is killed", function()
  after_each(oracle.clean)

  it("at moments of chance, under load, loses nothing that it acknowledged and makes no document twice", function()
    local o = oracle.start(20, 100, "wait", "noise=50")
    local d = o:daemon { rules = { ["noise.lua"] = [[
      local rule = require "auditrecv.rule"
      return rule { name = "noise", about = "renames", when = { event = "rename" },
        apply = function() return rule.drop "noise" end }]] } }
    o:tell("to", d.port)
    o:tell("rate", 5000)
    math.randomseed(11)
    local kills = rounds(8)
    for _ = 1, kills do
      process.sleep(0.1 + math.random() * 0.6)
      d:kill()
      d = d.again()
    end
    o:tell("rate", 0)
    local last = o:settled()
    assert.equal(0, last.acked_missing)
    assert.is_true(last.connections > 20 * kills / 2, last.connections)
    oracle.idle(d)
    local status, counts = d:stop()
    assert.equal(0, status, d:log())
    assert.equal(0, counts.waiting)
  end)

  it("while the index is away keeps everything in the journal, and works it off when both are back", function()
    local o = oracle.start(5, 100, "wait")
    o:tell("store", "down")
    local d = o:daemon()
    o:tell("to", d.port)
    o:tell("rate", 4000)
    process.sleep(1)
    d:kill()
    d = d.again()
    process.sleep(0.5)
    o:tell("rate", 0)
    process.until_true("acknowledgements", function() return o:report().outstanding == 0 end)
    d:kill()
    d = d.again()
    local before = o:report()
    assert.equal(0, before.stored)
    assert.is_true(before.acked > 1000, before.acked)
    o:tell("store", "up")
    local last = o:settled()
    oracle.idle(d)
    local status, counts = d:stop()
    assert.equal(0, status)
    -- what was on its way when it was killed stands in the journal twice
    assert.is_true(counts.recovered >= last.put)
    assert.equal(0, counts.received)
    assert.same({ last.put, counts.recovered - last.put }, { counts.indexed, counts.existed })
  end)

  it("while the index forgets its answers makes no document twice", function()
    local o = oracle.start(5, 100, "wait")
    o:tell("store", "flaky")
    local d = o:daemon()
    o:tell("to", d.port)
    o:tell("rate", 2000)
    for _ = 1, rounds(2) do
      process.sleep(0.5)
      d:kill()
      d = d.again()
    end
    o:tell("rate", 0)
    local last = o:settled()
    assert.is_true(last.conflicts > 0)
    assert.equal(0, (d:stop()))
  end)
end)

describe("a receiver that stops and starts in order", function()
  after_each(oracle.clean)

  it("loses nothing, and what waits for the index does not hold it up", function()
    local o = oracle.start(3, 100, "wait")
    o:tell("store", "hang")
    local d = o:daemon()
    o:tell("to", d.port)
    o:tell("rate", 3000)
    process.sleep(0.5)
    local status, counts = d:stop(20)
    assert.equal(0, status, d:log())
    assert.equal(0, counts.owed)
    assert.is_true(counts.waiting > 0)
    d = d.again()
    o:tell("rate", 0)
    o:tell("store", "up")
    o:settled()
    status, counts = d:stop()
    assert.equal(0, status)
    assert.is_true(counts.recovered > 0)
  end)
end)

