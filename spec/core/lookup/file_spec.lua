local lookup_door = require "spec.support.lookup_door"
local process = require "spec.support.process"

local function description(members)
  local it = { name = "zone", service = "zones", key_field = "zonename", fields = { "alias", "owner" } }
  for name, value in pairs(members or {}) do it[name] = value end
  return it
end

describe("lookup in a file", function()
  local door, path

  local function open(text, options)
    path = process.folder() .. "/zones"
    if text then process.write(path, text) end
    options = options or {}
    options.services = { { name = "zones", file = path } }
    door = lookup_door.open(options)
    return door
  end
  -- As an exporter does: written beside it, and renamed.
  local function replace(text)
    process.write(path .. ".new", text)
    assert(os.rename(path .. ".new", path))
  end
  after_each(function() door:close() end)

  for _, case in ipairs {
    { "a JSON list", '[{"zonename":"a","alias":"web","x":1},{"zonename":"b","alias":"db"}]' },
    { "a JSON object", ' {"a":{"alias":"web","x":1},"b":{"alias":"db"}}' },
    { "CSV with a column without a name", '"",zonename,alias\nx,a,web\n,b,db\n' },
    { "CSV", "zonename,alias,owner,x\na,web,,1\nb,db,,\n" },
  } do
    it("reads " .. case[1], function()
      local zone = open(case[2]):source(description())
      assert.equal('{"alias":"web"}', select(2, door.room:ask(zone, "a")))
      assert.equal('{"alias":"db"}', select(2, door.room:ask(zone, "b")))
      assert.equal("nothing", door.room:ask(zone, "c"))
      assert.equal(2, door:counters "zone".entries)
    end)
  end

  it("is read again when it is another one; versions change with values only", function()
    local zone = open "zonename,alias\na,web\nb,db\n":source(description())
    local _, _, a = door.room:ask(zone, "a")
    local _, _, b = door.room:ask(zone, "b")
    replace "zonename,alias\na,web\nb,db-2\nc,new\n"
    door:until_true("the new content", function() return door.room:ask(zone, "c") == "found" end)
    assert.equal(a, select(3, door.room:ask(zone, "a")))
    assert.are_not.equal(b, select(3, door.room:ask(zone, "b")))
  end)

  for _, case in ipairs {
    { "no whole JSON", '[{"zonename":"a","alias":"new"}' }, { "a stray quote", 'zonename,alias\na,"new\n' },
    { "too many cells", "zonename,alias\na,new,b\n" }, { "bytes that are not UTF-8", "zonename,alias\na,\xff\n" },
    { "nothing", "" }, { "an array of numbers, cut", "[1,2" },
  } do
    it("keeps its content when the new one is " .. case[1], function()
      local zone = open "zonename,alias\na,web\n":source(description())
      replace(case[2])
      door.room:reopen()
      assert.equal('{"alias":"web"}', select(2, door.room:ask(zone, "a")))
      assert.truthy(door:log():find("lookup_file_bad", 1, true))
      replace "zonename,alias\na,web-2\n"
      door.room:reopen()
      assert.equal('{"alias":"web-2"}', select(2, door.room:ask(zone, "a")))
    end)
  end

  it("keeps its content when the file goes, and is missing where it never was", function()
    local zone = open "zonename,alias\na,web\n":source(description())
    os.remove(path)
    door.room:reopen()
    assert.equal("found", door.room:ask(zone, "a"))
    door:close()
    zone = open(nil):source(description())
    assert.equal("missing", door.room:ask(zone, "a"))
    replace "zonename,alias\na,web\n"
    door:until_true("the file", function() return door.room:ask(zone, "a") == "found" end)
  end)

  it("refuses a file that does not fit into memory", function()
    local lines = { "zonename,alias" }
    for i = 1, 5000 do lines[#lines + 1] = ("zone-%d,%s"):format(i, ("x"):rep(20)) end
    local zone = open(table.concat(lines, "\n"), { max_bytes = 256 * 1024 }):source(description())
    assert.equal("missing", door.room:ask(zone, "zone-1"))
    assert.truthy(door:log():find("does not fit", 1, true))
  end)

  it("refuses a file that would hold up everything else while it is read, whatever there is of memory", function()
    local text = '[{"zonename":"a","alias":"web"}]' .. (" "):rep(16 * 1024 * 1024)
    local zone = open(text, { max_bytes = 256 * 1024 * 1024 }):source(description())
    assert.equal("missing", door.room:ask(zone, "a"))
    assert.truthy(door:log():find("larger than 16 MiB", 1, true))
  end)

  it("leaves out elements without a key of the form, and says how many", function()
    local zone = open('[{"alias":"x"},{"zonename":7},{"zonename":"a","alias":"web"}]'):source(description())
    assert.equal("found", door.room:ask(zone, "a"))
    assert.truthy(door:log():find("without_key=2", 1, true))
  end)

  it("wants to know where the key is", function()
    open "[]"
    local id, why = door.room:declare((lookup_door.declaration(description()):gsub('"key_field":%["zonename"%]',
      '"key_field":[]')))
    assert.is_nil(id)
    assert.equal("zone: a list, and a file, want a key_field", why)
  end)

  it("is asked without waiting where questions may block", function()
    local zone = open("zonename,alias\na,web\n", { blocking = true }):source(description())
    assert.equal("found", door.room:ask(zone, "a"))
  end)
end)
