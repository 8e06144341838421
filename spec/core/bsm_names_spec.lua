local core = require "core.bsm"

---The rows of one of the tables.
local function rows(name)
  local list = {}
  for line in io.lines("core/bsm/tables/" .. name .. ".tsv") do
    if line ~= "" and not line:match "^#" then
      local row = {}
      for column in (line .. "\t"):gmatch "([^\t]*)\t" do row[#row + 1] = column end
      list[#list + 1] = row
    end
  end
  return list
end

describe("the names", function()
  it("of events are those of the table, each for its system", function()
    local column_of = { illumos = "illumos", smartos = "smartos", darwin1 = "darwin1", openbsm = "openbsm",
      darwin = "apple",
      tsol = "tsol" }
    local asked = 0
    local first = {}
    for _, row in ipairs(rows "audit_event") do
      for system in row[3]:gmatch "[^,]+" do
        local column, key = column_of[system], system .. row[1]
        if column and not first[key] then
          first[key] = true
          assert.equal(row[2]:gsub("^AUE_", ""):lower(), (core.event_name(tonumber(row[1]), column)), key)
          asked = asked + 1
        end
      end
    end
    assert.truthy(asked > 1000)
  end)

  it("of events are found in other systems' tables at last", function()
    assert.equal("getattrlistbulk", core.event_name(43201, "apple"))
    assert.equal("wait6", core.event_name(43201, "illumos"))
    assert.equal("sacl", core.event_name(313, "illumos"))
    assert.is_nil(core.event_name(5999, "illumos"))
    assert.is_nil(core.event_name(65535, "openbsm"))
  end)

  it("of events can be looked through, in order, and looked up", function()
    local names = core.event_names()
    assert.truthy(#names > 900)
    for i, name in ipairs(names) do
      assert.truthy(core.event_exists(name))
      assert.equal(name, name:lower())
      if i > 1 then assert.truthy(names[i - 1] < name) end
    end
    for _, name in ipairs { "", "exec", "execve ", "execv", "zzz", "EXECVE", "a" } do
      local listed = false
      for _, known in ipairs(names) do listed = listed or known == name end
      assert.equal(listed, core.event_exists(name))
    end
  end)

  it("of errors and signals are those of the table", function()
    for _, row in ipairs(rows "errno") do
      assert.equal(row[3]:lower(), core.errno_name(tonumber(row[2]), row[1] == "openbsm"))
    end
    for _, row in ipairs(rows "signals") do
      assert.equal(row[3]:lower(), core.signal_name(tonumber(row[2]), row[1] == "bsd"))
    end
    assert.is_nil(core.errno_name(254))
    assert.is_nil(core.signal_name(0))
    assert.is_nil(core.signal_name(-1))
    assert.is_nil(core.signal_name(1000))
  end)
end)
