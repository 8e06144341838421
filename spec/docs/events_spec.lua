-- What the log can say stands in one page, each event in one row with its levels and keys, and nothing else does.
local manual = require "spec.docs.manual"

local page = "etc/doc/events.md"
local levels = { error = "error", warn = "warn", info = "info", debug = "debug", answer = "info" }

local function sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- Remembers that an event can be said at this level, with the keys of this call.
local function note(events, event, level, call)
  local entry = events[event] or { levels = {}, keys = {} }
  events[event] = entry
  entry.levels[level] = true
  for key in call:gmatch "[%s(]log_[sbi]%(%s*\"([%w_]+)\"" do entry.keys[key] = true end
  for key in call:gmatch "[%s(]N%(\"([%w_]+)\"" do entry.keys[key] = true end
  if call:find "[%s(]log_e%(" then entry.keys.reason = true end
end

-- Every event that a source may say; in one call two events may stand, of which a condition chooses.
local function said()
  local events = {}
  local names = assert(io.popen "find core -name '*.c'")
  for file in names:lines() do
    local text = manual.read(file)
    for level, call in text:gmatch "log_(%l+)(%b())" do
      local first = levels[level] and call:match "^%(%s*([^,]*)"
      for event in (first or ""):gmatch "\"([^\"]*)\"" do note(events, event, levels[level], call) end
    end
    for call in text:gmatch "LOG_AT(%b())" do
      local level, event = call:match "^%(LOG_(%u+),%s*%l+,%s*\"([^\"]*)\""
      if level then note(events, event, level:lower(), call) end
    end
  end
  names:close()
  -- These two are one line, whose name comes from outside.
  local counts = manual.read "core/daemon/counts.c":match "log_answer(%(event,.-%));"
  for event in manual.read "core/daemon/daemon.c":gmatch "counts_tell%([^\"]-\"([%l_]+)\"" do
    note(events, event, "info", counts)
  end
  return events
end

-- The same from the rows of the page; in the table of counts keys stand anywhere, between names that are none.
local function told()
  local events, counts = {}, {}
  for line in manual.read(page):gmatch "[^\n]+" do
    local names, level, keys = line:match "^| (`[^|]+`) | (%l[%l, ]*) | ([^|]*) |"
    if not names or not levels[level:match "%l+"] then names, keys = line:match "^| (`[^|]+`) | (.*) |$" end
    for event in (names or ""):gmatch "`([^`]+)`" do
      assert(not events[event] and not counts[event], event .. " stands in two rows")
      local entry = { levels = {}, keys = {} }
      if level then
        for one in level:gmatch "%l+" do entry.levels[one] = true end
      end
      for key in keys:gmatch "`([%l%d_]+)`" do entry.keys[key] = true end;
      (level and events or counts)[event] = entry
    end
  end
  return events, counts
end

describe("the page of events", function()
  local is, events, counts = said(), told()

  it("has all that the program can say, and no others", function()
    local all = {}
    for event in pairs(events) do all[event] = true end
    for event in pairs(counts) do all[event] = true end
    assert.is_true(#sorted(is) > 100)
    assert.same(sorted(is), sorted(all))
  end)

  it("gives the names of events as words without a blank", function()
    for event in pairs(is) do assert.matches("^[%l_]+$", event) end
  end)

  it("gives each its levels and its keys", function()
    for event, entry in pairs(events) do
      assert.same({ event, sorted(is[event].levels) }, { event, sorted(entry.levels) })
      assert.same({ event, sorted(is[event].keys) }, { event, sorted(entry.keys) })
    end
  end)

  it("explains each number of the counts", function()
    local everywhere = {}
    for _, event in ipairs { "counts", "stopped" } do
      for key in pairs(counts[event].keys) do everywhere[key] = true end
    end
    for event, entry in pairs(counts) do
      for key in pairs(is[event].keys) do
        assert(entry.keys[key] or everywhere[key], event .. " has " .. key)
      end
    end
  end)

  it("names settings that there are", function()
    local settings, found = manual.read "etc/man/auditrecv.conf.5", 0
    for name in (manual.read(page) .. manual.read "etc/doc/runbook.md"):gmatch "`(%l[%l_]+%.%l[%l_]+)[^`]*`" do
      if not name:find "%.md$" and not name:find "%.lua$" and not name:find "%.net$" then
        assert(settings:find(".It Va " .. name .. "\n", 1, true), "no setting is called " .. name)
        found = found + 1
      end
    end
    assert.is_true(found > 20, found)
  end)
end)
