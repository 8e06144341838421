local core = require "core.lookup"

describe("form of keys", function()
  local uuid = "5f3c1d52-8a07-4e6b-9d41-0c2b7e9a1f10"

  it("takes lower-case UUIDs as they are", function() assert.equal(uuid, core.form("uuid", uuid)) end)

  for _, case in ipairs {
    { "upper case", uuid:upper() }, { "a word", "global" }, { "nothing", "" }, { "one byte less", uuid:sub(1, 35) },
    { "one byte more", uuid .. "0" }, { "a path", "../../accounts/" .. uuid:sub(16) },
    { "a hyphen elsewhere", "5f3c1d528-a07-4e6b-9d41-0c2b7e9a1f10" }, { "a NUL inside", uuid:sub(1, 35) .. "\0" },
    { "another letter", uuid:sub(1, 35) .. "g" },
  } do
    it("refuses as a UUID: " .. case[1], function() assert.is_nil(core.form("uuid", case[2])) end)
  end

  for given, seen in pairs {
    ["192.0.2.1"] = "192.0.2.1", ["2001:DB8:0:0::1"] = "2001:db8::1", ["::ffff:192.0.2.1"] = "192.0.2.1",
  } do
    it("spells the address " .. given .. " in one way", function() assert.equal(seen, core.form("address", given)) end)
  end

  for _, wrong in ipairs { "", "192.0.2", "192.0.2.1/24", "fe80::1%net0", "host", "1.2.3.4\0", ("1"):rep(300) } do
    it(("refuses as an address %q"):format(wrong:sub(1, 20)), function() assert.is_nil(core.form("address", wrong)) end)
  end

  it("takes texts of 1 to 256 bytes of UTF-8", function()
    assert.equal("zürich/1", core.form("text", "zürich/1"))
    assert.equal(("x"):rep(256), core.form("text", ("x"):rep(256)))
    for _, wrong in ipairs { "", ("x"):rep(257), "a\nb", "\xff", "a\127" } do
      assert.is_nil(core.form("text", wrong))
    end
  end)

  it("refuses texts that are steps of a path, and would lead out of theirs", function()
    for _, step in ipairs { ".", ".." } do assert.is_nil(core.form("text", step)) end
    for _, name in ipairs { "...", "..a", "a.." } do assert.equal(name, core.form("text", name)) end
  end)

  it("writes each byte that may mean something in a URL as a number", function()
    assert.equal("..%2F..%3Fa%3Db%26c%23%25%20%C3%BC", core.escape "../..?a=b&c#% ü")
    assert.equal("Az09._~-", core.escape "Az09._~-")
  end)
end)

describe("what is kept of an answer", function()
  local vm = '{"alias":"web","tags":{"role":"www","x":1},"internal_metadata":{"root_pw":"secret"},"n":null,'
    .. '"nics":[{"ip":"192.0.2.1"}]}'

  for _, case in ipairs {
    { "a field", { "alias" }, '{"alias":"web"}' },
    { "fields in their nesting", { "tags.role", "alias" }, '{"alias":"web","tags":{"role":"www"}}' },
    { "a whole object", { "tags" }, '{"tags":{"role":"www","x":1}}' },
    { "the whole above its part, in either order", { "tags", "tags.role" }, '{"tags":{"role":"www","x":1}}' },
    { "the whole above its part, in the other order", { "tags.role", "tags" }, '{"tags":{"role":"www","x":1}}' },
    { "no nulls", { "n", "alias" }, '{"alias":"web"}' },
    { "no empty objects of what was not there", { "tags.nope", "alias" }, '{"alias":"web"}' },
    { "nothing below what is no object", { "alias.x", "nics.ip" }, "{}" },
    { "lists", { "nics" }, '{"nics":[{"ip":"192.0.2.1"}]}' },
  } do
    it("is " .. case[1], function() assert.equal(case[3], core.keep(vm, table.unpack(case[2]))) end)
  end

  it("is the first of two members of one name", function()
    assert.equal('{"a":1}', core.keep('{"a":1,"a":2}', "a"))
  end)

  it("is a name that is written with escapes, too", function()
    assert.equal('{"alias":1}', core.keep('{"al\\u0069as":1}', "alias"))
  end)

  it("is all of it when no fields are declared", function() assert.equal(vm, core.keep(vm)) end)

  it("is a text, a number or a boolean as it is", function()
    for _, value in ipairs { '"racing"', "12", "true" } do assert.equal(value, core.keep(value, "alias")) end
  end)

  for _, case in ipairs {
    { "no JSON", "<html>" }, { "cut off", vm:sub(1, 40) }, { "bytes that are not UTF-8", '{"alias":"\xff"}' },
    { "a list where fields are wanted", "[1]" }, { "rubbish behind it", '{"alias":1} x' }, { "nothing", "" },
    { "a value nested too deep", '{"alias":' .. ("["):rep(17) .. ("]"):rep(17) .. "}" },
    { "a value that is too long", '{"alias":"' .. ("x"):rep(16 * 1024) .. '"}' },
    { "nested without end", '{"x":' .. ("["):rep(100000) },
  } do
    it("is nothing of " .. case[1], function() assert.is_nil(core.keep(case[2], "alias")) end)
  end

  it("is nothing of an answer that is too large in all", function()
    local members, paths = {}, {}
    for i = 1, 6 do
      members[i] = ('"f%d":"%s"'):format(i, ("x"):rep(12000))
      paths[i] = "f" .. i
    end
    assert.is_nil(core.keep("{" .. table.concat(members, ",") .. "}", table.unpack(paths)))
  end)

  it("reads every beginning of an answer without harm", function()
    for at = 0, #vm - 1 do assert.is_nil(core.keep(vm:sub(1, at), "alias", "tags.role")) end
  end)
end)

describe("keys of an element", function()
  local server = '{"uuid":"x","sysinfo":{"Admin IP":"dhcp","Network Interfaces":{"a":{"ip4addr":"192.0.2.1"},'
    .. '"b":{"ip4addr":"192.0.2.2"}}}}'

  it("are those of the first path that leads to a key of the form", function()
    assert.same({ "192.0.2.1", "192.0.2.2" }, core.keys(server, "address", "sysinfo.Admin IP",
      "sysinfo.Network Interfaces.*.ip4addr"))
    assert.same({ "192.0.2.9" }, core.keys('{"ip":"192.0.2.9","ips":["192.0.2.1"]}', "address", "ip", "ips.*"))
  end)

  it("are found in lists", function()
    assert.same({ "192.0.2.1", "192.0.2.2" }, core.keys('{"ips":["192.0.2.1",7,"192.0.2.2"]}', "address", "ips.*"))
  end)

  it("are at most 64", function()
    local ips = {}
    for i = 1, 100 do ips[i] = ('"192.0.2.%d"'):format(i) end
    assert.equal(64, #core.keys('{"ips":[' .. table.concat(ips, ",") .. "]}", "address", "ips.*"))
  end)
end)

describe("CSV", function()
  for _, case in ipairs {
    { "rows and cells", "a,b\n1,2\n", { { "a", "b" }, { "1", "2" } } },
    { "a last line without its end", "a,b\r\n1,", { { "a", "b" }, { "1", "" } } },
    { "quotes, commas and lines within", 'a\n"x ""y"", z\n2"\n', { { "a" }, { 'x "y", z\n2' } } },
    { "a mark of byte order, and empty lines", "\xEF\xBB\xBFa\n\n\nb\n", { { "a" }, { "b" } } },
    { "nothing", "", {} },
  } do
    it("reads " .. case[1], function() assert.same(case[3], core.csv(case[2])) end)
  end

  it("says in which line a quote does not end, or text follows it", function()
    assert.same({ nil, 2 }, { core.csv 'a\n"b' })
    assert.same({ nil, 3 }, { core.csv 'a\nb\n"c"d\n' })
  end)
end)

describe("breaker", function()
  local function faults(count, at)
    local list = {}
    for i = 1, count do list[i] = { at or 0, "fault" } end
    return list
  end
  local function after(list, ...)
    for _, event in ipairs { ... } do list[#list + 1] = event end
    return core.breaker(list)
  end

  it("opens after five faults in a row", function()
    assert.same({ "go" }, after(faults(4), { 0, "ask" }))
    assert.same({ "rest" }, after(faults(5), { 0, "ask" }))
    assert.same({ "go" }, after(faults(4), { 0, "good" }, { 0, "fault" }, { 0, "ask" }))
  end)

  it("lets one request try when its rest is over, and closes when that goes well", function()
    assert.same({ "rest", "try", "wait", "go" },
      after(faults(5), { 0.9, "ask" }, { 1.1, "ask" }, { 1.1, "sent" }, { 1.2, "ask" }, { 1.3, "good" },
        { 1.3, "ask" }))
  end)

  it("rests twice as long after each try that fails, up to about a minute", function()
    assert.same({ "rest", "try" },
      after(faults(5), { 2, "sent" }, { 2, "fault" }, { 3.9, "ask" }, { 4.1, "ask" }))
    local events = faults(5)
    local now = 1000
    for _ = 1, 20 do
      events[#events + 1] = { now, "sent" }
      events[#events + 1] = { now, "fault" }
      now = now + 1000
    end
    assert.same({ "rest", "try" }, after(events, { now - 1000 + 60, "ask" }, { now - 1000 + 81, "ask" }))
  end)

  it("is not made to rest longer by requests that were under way when it opened", function()
    assert.same({ "try" }, after(faults(12), { 1.1, "ask" }))
  end)

  it("takes not ready for a short pause, and for no fault", function()
    local list = {}
    for i = 1, 10 do list[i] = { i * 2, "not_ready" } end
    assert.same({ "rest", "go" }, after(list, { 20.5, "ask" }, { 21.1, "ask" }))
  end)
end)
