local startups = require "core.startups"

local LAST = (1 << 32) - 1

describe("random early drop", function()
  -- the percentage of all numbers that refuse
  local function percent(logins, begin, rate, full)
    local low, high = 0, 1 << 32 -- the first number that does not refuse
    while low < high do
      local middle = (low + high) // 2
      if startups.drop(logins, begin, rate, full, middle) then low = middle + 1 else high = middle end
      if middle == LAST and low > LAST then break end
    end
    return low / (1 << 32) * 100
  end

  it("refuses nobody below its beginning", function()
    assert.is_false(startups.drop(9, 10, 30, 100, 0))
    assert.is_false(startups.drop(0, 10, 100, 10, 0))
  end)

  it("refuses the rate at its beginning, all when full, and in between as many more as have come", function()
    for _, case in ipairs { { 10, 30 }, { 55, 65 }, { 99, 99.2222 } } do
      assert.is_near(case[2], percent(case[1], 10, 30, 100), 0.001)
    end
    assert.is_true(startups.drop(100, 10, 30, 100, LAST))
    assert.is_true(startups.drop(1000, 10, 30, 100, LAST))
  end)

  it("is off without a beginning", function() assert.is_false(startups.drop(1000, 0, 100, 10, 0)) end)

  it("can begin with nobody refused, and with all", function()
    assert.is_near(0, percent(10, 10, 0, 100), 0.001)
    assert.is_near(50, percent(55, 10, 0, 100), 0.001)
    assert.is_true(startups.drop(10, 10, 100, 100, LAST))
  end)
end)

describe("the rate of an address", function()
  local function come(arrivals, address, from, to, step)
    local admitted = 0
    for second = from, to, step do
      if arrivals:admit(address, second) then admitted = admitted + 1 end
    end
    return admitted
  end

  it("may be used up at once", function()
    local a = startups.arrivals(5)
    for _ = 1, 5 do assert.is_true(a:admit("192.0.2.1", 100)) end
    assert.is_false(a:admit("192.0.2.1", 100))
  end)

  it("comes back evenly", function()
    local a = startups.arrivals(6)
    assert.equal(6, come(a, "192.0.2.1", 0, 0.9, 0.1))
    assert.is_false(a:admit("192.0.2.1", 9))
    assert.is_true(a:admit("192.0.2.1", 10.1))
    assert.is_false(a:admit("192.0.2.1", 10.2))
    assert.equal(6, come(a, "192.0.2.1", 500, 505, 0.5))
  end)

  it("holds over any minute", function()
    local a = startups.arrivals(60)
    come(a, "192.0.2.1", 0, 299.95, 0.05)
    assert.is_near(60, come(a, "192.0.2.1", 300, 359.95, 0.05), 1)
  end)

  it("is not used up by those that are refused", function()
    local a = startups.arrivals(1)
    assert.is_true(a:admit("192.0.2.1", 0))
    assert.equal(0, come(a, "192.0.2.1", 1, 59, 1))
    assert.is_true(a:admit("192.0.2.1", 60.1))
  end)

  it("is each address's own", function()
    local a = startups.arrivals(1)
    for _, address in ipairs { "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1", "::1" } do
      assert.is_true(a:admit(address, 0), address)
      assert.is_false(a:admit(address, 0), address)
    end
  end)

  it("is one for a network of IPv6, whose owner has any number of addresses", function()
    local a = startups.arrivals(1)
    assert.is_true(a:admit("2001:db8:1:2:3::1", 0))
    assert.is_false(a:admit("2001:db8:1:2:ffff:ffff:ffff:ffff", 0))
    assert.is_true(a:admit("2001:db8:1:3::1", 0))
  end)

  it("is kept for those that come often, however many others come", function()
    local a, refused = startups.arrivals(10, 12345), 0
    for second = 0, 200 do
      for _ = 1, 20 do
        if not a:admit("198.51.100.7", second / 10) then refused = refused + 1 end
      end
      for i = 1, 50 do a:admit(("10.%d.%d.%d"):format(second, i // 10, i), second / 10) end
    end
    assert.is_true(refused > 3900, refused)
  end)
end)
