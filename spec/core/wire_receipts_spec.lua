local wire = require "core.wire"
local fake = require "spec.support.fake_sender"

local function acks(list)
  local frames = {}
  for i, sequence in ipairs(list) do frames[i] = fake.frame(string.pack(">i8", sequence) .. fake.MIC) end
  return table.concat(frames)
end

describe("core.wire receipts", function()
  local r
  before_each(function() r = wire.receipts() end)

  local function add(n)
    local numbers = {}
    for i = 1, n do numbers[i] = r:add(100 + i, i, fake.MIC) end
    return numbers
  end

  it("make one frame for each acknowledgement, in the order of arrival", function()
    local n = add(5)
    for _, i in ipairs { 4, 2, 1, 5, 3 } do assert.equal(i, r:settle(n[i], true)) end
    assert.same({ acks { 101, 102, 103, 104, 105 }, 5 }, { r:collect() })
    assert.same({ "", 0 }, { r:collect() })
  end)

  it("leave out what is not settled, and what is not to be acknowledged", function()
    local n = add(6)
    r:settle(n[6], true)
    r:settle(n[2], true)
    r:settle(n[3], false)
    assert.equal(acks { 102, 106 }, (r:collect()))
    r:settle(n[4], true)
    r:settle(n[1], true)
    assert.equal(acks { 101, 104 }, (r:collect()))
    assert.equal(1, (r:state()))
  end)

  it("settle once", function()
    local n = add(2)
    assert.equal(1, r:settle(n[1], true))
    assert.is_nil(r:settle(n[1], true))
    r:collect()
    assert.is_nil(r:settle(n[1], true))
    assert.is_nil(r:settle(n[2] + 1, true))
    assert.equal(2, r:settle(n[2], false))
    assert.is_nil(r:settle(n[2], true))
    assert.equal("", (r:collect()))
  end)

  it("take a receipt back", function()
    add(1)
    r:undo()
    assert.equal(0, (r:state()))
    local n = add(1)
    assert.equal(1, r:settle(n[1], true))
    assert.equal(acks { 101 }, (r:collect()))
  end)

  it("collect as much as is asked for, and the rest later", function()
    for _, number in ipairs(add(100)) do r:settle(number, true) end
    local all, got, count = "", r:collect(1)
    assert.equal(1, count)
    repeat
      all = all .. got
      got, count = r:collect(1000)
    until count == 0
    local want = {}
    for i = 1, 100 do want[i] = 100 + i end
    assert.equal(acks(want), all)
  end)

  it("give the memory of a burst back", function()
    local n = add(10000)
    local _, most = r:state()
    assert.is_true(most >= 10000 * #fake.MIC)
    for _, number in ipairs(n) do r:settle(number, true) end
    r:collect()
    local owed, memory, due = r:state()
    assert.same({ 0, 0, false }, { owed, memory, due })
    assert.equal(acks { 101 }, (function() r:settle(r:add(101, 1, fake.MIC), true) return (r:collect()) end)())
  end)

  it("agree with a simple model in any order", function()
    local owed, due, next_sequence, got, want = {}, {}, 1, "", ""
    for _ = 1, 20000 do
      local dice = math.random(10)
      if dice <= 4 then
        owed[#owed + 1] = { number = r:add(next_sequence, 1, fake.MIC), sequence = next_sequence }
        next_sequence = next_sequence + 1
      elseif dice <= 8 and #owed > 0 then
        local one = table.remove(owed, math.random(math.min(#owed, 50)))
        local acknowledge = math.random(5) > 1
        assert.equal(1, r:settle(one.number, acknowledge))
        if acknowledge then due[#due + 1] = one.sequence end
      elseif dice > 8 then
        table.sort(due)
        want = want .. acks(due)
        got = got .. r:collect()
        due = {}
        assert.equal(#owed, (r:state()))
      end
      if #got > 100000 then
        assert.equal(want, got)
        got, want = "", ""
      end
    end
    assert.equal(want, got)
  end)
end)

describe("core.wire budget", function()
  it("stops before the cap is reached and resumes below where it stopped", function()
    assert.same(
      { "free", "tight", "tight", "free", "tight", "full", "full", "tight", "tight", "free" },
      wire.budget_levels(1600, { 1399, 1400, 1200, 1199, 1500, 1600, 1500, 1499, 1200, 0 }))
  end)

  it("lets everybody read as long as memory is there", function()
    assert.is_true(wire.budget_may_read { total = 874, held = 800, senders = 10 })
  end)

  it("stops those above their fair share first", function()
    assert.is_false(wire.budget_may_read { total = 900, held = 100, senders = 10 })
    assert.is_true(wire.budget_may_read { total = 900, held = 99, senders = 10 })
    assert.is_false(wire.budget_may_read { total = 1000, held = 0, senders = 10 })
  end)

  it("stops a sender at its own cap, until it is well below", function()
    assert.is_true(wire.budget_may_read { cap_sender = 400, records = 399 })
    assert.is_false(wire.budget_may_read { cap_sender = 400, records = 400 })
    assert.is_false(wire.budget_may_read { cap_sender = 400, records = 300, stopped = 1 })
    assert.is_true(wire.budget_may_read { cap_sender = 400, records = 299, stopped = 1 })
  end)
end)
