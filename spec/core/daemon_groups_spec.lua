local groups = require "core.groups"
local process = require "spec.support.process"
local rules_directory = require "spec.support.rules_directory"

local count = 0

-- Settings with these groups, and one listener with this list of principals; more: further settings.
local function settings(list, principals, more)
  count = count + 1
  return process.write(("%s/%d.lua"):format(process.folder(), count), ([[
return {
  listen = {
    { port = 1, principals = { %s } },
    { port = 2, principals = { "host/second.example.net@EXAMPLE.NET" } },
  },
  groups = {
    %s
  },
  %s
}
]]):format(principals or "", list or "", more or ""))
end

-- A directory with one rule of that name.
local function a_rule(name)
  local source = 'return rule { name = %q, about = "x", apply = function() end }'
  return rules_directory.make { ["a.lua"] = source:format(name) }
end

local function open(...) return assert(groups.open(settings(...))) end

local function fault(...)
  local all, why = groups.open(settings(...))
  assert.is_nil(all)
  return why
end

local DB = [["host/*.db.example.net@EXAMPLE.NET"]]

describe("who may send with Kerberos", function()
  it("is nobody whom no list names", function()
    local as, why = open():admit { principal = "host/db1.example.net@EXAMPLE.NET" }
    assert.is_nil(as)
    assert.equal("host/db1.example.net@EXAMPLE.NET may not send: no list names it, neither principals of the listener "
      .. "nor those of a group", why)
  end)

  it("is whom the listener names, as the host in the name, in small letters", function()
    local all = open(nil, [["host/*.example.net@EXAMPLE.NET"]])
    assert.same({ sender = "web1.example.net", host = "web1.example.net", group = "default", max_in_flight = 64 << 20 },
      all:admit { principal = "host/WEB1.Example.Net@EXAMPLE.NET" })
    assert.is_nil((all:admit { principal = "host/web1.example.net@EVIL.ORG" }))
  end)

  it("is whom this listener names, not another one", function()
    local all, second = open(), "host/second.example.net@EXAMPLE.NET"
    assert.is_nil((all:admit { principal = second, listener = 1 }))
    assert.equal("second.example.net", all:admit({ principal = second, listener = 2 }).sender)
    assert.is_nil((all:admit { principal = second, listener = 3 }))
  end)

  it("is whom a group names, at any listener", function()
    local all = open('{ name = "db", principals = { ' .. DB .. " } }")
    for listener = 1, 2 do
      local as = all:admit { principal = "host/a.db.example.net@EXAMPLE.NET", listener = listener }
      assert.same({ "a.db.example.net", "db" }, { as.sender, as.group })
    end
  end)

  it("is no principal that names no host", function()
    for _, principal in ipairs { "admin@EXAMPLE.NET", "host/192.0.2.1@EXAMPLE.NET", "host/a\\/b@EXAMPLE.NET" } do
      local as, why = open(nil, [["host/*@EXAMPLE.NET"]]):admit { principal = principal }
      assert.is_nil(as)
      assert.matches(principal, why, 1, true)
    end
  end)
end)

describe("a group", function()
  it("is the first one that names a sender", function()
    local all = open([[
      { name = "odd", principals = { "host/a.db.example.net@EXAMPLE.NET" } },
      { name = "db", principals = { ]] .. DB .. [[ } },
    ]], [["host/*.example.net@EXAMPLE.NET"]])
    for host, group in pairs { ["a.db"] = "odd", ["b.db"] = "db", web = "default" } do
      assert.equal(group, all:admit({ principal = "host/" .. host .. ".example.net@EXAMPLE.NET" }).group)
    end
  end)

  it("has senders without authentication by their addresses, which stay who they are", function()
    local all = open [[
      { name = "lab", addresses = { "192.0.2.0/25", "2001:db8::/32" } },
      { name = "rest", addresses = { "192.0.2.0/24" } },
    ]]
    for address, group in pairs { ["192.0.2.1"] = "lab", ["192.0.2.200"] = "rest", ["2001:db8:1::1"] = "lab",
      ["198.51.100.1"] = "default", ["::1"] = "default" } do
      local as = all:admit { from = address }
      assert.same({ address, group }, { as.sender, as.group })
      assert.is_nil(as.host)
    end
  end)

  it("has from the top level what it does not say itself", function()
    local list = open([[
      { name = "same" },
      { name = "own", events = "illumos", swapped_ports = true, service_ports = {}, max_in_flight = 1024 * 1024 },
    ]], nil, [[
      decoder = { events = "smartos", swapped_ports = false, service_ports = { 2222 } },
      limits = { max_in_flight_sender = 2 * 1024 * 1024 },
    ]]):list()
    assert.same({ name = "default", rules = {}, shares = false, journaled = false, max_in_flight = 2 << 20,
      smartos = true, natural_ports = true, services = { 2222 } }, list[1])
    assert.same({ name = "same", rules = {}, shares = true, journaled = false, max_in_flight = 2 << 20,
      smartos = true, natural_ports = true, services = { 2222 } }, list[2])
    assert.same({ name = "own", rules = {}, shares = true, journaled = false, max_in_flight = 1 << 20,
      smartos = false, natural_ports = false, services = {} }, list[3])
  end)

  it("has rules of its own, or shares those of all", function()
    local top = a_rule "for_all"
    local own = a_rule "for_few"
    local groups_of = '{ name = "few", rules = %q }, { name = "index", index = "other" }, { name = "more" }'
    local list = open(groups_of:format(own), nil, ("rules = { directory = %q }"):format(top)):list()
    assert.same({ "for_all" }, list[1].rules)
    assert.same({ "for_few" }, list[2].rules)
    assert.same({ "for_all" }, list[3].rules)
    assert.same({ false, false, false, true }, { list[1].shares, list[2].shares, list[3].shares, list[4].shares })
  end)

  it("is acknowledged from the journal when there is one, unless it says otherwise", function()
    local function journaled(...)
      local out = {}
      for i, group in ipairs(open(...):list()) do out[i] = group.journaled end
      return out
    end
    local list = '{ name = "a" }, { name = "b", ack = "indexed" }'
    assert.same({ false, false, false }, journaled(list))
    assert.same({ true, true, false }, journaled(list, nil, 'journal = { directory = "j" }'))
    assert.same({ false, true }, journaled('{ name = "a", ack = "journaled" }', nil,
      'journal = { directory = "j" }, ack = "indexed"'))
  end)

  for _, case in ipairs {
    { "without a name", "{ addresses = {} }", ":7: groups.1: the group has no name" },
    { "with a name that is none", '{ name = "Big Hosts" }', ':7: groups.1.name: "Big Hosts" is no name of a group' },
    { "that is called default", '{ name = "default" }', ':7: groups.1.name: "default" is the group of everybody' },
    { "that is there already", '{ name = "a" },\n{ name = "a" }', ':8: groups.2.name: there is a group "a" already' },
    { "with a pattern that is none", '{ name = "a", principals = { "host/*.*@R" } }',
      ":7: groups.1.principals.1: \"host/*.*@R\": only one *" },
    { "with a principal without a realm", '{ name = "a", principals = { "host/a@R", "host/db1" } }',
      ":7: groups.1.principals.2: \"host/db1\": the realm is missing" },
    { "with an address that is none", '{ name = "a", addresses = { "192.0.2.1", "lab" } }',
      ":7: groups.1.addresses.2: \"lab\" is not an address" },
    { "with a principal of another one", '{ name = "a", principals = { "host/x@R" } }, '
      .. '{ name = "b", principals = { "host/y@R", "host/x@R" } }',
      ':7: groups.2.principals.2: "host/x@R" is in the group "a" already' },
    { "with an address of another one", '{ name = "a", addresses = { "::1" } }, { name = "b", addresses = { "::1" } }',
      ':7: groups.2.addresses.1: "::1" is in the group "a" already' },
    { "with an index that is none", '{ name = "a", index = "Audit" }',
      ":7: groups.1.index: index \"Audit\" makes no name" },
    { "with rules that are not there", '{ name = "a", rules = "/nonexistent" }', ":7: groups.1.rules: " },
    { "with a port that is none", '{ name = "a", service_ports = { "ssh" } }',
      ':7: groups.1.service_ports.1: "ssh" is not a port' },
    { "that needs a journal where there is none", '{ name = "a", ack = "journaled" }',
      ':7: groups.1.ack: "journaled" needs a journal, and there is none: set journal.directory' },
    { "with a setting that is none", '{ name = "a", directory = "x" }',
      ":7: groups.1.directory: there is no such setting" },
    { "with a switch that is none", '{ name = "a", swapped_ports = 1 }', ":7: groups.1.swapped_ports: true or false" },
  } do
    it(case[1] .. " is told, with its line", function() assert.matches(case[3], fault(case[2]), 1, true) end)
  end

  it("is not all: lists of listeners are checked, too", function()
    assert.matches(":3: listen.1.principals.1: \"db1\": the realm is missing", fault(nil, '"db1"'), 1, true)
  end)

  it("and everybody need a journal for being acknowledged from it", function()
    assert.matches(':9: ack: "journaled" needs a journal', fault(nil, nil, 'ack = "journaled"'), 1, true)
  end)
end)

describe("a reload", function()
  local function names(all)
    local out = {}
    for i, group in ipairs(all:list()) do out[i] = group.name end
    return out
  end

  local P = { principal = "host/a.db.example.net@EXAMPLE.NET" }

  it("exchanges who may send", function()
    local all = open('{ name = "db", principals = { ' .. DB .. " } }")
    assert.equal("db", all:admit(P).group)
    assert(all:reload(settings('{ name = "db" }')))
    assert.is_nil((all:admit(P)))
    assert(all:reload(settings(nil, DB)))
    assert.equal("default", all:admit(P).group)
  end)

  it("exchanges rules, dialects and limits", function()
    local all = open '{ name = "a", max_in_flight = 1024 * 1024 }'
    local own = a_rule "new"
    assert(all:reload(settings(('{ name = "a", rules = %q, events = "smartos" }'):format(own))))
    local a = all:list()[2]
    assert.same({ { "new" }, true, 64 << 20 }, { a.rules, a.smartos, a.max_in_flight })
    assert(all:reload(settings '{ name = "a" }'))
    assert.same({}, all:list()[2].rules)
    assert.is_true(all:list()[2].shares)
  end)

  it("brings groups, in whatever order, and takes them away: what is left of them is as default", function()
    local all = open '{ name = "a", addresses = { "192.0.2.1" } }, { name = "b", addresses = { "192.0.2.2" } }'
    assert(all:reload(settings [[
      { name = "c", addresses = { "192.0.2.3" } },
      { name = "b", addresses = { "192.0.2.2" }, events = "smartos" },
    ]]))
    assert.same({ "default", "a", "b", "c" }, names(all))
    for address, group in pairs { ["192.0.2.1"] = "default", ["192.0.2.2"] = "b", ["192.0.2.3"] = "c" } do
      assert.equal(group, all:admit({ from = address }).group)
    end
    assert.same({ "default", "b", "c", "default" }, { all:named "a", all:named "b", all:named "c", all:named "d" })
    assert.same({ false, false, true, false }, { all:list()[1].smartos, all:list()[2].smartos, all:list()[3].smartos,
      all:list()[4].smartos })
    assert(all:reload(settings '{ name = "a", addresses = { "192.0.2.1" } }'))
    assert.same({ "default", "a", "b", "c" }, names(all))
    assert.equal("a", all:admit({ from = "192.0.2.1" }).group)
    assert.equal("default", all:named "b")
  end)

  it("with a fault anywhere changes nothing", function()
    local good = a_rule "old"
    local bad = rules_directory.make { ["a.lua"] = "return rule {" }
    local all = open(('{ name = "a", rules = %q, addresses = { "192.0.2.1" } }'):format(good))
    local before = all:list()
    for _, list in ipairs {
      ('{ name = "new", addresses = { "192.0.2.1" } }, { name = "a", rules = %q }'):format(bad),
      '{ name = "a" }, { name = "b", principals = { "x" } }',
      '{ name = "a", ack = "journaled" }',
    } do
      local done, why = all:reload(settings(list))
      assert.is_nil(done)
      assert.matches("%.lua:7: groups", why)
      assert.same(before, all:list())
      assert.equal("a", all:admit({ from = "192.0.2.1" }).group)
    end
    assert.matches("and restart", select(2, all:reload(settings '{ name = "a", ack = "journaled" }')))
  end)

  it("admits by the list of a listener that still is the same one", function()
    local all, second = open(), "host/second.example.net@EXAMPLE.NET"
    local moved = process.write(process.folder() .. "/moved.lua",
      'return { listen = { { port = 2, principals = { "host/third.example.net@EXAMPLE.NET" } }, { port = 3, '
      .. 'principals = { "host/other.example.net@EXAMPLE.NET" } } } }')
    assert(all:reload(moved))
    assert.is_nil((all:admit { principal = second, listener = 2 }))
    local third = "host/third.example.net@EXAMPLE.NET"
    assert.equal("third.example.net", all:admit({ principal = third, listener = 2 }).sender)
    for listener = 1, 2 do
      assert.is_nil((all:admit { principal = "host/other.example.net@EXAMPLE.NET", listener = listener }))
    end
  end)
end)
