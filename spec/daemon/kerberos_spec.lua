-- The real daemon with kerberos_v5: `auditrecv send` as the hosts, and a KDC that is started for the story.
local bsm = require "spec.support.bsm_build"
local daemon = require "spec.support.daemon"
local elasticsearch = require "spec.support.elasticsearch"
local fake = require "spec.support.fake_sender"
local kdc = require "spec.support.kdc"
local process = require "spec.support.process"
local wire = require "core.wire"

local DB1, DB2, WEB = "host/db1.example.net", "host/db2.example.net", "host/web.example.org"

describe("auditrecv with kerberos_v5", function()
  local realm, es

  before_each(function()
    realm = kdc.start()
    realm:principal("audit/localhost", DB1, DB2, WEB)
    realm.audit = realm:keytab("audit.keytab", "audit/localhost")
    realm.key = { [DB1] = realm:keytab("db1.keytab", DB1), [DB2] = realm:keytab("db2.keytab", DB2),
      [WEB] = realm:keytab("web.keytab", WEB) }
    es = elasticsearch.start()
  end)
  after_each(function()
    es:stop()
    process.clean()
  end)

  local function start(options)
    options = options or {}
    return daemon.start { env = options.env or realm.env, rules = options.rules, port = options.port, settings = {
      journal = options.journal,
      listen = { { address = "127.0.0.1", port = options.port or 0, mechanisms = { "kerberos_v5" },
        principals = { "host/*.example.net@EXAMPLE.NET" } } },
      kerberos = { keytab = realm.audit, workers = options.workers or 2 },
      output = { type = "elasticsearch", urls = { es.url } },
    } }
  end

  local function trail(n, name)
    local records = {}
    for i = 1, n do
      records[i] = bsm.record { event = "stat", time = { 1700000000 + i, 0 }, bsm.path("/" .. (name or "file") .. i),
        bsm.return64 { 0, 0 } }
    end
    return process.write(realm.folder .. "/trail-" .. (name or "file"), bsm.trail(records))
  end

  -- The realm's environment with a wall clock that can be set: shift(seconds).
  local function a_clock(hurry)
    local env, shift = daemon.clock(realm.folder, hurry)
    for name, value in pairs(realm.env) do env[name] = value end
    return env, shift
  end

  local sends, env = 0, nil
  local function send(d, who, file, ...)
    sends = sends + 1
    local argv = { daemon.program, "send", "--to", "localhost:" .. d.port, "--mech", "kerberos_v5" }
    if who then argv[#argv + 1], argv[#argv + 2] = "--keytab", realm.key[who] end
    for _, word in ipairs { ... } do argv[#argv + 1] = word end
    argv[#argv + 1] = file
    return process.start(realm.folder, "send" .. sends, argv, { env = env or realm.env })
  end

  local function paths()
    local seen, count = {}, 0
    for _, document in ipairs(es:documents()) do
      local source = document._source
      assert(not seen[source.path], "twice: " .. source.path)
      seen[source.path] = source
      count = count + 1
    end
    return count, seen
  end

  -- Hosts in this process need the realm in its own environment, to be put back with finally().
  local function enter_realm(more)
    for name, value in pairs(realm.env) do wire.setenv(name, value) end
    for name, value in pairs(more or {}) do wire.setenv(name, value) end
    return function()
      for name in pairs(realm.env) do wire.setenv(name) end
      for name in pairs(more or {}) do wire.setenv(name) end
    end
  end

  local function plugin(d, who)
    return fake.new { port = d.port, security = {
      open = function() return wire.initiator { keytab = realm.key[who] } end,
    } }
  end

  local function record(n)
    return bsm.record { event = "stat", time = { 1700000000 + n, 0 }, bsm.path("/file" .. n), bsm.return64 { 0, 0 } }
  end

  it("indexes what a host sends under its proved name, and takes nothing from others", function()
    local d = start { rules = { ["who.lua"] = [[
      local rule = require "auditrecv.rule"
      return rule { name = "who", about = "who it was", apply = function(doc) doc.text = { doc.principal } end }
    ]] } }
    local p = send(d, DB1, trail(100))
    assert.equal(0, p:wait(60), p:stderr())
    local count, seen = paths()
    assert.equal(100, count)
    assert.same({ "db1.example.net", "127.0.0.1" }, { seen["/file1"].host, seen["/file1"].from })
    assert.same({ DB1 .. "@EXAMPLE.NET" }, seen["/file1"].text)
    local stranger = send(d, WEB, trail(1, "stranger"), "--attempts", "1")
    assert.equal(1, stranger:wait(60))
    d:logged("event=refused", WEB .. "@EXAMPLE.NET")
    local nobody = send(d, nil, trail(1, "nobody"), "--attempts", "1")
    assert.equal(1, nobody:wait(60))
    assert.matches("run kinit", nobody:stderr(), 1, true)
    local status = d:stop()
    assert.equal(0, status)
    assert.equal(100, (paths()))
  end)

  it("takes new keys while it runs, without a stop and without loss", function()
    local d = start()
    local running = send(d, DB1, trail(300), "--rate", "200")
    d:logged("event=connected", "sender=db1.example.net")
    realm:change_key "audit/localhost"
    os.remove(realm.audit)
    realm:keytab("audit.keytab", "audit/localhost")
    local other = send(d, DB2, trail(10, "other"))
    assert.equal(0, other:wait(60), other:stderr())
    assert.equal(0, running:wait(60), running:stderr())
    assert.equal(2, select(2, d:log():gsub("event=keytab_read", "")))
    d:stop()
    assert.equal(310, (paths()))
  end)

  for _, ack in ipairs { "indexed", "journaled" } do
    it("keeps its senders when clocks jump, the KDC is away and keys change: " .. ack, function()
      local here, shift_here = a_clock()
      local d = start { env = here,
        journal = ack == "journaled" and { directory = realm.folder .. "/journal", reserve = 0 } or nil }
      local there, shift_there = a_clock()
      env = there
      local senders = { send(d, DB1, trail(600, "one"), "--rate", "100", "--window", "50"),
        send(d, DB2, trail(600, "two"), "--rate", "100", "--window", "50") }
      env = nil
      d:logged("event=connected", "sender=db1.example.net")
      d:logged("event=connected", "sender=db2.example.net")
      realm:stop()
      local function some_more()
        local stored = es:counts().stored
        process.until_true("more documents", function() return es:counts().stored > stored + 40 end)
      end
      for _, shift in ipairs { shift_here, shift_there } do
        for _, seconds in ipairs { 600, 0, -600, 0 } do
          shift(seconds)
          some_more()
        end
      end
      realm:change_key "audit/localhost"
      os.remove(realm.audit)
      realm:keytab("audit.keytab", "audit/localhost")
      shift_here(600)
      some_more()
      for _, p in ipairs(senders) do assert.equal(0, p:wait(60), p:stderr()) end
      d:stop()
      assert.equal(1200, (paths()))
      assert.equal(2, select(2, d:log():gsub("event=connected ", "")))
      -- The clock of the receiver did jump: its last words are of a time to come.
      local said = d:log():match "(%S+)[^\n]*event=stopped"
      assert.is_true(said > os.date("!%Y-%m-%dT%H:%M:%S", os.time() + 300), said)
    end)
  end

  it("asks soon whether anybody is at the older connection of a host, and closes it when nobody is", function()
    finally(enter_realm())
    local d = start { env = (a_clock "30") }
    local old, new = plugin(d, DB1), plugin(d, DB1)
    assert.equal("sent", old:offer(record(1)))
    assert.is_true(old:settled(), old.fault)
    process.sleep(0.5) -- so that nothing is on the way which would have to be sent again
    if not wire.vanish(old.socket:getfd()) then pending "a socket may not go without a word here" end
    old:close()
    assert.equal("sent", new:offer(record(2)))
    assert.is_true(new:settled(), new.fault)
    d:logged("event=connected_again", "sender=db1.example.net")
    d:logged("event=disconnected", "sender=db1.example.net", "reset by peer", "records=1 acknowledged=1")
    assert.equal("sent", new:offer(record(3)))
    assert.is_true(new:settled(), new.fault)
    assert.equal(1, new.connections)
    new:close()
    d:stop()
    assert.equal(3, (paths()))
  end)

  it("loses and doubles nothing when tickets expire in the middle of a stream", function()
    local d = start()
    realm:configure { lifetime = "3s" }
    local p = send(d, DB1, trail(700), "--rate", "100", "--window", "50", "-v")
    assert.equal(0, p:wait(60), p:stderr())
    assert.matches("the ticket of this connection has expired", p:stderr(), 1, true)
    d:stop()
    assert.equal(700, (paths()))
  end)

  it("loses and doubles nothing when a host turns to another receiver", function()
    local first, second = start(), start()
    local file = trail(2000)
    for _ = 1, 3 do
      local p = send(first, DB1, file, "--rate", "1500", "--attempts", "1")
      process.until_true("some documents", function() return es:counts().stored > 50 end)
      p:kill()
      p:wait()
    end
    first:kill()
    local p = send(second, DB1, file)
    assert.equal(0, p:wait(60), p:stderr())
    second:stop()
    assert.equal(2000, (paths()))
  end)

  it("proves the sender of a document that a rule withholds, too", function()
    local d = start { rules = { ["secrets.lua"] = [[
      local rule = require "auditrecv.rule"
      return rule { name = "broken", about = "fails", phase = "redact", apply = function() error "no" end }
    ]] } }
    local p = send(d, DB1, trail(1))
    assert.equal(0, p:wait(60), p:stderr())
    local stub = es:documents()[1]._source
    assert.same({ "withheld", DB1 .. "@EXAMPLE.NET", "db1.example.net" }, { stub.tags[1], stub.principal, stub.host })
    d:stop()
  end)

  it("ends the connection of a host that may not send any more, with all of it acknowledged", function()
    finally(enter_realm())
    local d = start()
    local gone, stays = plugin(d, DB1), plugin(d, DB2)
    for n, s in ipairs { gone, stays } do
      assert.equal("sent", s:offer(record(n)))
      assert.is_true(s:settled(), s.fault)
    end
    for n = 11, 60 do assert.equal("sent", gone:offer(record(n))) end
    local file = process.read(d.settings_file)
    process.write(d.settings_file, (file:gsub("host/%*%.example", "host/db2.example")))
    d:reload():logged "event=reloaded"
    d:logged("event=permission_withdrawn", "sender=db1.example.net")
    assert.is_true(gone:wait_for(function()
      gone:take_acks()
      return gone.ended ~= nil
    end))
    assert.same({ 51, 0, "closed" }, { #gone.acked, #gone.queue, gone.ended })
    d:logged("event=disconnected", "sender=db1.example.net", "it may not send any more",
      "records=51 acknowledged=51")
    gone:offer(record(3))
    d:logged("event=refused", DB1 .. "@EXAMPLE.NET may not send")
    assert.equal("sent", stays:offer(record(4)))
    assert.is_true(stays:settled(), stays.fault)
    assert.equal(1, stays.connections)
    for _, s in ipairs { gone, stays } do s:close() end
    d:stop()
    assert.equal(53, (paths()))
  end)

  it("loses and doubles nothing of a plugin that turns from one receiver to another again and again", function()
    finally(enter_realm())
    local receivers = { start(), start() }
    local s = fake.new { port = receivers[1].port, window = 100, security = {
      open = function() return wire.initiator { keytab = realm.key[DB1] } end,
    } }
    local records = 0
    local function offer(n)
      for _ = 1, n do
        records = records + 1
        assert.equal("sent", (s:offer(bsm.record { event = "stat", time = { 1700000000 + records, 0 },
          bsm.path("/file" .. records), bsm.return64 { 0, 0 } })))
      end
    end
    for round = 1, 30 do
      offer(20)
      -- Some are acknowledged, some are on the way, when the connection goes.
      assert.is_true(s:wait_for(function()
        s:take_acks()
        return #s.queue <= 60
      end))
      s:close()
      s.port = receivers[round % 2 + 1].port
    end
    offer(1)
    assert.is_true(s:settled(), s.fault)
    assert.same({ 31, 0, false }, { s.connections, s.dropped, s:trapped() })
    s:close()
    for _, d in ipairs(receivers) do d:stop() end
    assert.equal(601, records)
    assert.equal(records, (paths()))
  end)

  it("stops although a login hangs in the library", function()
    local d = start()
    local p = send(d, DB1, trail(10))
    assert.equal(0, p:wait(60), p:stderr())
    local lock = wire.lock(("%s/krb5_%d.rcache2"):format(realm.folder, wire.user()))
    finally(function() wire.unlock(lock) end)
    local stuck = send(d, DB2, trail(10, "stuck"), "--attempts", "1")
    process.sleep(1)
    assert.equal(0, (d:stop()))
    d:logged "event=library_hangs"
    assert.not_equal(0, stuck:wait(60))
    assert.equal(10, (paths()))
  end)

  it("serves 50 hosts at once, beside one that stops in the middle of its handshake", function()
    local d = start { workers = 1 }
    local idle = fake.connect { port = d.port }
    idle:write(fake.VERSION)
    assert.equal("01", idle:read_frame())
    local senders = {}
    for i = 1, 50 do
      local name = ("host/n%d.example.net"):format(i)
      senders[i] = name
    end
    realm:principal(table.unpack(senders))
    local all = realm:keytab("all.keytab", table.unpack(senders))
    for i, name in ipairs(senders) do
      realm.key[name] = all
      local file = process.write(realm.folder .. "/trail" .. i, bsm.trail { bsm.record { event = "stat",
        time = { 1700000000, 0 }, bsm.path("/n" .. i), bsm.return64 { 0, 0 } } })
      senders[i] = send(d, name, file, "--principal", name .. "@EXAMPLE.NET")
    end
    for _, p in ipairs(senders) do assert.equal(0, p:wait(60), p:stderr()) end
    local count, seen = paths()
    assert.equal(50, count)
    for i = 1, 50 do assert.equal(("n%d.example.net"):format(i), seen["/n" .. i].host) end
    idle:close()
    d:stop()
  end)
end)
