local time = require "auditrecv.time"

describe("auditrecv.time", function()
  for _, case in ipairs {
    { "1970-01-01T00:00:00.000000000Z", 0, 4 }, { "2026-03-01T12:34:56.789012345Z", 1772368496, 7 },
    { "2024-02-29T23:59:59Z", 1709251199, 4 }, { "2000-12-31T00:00:00.5Z", 978220800, 7 },
    { "1969-12-31T23:59:59.999999999Z", -1, 3 }, { "2106-02-07T06:28:15.000000000Z", (1 << 32) - 1, 7 },
  } do
    it("reads " .. case[1], function()
      assert.equal(case[2], time.seconds(case[1]))
      assert.equal(case[3], time.parts(case[1]).weekday)
    end)
  end
  it("tells the parts", function()
    assert.same({
      year = 2026, month = 3, day = 1, hour = 12, minute = 34, second = 56, nanosecond = 789012345, weekday = 7,
    }, time.parts "2026-03-01T12:34:56.789012345Z")
    assert.equal(500000000, time.parts("2026-03-01T12:34:56.5Z").nanosecond)
  end)
  it("says nil of what is no time", function()
    assert.is_nil(time.parts "yesterday")
    assert.is_nil(time.seconds "2026-03-01 12:34:56")
  end)
end)
