-- Stories of groups: who may send, as whom, and what becomes of it.
local bsm = require "spec.support.bsm_build"
local cjson = require "cjson"
local daemon = require "spec.support.daemon"
local elasticsearch = require "spec.support.elasticsearch"
local fake = require "spec.support.fake_sender"
local kdc = require "spec.support.kdc"
local process = require "spec.support.process"
local triton = require "spec.support.triton"

local function record(n, event)
  return bsm.record { event = event or "stat", time = { 1700000000 + n, n }, seq = n, bsm.path("/tmp/" .. n),
    bsm.return64 { 0, 0 } }
end

-- A rule that says its name in each document.
local function a_rule(name)
  return ([[
    local rule = require "auditrecv.rule"
    return rule { name = %q, about = "x", apply = function(doc) doc.text = { %q } end }
  ]]):format(name, name)
end

local function a_folder_of_rules(d, name, source)
  process.mkdir(d .. "/" .. name)
  process.write(d .. "/" .. name .. "/a.lua", source)
  return d .. "/" .. name
end

-- The documents by the number of their record.
local function documents(d)
  local list = {}
  for _, line in ipairs(d:documents()) do
    local document = cjson.decode(line)
    list[document.sender_sequence] = document
  end
  return list
end

local function login(d, from, options)
  options = options or {}
  options.port, options.from = d.port, from
  local s = fake.login(options)
  return s
end

local function say(s, ...)
  for _, r in ipairs { ... } do assert.equal("sent", s:offer(r)) end
  assert.is_true(s:settled())
end

-- What --set takes for the table of a story.
local function with_groups(groups, more)
  local settings = more or {}
  settings.groups = groups
  return settings
end

describe("groups of addresses", function()
  it("have rules, events and byte order of their own", function()
    local folder = process.folder()
    process.mkdir(folder .. "/rules")
    local d = daemon.start { folder = folder, rules = { ["a.lua"] = a_rule "for_all" }, settings = with_groups {
      { name = "old", addresses = { "127.0.0.2" }, events = "smartos" },
      { name = "own", addresses = { "127.0.0.3/32" }, rules = a_folder_of_rules(folder, "own", a_rule "for_own") },
    } }
    say(login(d, "127.0.0.1", { sequence = 1 }), record(1, 313))
    say(login(d, "127.0.0.2", { sequence = 2 }), record(2, 313))
    say(login(d, "127.0.0.3", { sequence = 3 }), record(3, 313))
    local list = documents(d)
    assert.same({ { "127.0.0.1", "sacl", "for_all" }, { "127.0.0.2", "auditon_getpinfo", "for_all" },
      { "127.0.0.3", "sacl", "for_own" } }, {
      { list[1].from, list[1].event, list[1].text[1] },
      { list[2].from, list[2].event, list[2].text[1] },
      { list[3].from, list[3].event, list[3].text[1] },
    })
    assert.equal(0, (d:stop()))
    assert.matches("rule=for_all group=default phase=shape matched=2", d:log(), 1, true)
    assert.matches("rule=for_own group=own phase=shape matched=1", d:log(), 1, true)
  end)

  it("have an index of their own", function()
    local es = elasticsearch.start()
    local d = daemon.start { settings = with_groups({
      { name = "web", addresses = { "127.0.0.2" }, index = "web-%Y" },
    }, { output = { type = "elasticsearch", urls = { es.url } } }) }
    say(login(d, "127.0.0.1"), record(1))
    say(login(d, "127.0.0.2"), record(2))
    local index = {}
    for _, document in ipairs(es:documents()) do index[document._source.from] = document._index end
    assert.same({ ["127.0.0.1"] = "audit-2023-11-14", ["127.0.0.2"] = "web-2023" }, index)
    assert.equal(0, (d:stop()))
    es:stop()
  end)

  it("are acknowledged as they say: from the journal, or when it is indexed", function()
    local folder = process.folder()
    process.mkdir(folder .. "/rules")
    local settings = with_groups({
      { name = "sure", addresses = { "127.0.0.2" }, ack = "indexed" },
    }, { output = { type = "elasticsearch", urls = { "http://127.0.0.1:1" } },
      journal = { directory = folder .. "/journal", reserve = 0 }, stop = { time_limit = 1, linger = 1 } })
    local d = daemon.start { folder = folder, settings = settings }
    local journaled, indexed = login(d, "127.0.0.1"), login(d, "127.0.0.2")
    indexed:offer(record(1))
    say(journaled, record(2), record(3))
    indexed:take_acks()
    assert.same({ {}, { 1, 2 } }, { indexed.acked, journaled.acked })
    local status, counts = d:stop()
    assert.equal(1, status)
    assert.same({ 3, 1, 2 }, { counts.received, counts.owed, counts.acknowledged })
    assert.matches("event=sender_unacknowledged sender=127.0.0.2 waiting=1", d:log(), 1, true)
    assert.matches("event=journal_counts appended=2 stored=2", d:log(), 1, true)
  end)

  it("have a limit of their own on what is not settled", function()
    local d = daemon.start { settings = with_groups({
      { name = "small", addresses = { "127.0.0.2" }, max_in_flight = 64 * 1024 },
    }, { output = { type = "elasticsearch", urls = { "http://127.0.0.1:1" } },
      stop = { time_limit = 0.1, linger = 0.1 } }) }
    local args = {}
    for i = 1, 30 do args[i] = ("x"):rep(1000) end
    local function big(n) return bsm.record { event = "execve", seq = n, bsm.exec_args(args) } end
    local small, usual = login(d, "127.0.0.2"), login(d, "127.0.0.1")
    for i = 1, 5 do
      usual:offer(big(i))
      small:offer(big(i))
    end
    d:logged("reading_stopped", "sender=127.0.0.2")
    d:stop()
    assert.is_nil(d:log():find("reading_stopped sender=127.0.0.1", 1, true))
  end)
end)

describe("a reload", function()
  it("exchanges groups with their rules, and a bad one changes nothing", function()
    local folder = process.folder()
    process.mkdir(folder .. "/rules")
    local d = daemon.start { folder = folder, settings = with_groups {
      { name = "own", addresses = { "127.0.0.2" }, rules = a_folder_of_rules(folder, "own", a_rule "first") },
    } }
    local s = login(d, "127.0.0.2")
    say(s, record(1))
    process.write(folder .. "/own/a.lua", "return {")
    d:reload():logged("reload_failed", "groups.1.rules")
    say(s, record(2))
    process.write(folder .. "/own/a.lua", a_rule "second")
    d:reload():logged "event=reloaded"
    say(s, record(3))
    assert.matches("rule=first group=own phase=shape matched=2", d:log(), 1, true)
    local file = process.read(d.settings_file)
    process.write(d.settings_file, (file:gsub('"127.0.0.2"', '"127.0.0.9"')))
    d:reload()
    process.until_true("the second reload", function() return select(2, d:log():gsub("event=reloaded", "")) == 2 end)
    -- who is connected stays in his group; who comes anew is in none
    say(s, record(4))
    say(login(d, "127.0.0.2", { sequence = 5 }), record(5))
    local list, texts = documents(d), {}
    for i = 1, 5 do texts[i] = (list[i].text or { "-" })[1] end
    assert.same({ "first", "first", "second", "second", "-" }, texts)
    assert.equal(0, (d:stop()))
    assert.is_nil(d:log():find("restart_needed", 1, true))
  end)

  it("tells that the journal, listeners and services need a restart", function()
    local d = daemon.start()
    local file = process.read(d.settings_file)
    process.write(d.settings_file, (file:gsub("^return {", 'return { lookups = { deadline = 1 }, ')))
    d:reload():logged "restart_needed"
    assert.equal(0, (d:stop()))
  end)
end)

describe("sources of lookups", function()
  local function asks(path)
    return ([[
      local rule = require "auditrecv.rule"
      local lookup = require "auditrecv.lookup"
      lookup.source { name = "vm", service = "vmapi", path = %q, key = "text", fields = { "alias" } }
      return rule { name = "asks", about = "x", apply = function(doc)
        local vm = lookup.vm "k"
        if vm then doc.text = { vm.alias } end
      end }
    ]]):format(path)
  end

  it("are the same in all groups: one that is declared in two ways is refused", function()
    local folder = process.folder()
    a_folder_of_rules(folder, "rules", asks "/vms/{key}")
    local function check(own)
      local file = process.write(folder .. "/s.lua", ([[return {
        listen = { { mechanisms = { "dummy" }, dummy_from = { "::1" } } },
        lookups = { services = { { name = "vmapi", url = "http://127.0.0.1:1" } } },
        rules = { directory = %q },
        groups = { { name = "own", rules = %q } },
      }]]):format(folder .. "/rules", a_folder_of_rules(process.folder(), "own", own)))
      return daemon.run(folder, { "check", "-c", file })
    end
    assert.equal(0, check(asks "/vms/{key}").status)
    local p = check(asks "/zones/{key}")
    assert.equal(1, p.status)
    assert.matches("s.lua:5: groups.1.rules: .*own/a.lua:%d+: .*\"vm\" is declared differently", p:stderr())
  end)

  it("are waited for by records of rules that a reload has exchanged, which end with the last of them", function()
    local services = triton.start { zones = 0 }
    local folder = process.folder()
    process.mkdir(folder .. "/rules")
    services:faults { vmapi = { kind = "hang" } }
    local d = daemon.start { folder = folder, rules = { ["a.lua"] = asks "/vms/{key}" }, settings = { lookups = {
      deadline = 3, services = { { name = "vmapi", url = services.url.vmapi } } } } }
    local s = login(d, "127.0.0.1")
    s:offer(record(1))
    process.until_true("the question", function() return services:count "vmapi" > 0 end)
    process.write(folder .. "/rules/a.lua", a_rule "new")
    d:reload():logged "event=reloaded"
    s:offer(record(2))
    assert.is_true(s:settled())
    local list = documents(d)
    assert.same({ { "lookup_missing:vm" }, { "new" } }, { list[1].tags, list[2].text })
    assert.equal(0, (d:stop()))
    services:stop()
  end)

  it("are as before when a reload fails", function()
    local services = triton.start { zones = 0 }
    local folder = process.folder()
    process.mkdir(folder .. "/rules")
    local d = daemon.start { folder = folder, rules = { ["a.lua"] = asks "/first/{key}" }, settings = { lookups = {
      services = { { name = "vmapi", url = services.url.vmapi } } } } }
    process.write(folder .. "/rules/a.lua", asks "/second/{key}")
    process.write(folder .. "/rules/b.lua", "return {")
    d:reload():logged("reload_failed", "b.lua")
    say(login(d, "127.0.0.1"), record(1))
    process.until_true("the question", function() return services:count "vmapi" > 0 end)
    assert.equal("/first/k", services:requests()[1].target)
    d:stop()
    services:stop()
  end)
end)

describe("one journal", function()
  it("belongs to one daemon: a second one does not start, and check is fine beside it", function()
    local folder = process.folder()
    process.mkdir(folder .. "/rules")
    local journal = { directory = folder .. "/journal", reserve = 0 }
    local d = daemon.start { folder = folder, settings = { journal = journal } }
    local second = daemon.start { ready = false, settings = { journal = journal } }
    assert.equal(1, second.process:wait())
    assert.matches("journal.directory: .*" .. folder:gsub("%p", "%%%0") .. "/journal", second:log())
    assert.equal(0, daemon.run(folder, { "check", "-c", d.settings_file }).status)
    say(login(d, "127.0.0.1"), record(1))
    assert.equal(0, (d:stop()))
  end)
end)

describe("what SIGUSR1 tells", function()
  it("are the counts of every room, of each sender, and of each rule", function()
    local folder = process.folder()
    process.mkdir(folder .. "/rules")
    local d = daemon.start { folder = folder, rules = { ["a.lua"] = [[
      local rule = require "auditrecv.rule"
      return rule { name = "quiet", about = "x", when = { event = "access" },
        apply = function() return rule.drop "noise" end }
      ]] }, settings = { journal = { directory = folder .. "/journal", reserve = 0 } } }
    say(login(d, "127.0.0.1"), record(1), record(2, "access"), record(3, "access"))
    process.until_true("two documents", function() return #d:documents() == 1 end)
    d.process:kill(process.signal.SIGUSR1)
    for _, line in ipairs {
      "event=counts connections=1 received=3 recovered=0 indexed=1 existed=0 dropped=2",
      "event=connection_counts accepted=1 authenticated=1",
      "event=journal_counts appended=3 stored=3",
      "event=output_counts requests=",
      'event=reason_counts sender=all fate=dropped rule=quiet reason=noise records=2',
      "event=sender_counts sender=127.0.0.1 from=127.0.0.1 connections=1 received=3",
      "event=rule_counts rule=quiet group=default phase=shape matched=2 dropped=2",
    } do d:logged(line) end
    assert.equal(0, (d:stop()))
  end)
end)

describe("auditrecv check", function()
  it("prints the rules of every group", function()
    local folder = process.folder()
    for _, name in ipairs { "all", "own" } do a_folder_of_rules(folder, name, a_rule("for_" .. name)) end
    local file = process.write(folder .. "/s.lua", ([[return {
      listen = { { mechanisms = { "dummy" }, dummy_from = { "::1" } } },
      rules = { directory = %q },
      groups = { { name = "own", rules = %q }, { name = "few", addresses = { "192.0.2.1" } } },
    }]]):format(folder .. "/all", folder .. "/own"))
    local p = daemon.run(folder, { "check", "-c", file })
    assert.equal(0, p.status, p:stderr())
    assert.matches("-- group default: 1 rule, in the order in which they run", p:stdout(), 1, true)
    assert.matches("-- group own: 1 rule, .-for_own", p:stdout())
    assert.matches("-- group few: the rules of default", p:stdout(), 1, true)
  end)
end)

describe("auditrecv decode --group", function()
  it("works with rules and dialect of that group", function()
    local folder = process.folder()
    for _, name in ipairs { "all", "own" } do a_folder_of_rules(folder, name, a_rule("for_" .. name)) end
    local file = process.write(folder .. "/s.lua", ([[return { rules = { directory = %q },
      groups = { { name = "own", rules = %q, events = "smartos" } } }]]):format(folder .. "/all", folder .. "/own"))
    local trail = process.write(folder .. "/trail", bsm.trail { record(1, 313) })
    local function decoded(...)
      local p = daemon.run(folder, { "decode", "-c", file, ... })
      assert.equal(0, p.status, p:stderr())
      local document = cjson.decode(p:stdout())
      return { document.event, document.text and document.text[1] }
    end
    assert.same({ "sacl", "for_all" }, decoded(trail))
    assert.same({ "sacl", "for_all" }, decoded("--group", "default", trail))
    assert.same({ "auditon_getpinfo", "for_own" }, decoded("--group", "own", trail))
    assert.same({ "auditon_getpinfo", "for_all" }, decoded("--group", "own", "--rules", folder .. "/all", trail))
    assert.same({ "auditon_getpinfo" }, decoded("--group", "own", "--no-rules", trail))
    local p = daemon.run(folder, { "decode", "-c", file, "--group", "none", trail })
    assert.equal(1, p.status)
    assert.matches("--group none: the settings have no such group", p:stderr(), 1, true)
  end)
end)

describe("limits before authentication", function()
  it("are those of the settings: an address at its rate, and begin:rate:full", function()
    local d = daemon.start { settings = { limits = { max_rate = 4, startups = "2:100:3" } } }
    local function connect(from) return fake.connect { port = d.port, from = from } end
    local quiet = { connect "127.0.0.1", connect "127.0.0.2" }
    local late = connect "127.0.0.3"
    assert.truthy(late:wait_end())
    d:logged("event=refused from=127.0.0.3", "by lot")
    for _, s in ipairs(quiet) do assert.is_true(s:login()) end
    for _ = 1, 3 do assert.is_true(login(d, "127.0.0.1").connections == 1) end
    assert.truthy(connect("127.0.0.1"):wait_end())
    d:logged("event=refused from=127.0.0.1", "too many connections from this address within a minute")
    say(login(d, "127.0.0.9"), record(1))
    d:stop()
    assert.matches("refused_early=1 refused_rate=1 ", d:log(), 1, true)
  end)
end)

describe("a sender with Kerberos", function()
  local realm, keytab

  setup(function()
    realm = kdc.start()
    realm:principal("audit/localhost", "host/db1.example.net", "host/Web.Example.Net", "host/evil.example.org")
    keytab = realm:keytab("audit.keytab", "audit/localhost")
  end)
  teardown(function() realm:stop() end)

  local function start(groups, principals, more)
    local settings = more or {}
    settings.listen = { { address = "127.0.0.1", port = 0, mechanisms = { "kerberos_v5" }, principals = principals } }
    settings.kerberos, settings.groups = { keytab = keytab }, groups
    return daemon.start { settings = settings, env = realm.env }
  end

  local function send(d, principal, ...)
    local records = {}
    for i = 1, 3 do records[i] = record(i) end
    local trail = process.write(d.folder .. "/trail" .. math.random(1, 1 << 30), bsm.trail(records))
    local env = {}
    for k, v in pairs(realm.env) do env[k] = v end
    env.KRB5CCNAME = realm:ticket(principal:gsub("%W", "_") .. math.random(1, 1 << 30), principal)
    local argv = { "send", "--to", "localhost:" .. d.port, "--mech", "kerberos_v5", trail, ... }
    return daemon.run(d.folder, argv, { env = env })
  end

  it("is the host of its principal, in the document, in counts and in its group", function()
    local own = a_folder_of_rules(process.folder(), "own", a_rule "for_web")
    local d = start({ { name = "web", principals = { "host/web.example.net@EXAMPLE.NET" }, rules = own } },
      { "host/*.example.net@EXAMPLE.NET" })
    assert.equal(0, send(d, "host/db1.example.net").status)
    local document = cjson.decode(d:documents()[1])
    assert.same({ "127.0.0.1", "db1.example.net", "host/db1.example.net@EXAMPLE.NET" },
      { document.from, document.host, document.principal })
    assert.is_nil(document.text)
    assert.equal(0, send(d, "host/Web.Example.Net").status)
    document = cjson.decode(d:documents()[4])
    assert.same({ "web.example.net", "host/Web.Example.Net@EXAMPLE.NET", { "for_web" } },
      { document.host, document.principal, document.text })
    d.process:kill(process.signal.SIGUSR1)
    d:logged("event=sender_counts sender=db1.example.net from=127.0.0.1", "received=3", "indexed=3")
    d:logged("event=sender_counts sender=web.example.net from=127.0.0.1", "received=3", "indexed=3")
    assert.equal(0, (d:stop()))
  end)

  it("is refused when no list names it, until a reload does", function()
    local d = start(nil, { "host/*.example.net@EXAMPLE.NET" })
    local p = send(d, "host/evil.example.org", "--attempts", "1")
    assert.equal(1, p.status)
    d:logged("event=refused", "host/evil.example.org@EXAMPLE.NET may not send")
    assert.same({}, d:documents())
    local file = process.read(d.settings_file)
    process.write(d.settings_file, (file:gsub("host/%*%.example%.net@", "host/*.example.org@")))
    d:reload():logged "event=reloaded"
    assert.equal(0, send(d, "host/evil.example.org").status)
    assert.equal(1, send(d, "host/db1.example.net", "--attempts", "1").status)
    assert.equal(3, #d:documents())
    local _, counts = d:stop()
    assert.equal(3, counts.received)
    assert.matches("refused_principal=2", d:log(), 1, true)
  end)

  it("is checked for before the start: check reads the keytab", function()
    local d = start(nil, { "host/*.example.net@EXAMPLE.NET" })
    assert.equal(0, daemon.run(d.folder, { "check", "-c", d.settings_file }, { env = realm.env }).status)
    process.chmod(keytab, 420) -- 0644
    local p = daemon.run(d.folder, { "check", "-c", d.settings_file }, { env = realm.env })
    process.chmod(keytab, 384)
    assert.equal(1, p.status)
    assert.matches("auditrecv.lua:1: kerberos.keytab: ", p:stderr(), 1, true)
    assert.equal(0, (d:stop()))
  end)
end)
