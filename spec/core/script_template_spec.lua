local core = require "core.script"

-- Seconds of a UTC time.
local function at(year, month, day, hour)
  local y, m = year, month
  if m <= 2 then y, m = y - 1, m + 12 end
  local days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * (m - 3) + 2) // 5 + day - 1 - 719468
  return days * 86400 + (hour or 0) * 3600
end

describe("core.script index template", function()
  for _, case in ipairs {
    { "the day", "audit-%Y-%m-%d", at(2026, 3, 1), "audit-2026-03-01" },
    { "the day before, to its last second", "audit-%Y-%m-%d", at(2026, 3, 1) - 1, "audit-2026-02-28" },
    { "a leap day", "audit-%Y-%m-%d", at(2024, 2, 29, 23), "audit-2024-02-29" },
    { "the epoch", "audit-%Y-%m-%d", 0, "audit-1970-01-01" },
    { "2^31", "audit-%Y-%m-%d", 1 << 31, "audit-2038-01-19" },
    { "2^32 - 1", "audit-%Y-%m-%d", (1 << 32) - 1, "audit-2106-02-07" },
    { "before the epoch", "audit-%Y-%m-%d", -1, "audit-1969-12-31" },
    { "the hour", "a.%Y%m%d.%H", at(2026, 12, 31, 23), "a.20261231.23" },
    { "the week", "a-%G.%V", at(2026, 3, 1), "a-2026.09" },
    { "week 53 of the year before", "a-%G.%V", at(2021, 1, 3), "a-2020.53" },
    { "week 1 of the year after", "a-%G.%V", at(2024, 12, 30), "a-2025.01" },
    { "no time at all", "audit", at(2026, 3, 1), "audit" },
  } do
    it("names " .. case[1], function() assert.equal(case[4], core.template(case[2], case[3])) end)
  end

  it("keeps up when days alternate", function()
    local a, b = at(2026, 3, 1), at(2026, 3, 2)
    assert.same({ "x-01", "x-02", "x-01", "x-01" }, { core.template("x-%d", a, b, a, a + 86399) })
  end)

  for _, case in ipairs {
    { "%", "after %" }, { "a-%Q", "after %" }, { "Audit-%Y", "upper-case" }, { "", "empty" }, { "_a", "begins" },
    { "a b", "blank" }, { ("x"):rep(201), "200 bytes" }, { "a/%Y", "blank" },
  } do
    it(("refuses %q"):format(case[1]:sub(1, 20)), function()
      local name, why = core.template(case[1], 0)
      assert.is_nil(name)
      assert.truthy(why:find(case[2], 1, true), why)
    end)
  end
end)

describe("core.script index names", function()
  for _, name in ipairs { "audit-2026.03.01", "a", "é", ".hidden", "a_b+c-d", ("x"):rep(255), "a%b", "a'b" } do
    it("take " .. name:sub(1, 20), function() assert.is_nil(core.index_name_fault(name)) end)
  end
  for _, name in ipairs {
    "", ".", "..", "_a", "-a", "+a", "Audit", "a b", "a\tb", 'a"b', "a*", "a\\b", "<a", "a|b", "a,b", "a>", "a/b",
      "a?", "a#b", "a:b",
    "a\0b", "a\xFFb", ("x"):rep(256),
  } do
    it(("refuse %q"):format(name:sub(1, 20)), function() assert.is_string(core.index_name_fault(name)) end)
  end
end)
