-- What the log says of lookups stands in the runbook, each event in one row of a table, and nothing else does.
local manual = require "spec.docs.manual"

-- The sources that may log about lookups.
local function sources()
  local list = {}
  local names = assert(io.popen "ls core/lookup/*.c core/daemon/*.c core/cmd/*.c")
  for file in names:lines() do list[#list + 1] = file end
  names:close()
  return list
end

local function sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

describe("events of lookups", function()
  it("are all told in the runbook, and no others", function()
    local said, told = {}, {}
    for _, file in ipairs(sources()) do
      for event in manual.read(file):gmatch "log_%l+%(%s*\"(lookup_[%l_]+)\"" do said[event] = true end
    end
    for line in manual.read "etc/doc/runbook.md":gmatch "[^\n]+" do
      local event = line:match "^| `(lookup_[%l_]+)` |"
      if event then
        assert.is_nil(told[event])
        told[event] = true
      end
    end
    assert.is_true(#sorted(said) > 10)
    assert.same(sorted(said), sorted(told))
  end)
end)
