-- The account of records: places of the journal, numbers of senders, resends.
local ledger = require "core.ledger"

describe("the places of the journal", function()
  it("have their first one without a fate where the cursor goes, whatever the order of the fates", function()
    local p = ledger.prefix(7)
    assert.is_true(p:reserve(12))
    assert.equal(7, p:settle(9))
    assert.equal(7, p:settle(8))
    assert.equal(10, p:settle(7))
    assert.equal(10, p:settle(12))
    assert.equal(13, (p:settle(10) and p:settle(11)))
  end)

  it("that were settled before stay so", function()
    local p = ledger.prefix(1)
    p:reserve(3)
    p:settle(1)
    assert.equal(2, p:settle(1))
    assert.equal(2, p:base())
  end)

  it("are many: a hundred thousand, settled in an order of chance, with room that grows", function()
    local p, order = ledger.prefix(1), {}
    for i = 1, 100000 do
      order[i] = i
      assert.is_true(p:reserve(i))
    end
    math.randomseed(5)
    for i = #order, 2, -1 do
      local k = math.random(i)
      order[i], order[k] = order[k], order[i]
    end
    local settled, base = {}, 1
    for _, place in ipairs(order) do
      settled[place] = true
      while settled[base] do base = base + 1 end
      assert.equal(base, p:settle(place))
    end
    assert.equal(100001, (p:base()))
  end)

  it("are bounded: far beyond the first without a fate there is no room, until that one has its fate", function()
    local p = ledger.prefix(1)
    assert.is_false(p:reserve(1 + (1 << 26)))
    assert.is_true(p:reserve(1 << 26))
    p:settle(1)
    assert.is_true(p:reserve(1 + (1 << 26)))
    assert.equal(1 << 26, select(2, p:base()))
  end)
end)

describe("a set of places", function()
  it("is walked from one to the next, with a first one that moves along, and room that grows", function()
    local p, is, base, top = ledger.places(), {}, 1, 0
    assert.equal(50, p:next(1, 50))
    math.randomseed(6)
    for _ = 1, 3000 do
      local place = base + math.random(0, 20000)
      assert.is_true(p:add(base, place))
      is[place], top = true, math.max(top, place)
      if math.random(3) == 1 then
        local from = math.max(base, place - 200)
        local to, found = math.min(from + math.random(0, 400), top + 1), nil
        for i = from, to - 1 do found = found or is[i] and i end
        assert.equal(found or to, p:next(from, to))
        if found then
          p:remove(found)
          is[found] = nil
        end
      end
      -- what lies below is not there any more
      if math.random(40) == 1 then
        local above = base + math.random(300)
        for i = base, above - 1 do
          if is[i] then p:remove(i) end
          is[i] = nil
        end
        base = above
      end
    end
    assert.is_false(p:add(base, base + (1 << 26)))
  end)
end)

describe("the numbers of a sender", function()
  -- Feeds numbers; a table is { number, other = another record had this number }.
  local function fed(numbers, reach)
    local s = ledger.sequences()
    for _, n in ipairs(numbers) do
      if type(n) == "table" then s:note(n[1], n.other, reach) else s:note(n, false, reach) end
    end
    local missing, restarts = s:counts()
    return { missing, restarts }
  end

  for _, case in ipairs {
    { "one by one miss nothing", { 1, 2, 3, 4 }, 0, 0 },
    { "begin anywhere: what was before we do not know", { 500, 501 }, 0, 0 },
    { "that leave some out miss exactly those", { 1, 2, 6, 7, 10 }, 5, 0 },
    { "that come late fill their gap", { 1, 5, 3, 2, 4, 6 }, 0, 0 },
    { "that begin again with 1 are a restart", { 1, 2, 3, { 1, other = true }, 2, 3 }, 0, 1 },
    { "that begin again with 1 after a gap miss the gap only", { 1, 4, 1, 2 }, 2, 1 },
    { "that step back with another record are a restart, and what is before was not seen here",
      { 7, 8, 9, { 4, other = true }, 5 }, 3, 1 },
    { "that step back further than we remember are a restart of which nothing is said to be missing",
      { 5000, 5001, 20, 21 }, 0, 1 },
    { "that step back far and then go on where they were were an old resend, and no restart",
      { 5000, 5001, 20, 21, 22, 5002, 5003 }, 0, 0 },
    { "of 32 bits wrap", { 4294967294, 4294967295, 0, 1, 2 }, 0, 0 },
  } do
    it(case[1], function() assert.same({ case[3], case[4] }, fed(case[2], 100)) end)
  end

  it("tell at once how many are missing", function()
    local s = ledger.sequences()
    assert.equal(0, s:note(10))
    assert.equal(0, s:note(11))
    assert.equal(4, s:note(16))
  end)

  it("of the kernel tell what auditd never got, beside what its plugin threw away", function()
    local s = ledger.sequences()
    s:note(1) s:kernel(1, 100)
    s:note(2) s:kernel(2, 101)
    s:note(5) -- the plugin threw 3 and 4 away
    assert.equal(0, s:kernel(5, 104))
    s:note(6)
    assert.equal(7, s:kernel(6, 112)) -- 105 to 111 never came to auditd
    s:note(8)
    assert.equal(2, s:kernel(8, 116)) -- one for the window, two for auditd's queue
    local missing, restarts, kernel = s:counts()
    assert.same({ 3, 0, 9 }, { missing, restarts, kernel })
  end)

  it("of the kernel wrap, and a step back is a new boot", function()
    local s = ledger.sequences()
    s:kernel(1, 0xffffffff)
    assert.equal(0, s:kernel(2, 0))
    assert.equal(1, s:kernel(3, 2))
    assert.equal(0, s:kernel(4, 1))
  end)

  it("of the kernel go on when auditd counts anew, also for records of before that are looked at after that", function()
    local s = ledger.sequences()
    for n = 1, 100 do s:note(n) end
    s:note(1, true) -- auditd was started again, while all of these still waited
    for n = 1, 100 do assert.equal(0, s:kernel(n, 5000 + n)) end
    for n = 1, 200 do assert.equal(n == 150 and 7 or 0, s:kernel(n, 5100 + n + (n >= 150 and 7 or 0))) end
    -- and the same after a new boot, when the kernel counts anew, too
    for n = 1, 6000 do assert.equal(0, s:kernel(n, n)) end
  end)

  it("of the kernel that come late say nothing", function()
    local s = ledger.sequences()
    s:kernel(10, 110)
    s:kernel(20, 120)
    assert.equal(0, s:kernel(15, 115))
    assert.equal(1, s:kernel(21, 122))
  end)

  it("read back from the journal join those of now", function()
    local old, now = ledger.sequences(), ledger.sequences()
    for _, n in ipairs { 1, 2, 3, 6 } do old:note(n) end
    for _, n in ipairs { 9, 10 } do now:note(n) end
    assert.equal(2, now:join(old))
    assert.equal(4, (now:counts()))
    assert.equal(0, now:note(11))
  end)

  it("read back from the journal that overlap with those of now miss nothing", function()
    local old, now = ledger.sequences(), ledger.sequences()
    for n = 1, 20 do old:note(n) end
    for n = 15, 25 do now:note(n) end
    assert.equal(0, now:join(old))
    assert.same({ 0, 0, 0 }, { now:counts() })
  end)

  it("read back from the journal are all there is when nothing came since", function()
    local old, now = ledger.sequences(), ledger.sequences()
    for n = 1, 3 do old:note(n) end
    now:join(old)
    assert.equal(1, now:note(5))
  end)
end)

describe("a record that comes again", function()
  it("is known by number and bytes; other bytes make it another record", function()
    local r = ledger.resends(1 << 20)
    assert.equal("new", r:find(5, "a"))
    r:note(5, "a")
    assert.equal("known", r:find(5, "a"))
    assert.equal("other", r:find(5, "b"))
    assert.equal("new", r:find(6, "a"))
  end)

  it("is known for as long as there is memory, which grows with need", function()
    local r = ledger.resends(1 << 20)
    for i = 1, 10000 do r:note(i, "record " .. i) end
    for i = 1, 10000 do assert.equal("known", r:find(i, "record " .. i)) end
  end)

  it("is forgotten when its sender's share of the memory is used up, the oldest first", function()
    local r = ledger.resends(1 << 20, 64)
    local room, used
    for i = 1, 10000 do room, used = r:note(i, "record " .. i) end
    assert.is_true(used <= (1 << 20) / 64, used)
    assert.equal("new", r:find(1, "record 1"))
    for i = 10000 - room + 1, 10000 do assert.equal("known", r:find(i, "record " .. i)) end
  end)

  it("is new where there is no memory at all", function()
    local r = ledger.resends(0)
    assert.same({ 0, 0 }, { r:note(1, "a") })
    assert.equal("new", r:find(1, "a"))
  end)
end)

describe("what is owed", function()
  it("is due in its order, as far as the disk has come", function()
    local p = ledger.pledges()
    for i = 1, 1000 do p:add(i, i * 10) end
    assert.same({ 10, 20 }, p:take(3))
    assert.same({}, p:take(3))
    assert.equal(998, #p:take(1001))
  end)

  it("to a resend of a record before waits for those before it, and no longer", function()
    local p = ledger.pledges()
    p:add(1, 1)
    p:add(9, 2)
    p:add(4, 3)
    assert.same({ 1 }, p:take(5))
    assert.same({ 2, 3 }, p:take(10))
  end)

  it("keeps its order when its room grows while it turns", function()
    local p, next, taken = ledger.pledges(), 1, 0
    for round = 1, 200 do
      for _ = 1, round do
        p:add(next, next)
        next = next + 1
      end
      for _, receipt in ipairs(p:take(next - round // 2)) do
        taken = taken + 1
        assert.equal(taken, receipt)
      end
    end
  end)
end)
