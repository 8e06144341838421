-- Stories of the whole daemon: trails go in over TCP with `auditrecv send`, documents come out in a file.
local a_record = require "spec.support.a_record"
local bsm = require "spec.support.bsm_build"
local cjson = require "cjson"
local daemon = require "spec.support.daemon"
local fake = require "spec.support.fake_sender"
local process = require "spec.support.process"

-- A trail file of these records.
local function trail_of(folder, records)
  return process.write(folder .. "/trail" .. math.random(1, 1 << 30), bsm.trail(records))
end

local function send(d, file, ...)
  return daemon.run(d.folder, { "send", "--to", "127.0.0.1:" .. d.port, "--mech", "dummy", file, ... })
end

local function events(d)
  local seen = {}
  for i, line in ipairs(d:documents()) do seen[i] = cjson.decode(line).event end
  return seen
end

-- n records that differ in their sequence token
local function many(n, says)
  local records = {}
  for i = 1, n do
    records[i] = bsm.record { event = "stat", time = { 1700000000 + i, i }, seq = i,
      bsm.path("/tmp/" .. (says or "") .. i), bsm.subject64 { audit_id = 1001 }, bsm.return64 { 0, 0 } }
  end
  return records
end

describe("a trail that is sent", function()
  it("becomes documents in its order, each acknowledged, and the counts balance", function()
    local d = daemon.start()
    local p = send(d, trail_of(d.folder, {
      a_record.bytes { event = "execve" }, a_record.bytes { event = "ssh" }, a_record.bytes { event = "rename" },
    }))
    assert.equal(0, p.status, p:stderr())
    assert.same({ "execve", "ssh", "rename" }, events(d))
    local document = cjson.decode(d:documents()[1])
    assert.equal("127.0.0.1", document.from)
    assert.equal(1, document.sender_sequence)
    assert.matches("^20%d%d%-%d%d%-%d%dT.*Z$", document.received)
    local status, counts = d:stop()
    assert.equal(0, status)
    assert.equal(3, counts.received)
    assert.equal(3, counts.indexed)
    assert.equal(3, counts.acknowledged)
  end)

  it("says loudly that a listener takes senders without any security", function()
    local d = daemon.start()
    assert.matches("level=warn", d:logged("dummy"))
  end)

  it("is refused from an address that is not listed for `dummy`", function()
    local d = daemon.start { settings = { listen = { { address = "127.0.0.1", port = 0, mechanisms = { "dummy" },
      dummy_from = { "192.0.2.0/24" } } } } }
    local p = send(d, trail_of(d.folder, many(3)), "--attempts", "1")
    assert.equal(1, p.status)
    assert.same({}, d:documents())
  end)
end)

describe("the file of documents", function()
  it("that somebody moved away or removed is begun anew: nothing goes where nobody finds it", function()
    local d = daemon.start()
    local file = trail_of(d.folder, { a_record.bytes { event = "ssh" } })
    assert.equal(0, send(d, file).status)
    os.rename(d.documents_file, d.documents_file .. ".old")
    assert.equal(0, send(d, file, "--sequence", "2").status)
    assert.same({ "ssh" }, events(d))
    os.remove(d.documents_file)
    assert.equal(0, send(d, file, "--sequence", "3").status)
    assert.same({ "ssh" }, events(d))
    assert.equal(0, (d:stop()))
  end)
end)

describe("rules", function()
  local drop_stat = [[
    local rule = require "auditrecv.rule"
    return rule { name = "no_stat", about = "stat is noise", when = { event = "stat" },
      apply = function() return rule.drop "noise" end }]]

  it("drop what they say, and it is acknowledged and counted all the same", function()
    local d = daemon.start { rules = { ["no_stat.lua"] = drop_stat } }
    local p = send(d, trail_of(d.folder, { a_record.bytes { event = "stat" }, a_record.bytes { event = "execve" } }))
    assert.equal(0, p.status, p:stderr())
    assert.same({ "execve" }, events(d))
    local _, counts = d:stop()
    assert.equal(1, counts.dropped)
    assert.equal(2, counts.acknowledged)
    assert.truthy(d:log():find("event=rule_counts rule=no_stat group=default phase=shape matched=1 dropped=1", 1, true))
  end)

  it("that fail in redact withhold the document: a stub is indexed, the record is a dead letter", function()
    local d = daemon.start { rules = { ["secrets.lua"] = [[
      local rule = require "auditrecv.rule"
      return rule { name = "broken", about = "fails", phase = "redact", when = { event = "execve" },
        apply = function(doc) error "no" end }]] } }
    local record = a_record.bytes { event = "execve", exec_args = { "mysql", "-pcanary" } }
    assert.equal(0, send(d, trail_of(d.folder, { record, a_record.bytes { event = "ssh" } })).status)
    assert.equal(2, #d:documents())
    assert.is_nil(table.concat(d:documents()):find("canary", 1, true))
    assert.equal("execve", cjson.decode(d:documents()[1]).event)
    local letter = d:dead()[1]
    assert.same({ "withheld", "broken", "127.0.0.1", 1 },
      { letter.reason, letter.rule, letter.sender, letter.sender_sequence })
    assert.equal(record, letter.record)
    assert.matches("^%x+$", letter.rules)
    assert.matches("^20%d%d%-.*Z$", letter.time)
    local _, counts = d:stop()
    assert.equal(1, counts.dead)
    assert.equal(1, counts.indexed)
    assert.is_nil(d:log():find("canary", 1, true))
  end)

  for _, case in ipairs {
    { "loops for ever", "while true do end" },
    { "eats memory", "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end" },
    { "recurses without end", "local function f() return 1 + f() end return f()" },
    { "swallows its own end", "while true do pcall(function() while true do end end) end" },
  } do
    it("that " .. case[1] .. " are contained, and the record is kept and tagged", function()
      local d = daemon.start { settings = { rules = { time_limit = 50, max_heap = 4 * 1024 * 1024 } },
        rules = { ["bad.lua"] = ([[
          local rule = require "auditrecv.rule"
          return rule { name = "bad", about = "bad", when = { event = "execve" },
            apply = function(doc) %s end }]]):format(case[2]) } }
      local p = send(d, trail_of(d.folder, {
        a_record.bytes { event = "execve" }, a_record.bytes { event = "ssh" }, a_record.bytes { event = "execve" },
      }))
      assert.equal(0, p.status, p:stderr())
      assert.same({ "execve", "ssh", "execve" }, events(d))
      assert.truthy(d:documents()[1]:find('"tags":[', 1, true))
      assert.truthy(d:documents()[3]:find("bad", 1, true))
      assert.is_nil(d:documents()[2]:find("bad", 1, true))
      assert.equal(0, (d:stop()))
    end)
  end

  it("are exchanged by SIGHUP between two records", function()
    local d = daemon.start()
    local file = trail_of(d.folder, { a_record.bytes { event = "stat" } })
    send(d, file)
    d:write_rules { ["no_stat.lua"] = drop_stat }
    d:reload():logged "event=reloaded"
    send(d, file, "--sequence", "2")
    assert.same({ "stat" }, events(d))
    local _, counts = d:stop()
    assert.equal(1, counts.dropped)
  end)

  it("that take long hold up nothing else: a reload cures them in the middle of what waits", function()
    local d = daemon.start { settings = { rules = { time_limit = 100 } }, rules = { ["loop.lua"] = [[
      local rule = require "auditrecv.rule"
      return rule { name = "loop", about = "for ever", apply = function() while true do end end }]] } }
    local sender = process.start(d.folder, "sender", { daemon.program, "send", "--to", "127.0.0.1:" .. d.port,
      "--window", "150", trail_of(d.folder, many(150)) })
    process.until_true("a document", function() return #d:documents() > 0 end, 60)
    os.remove(d.rules .. "/loop.lua")
    d:reload():logged "event=reloaded"
    assert.equal(0, sender:wait(), sender:stderr())
    local tagged = 0
    for _, line in ipairs(d:documents()) do tagged = tagged + (line:find('"tags":', 1, true) and 1 or 0) end
    assert.equal(150, #d:documents())
    assert.is_true(tagged > 0 and tagged < 150, tagged)
    assert.equal(0, (d:stop()))
  end)

  it("that are exchanged have told what they did: every drop has its rule in the log", function()
    local d = daemon.start { rules = { ["no_stat.lua"] = drop_stat } }
    send(d, trail_of(d.folder, many(3)))
    d:reload():logged "event=reloaded"
    assert.truthy(d:logged('event=rule_counts', "rule=no_stat", "dropped=3"))
    send(d, trail_of(d.folder, many(2, "more")), "--sequence", "4")
    d:stop()
    assert.truthy(d:logged('event=rule_counts', "rule=no_stat", "dropped=2"))
  end)

  it("that do not load leave the old ones in force, and the log says what, where and why", function()
    local d = daemon.start { rules = { ["no_stat.lua"] = drop_stat } }
    d:write_rules { ["no_stat.lua"] = "local rule = require 'auditrecv.rule'\nreturn rule { name = \n}" }
    assert.matches("no_stat.lua:3:", d:reload():logged "reload_failed", 1, true)
    send(d, trail_of(d.folder, { a_record.bytes { event = "stat" } }))
    assert.same({}, events(d))
    local status, counts = d:stop()
    assert.equal(0, status)
    assert.equal(1, counts.dropped)
  end)

  it("that do not load at the start end it, with file and line", function()
    local d = daemon.start { ready = false, rules = { ["x.lua"] = "return {\n  nonsense" } }
    assert.equal(1, d.process:wait())
    assert.matches("x.lua:2:", d:log(), 1, true)
  end)

  it("route a document, which the default index does not see", function()
    local d = daemon.start { rules = { ["login.lua"] = [[
      local rule = require "auditrecv.rule"
      return rule { name = "logins", about = "logins apart", phase = "route", when = { event = "ssh" },
        apply = function() return rule.route "logins" end }]] } }
    assert.equal(0, send(d, trail_of(d.folder, { a_record.bytes { event = "ssh" } })).status)
    d:stop()
    assert.truthy(d:log():find("rule=logins group=default phase=route matched=1 dropped=0 routed=1", 1, true))
  end)
end)

describe("a record that is too long", function()
  it("is read past, its head is set aside with the reason, and what is behind it arrives", function()
    local d = daemon.start()
    local args = {}
    for i = 1, 9 * 1024 do args[i] = ("%04d"):format(i):rep(256) end
    local long = bsm.record { event = "execve", bsm.path "/usr/bin/find", bsm.exec_args(args) }
    assert.is_true(#long > 9 * 1024 * 1024)
    local p = send(d, trail_of(d.folder, { a_record.bytes { event = "ssh" }, long, a_record.bytes { event = "su" } }))
    assert.equal(0, p.status, p:stderr())
    assert.same({ "ssh", "su" }, events(d))
    local letter = d:dead()[1]
    assert.equal("too_long", letter.reason)
    assert.equal(#long, letter.size)
    assert.equal(long:sub(1, 64 * 1024), letter.record)
    local _, counts = d:stop()
    assert.equal(1, counts.dead)
    assert.equal(3, counts.acknowledged)
  end)
end)

describe("missing standard descriptors", function()
  it("are never taken by other files: the log stays out of documents and dead letters", function()
    local folder = process.folder()
    local settings = process.write(folder .. "/s.lua", ([[return {
      listen = { { address = "127.0.0.1", port = 0, mechanisms = { "dummy" }, dummy_from = { "127.0.0.1" } } },
      output = { type = "file", path = %q }, dead_letters = { directory = %q } }]]):format(folder .. "/documents",
      folder .. "/dead"))
    local p = process.start(folder, "closed", { "/bin/sh", "-c",
      ("exec %s serve -c %s <&- >&- 2>&-"):format(daemon.program, settings) })
    process.until_true("its files", function()
      local file = io.open(folder .. "/documents")
      return file and file:close() and p.pid
    end)
    -- ready when SIGHUP is caught, which would end it before
    process.until_true("its signals", function()
      local caught = tonumber(process.read("/proc/" .. p.pid .. "/status"):match "SigCgt:%s*(%x+)", 16)
      return caught & 1 == 1
    end)
    p:kill(process.signal.SIGHUP)
    assert.equal(0, p:terminate())
    assert.equal("", process.read(folder .. "/documents"))
  end)

  it("as output end it with the reason, and nothing was acknowledged", function()
    local folder = process.folder()
    local p = process.start(folder, "closed", { "/bin/sh", "-c",
      ([[exec %s serve --set 'listen = { { address = "127.0.0.1", port = 0, mechanisms = { "dummy" },
        dummy_from = { "127.0.0.1" } } }' --set 'dead_letters.directory = "%s/dead"' >&-]]):format(daemon.program,
      folder) })
    local port = p:line_with("event=listening", "port="):match "port=(%d+)"
    local sender = process.start(folder, "send", { daemon.program, "send", "--to", "127.0.0.1:" .. port,
      "--attempts", "1", trail_of(folder, many(3)) })
    assert.equal(1, p:wait())
    assert.matches("output_gone", p:stderr(), 1, true)
    assert.matches("3 records were not settled", p:stderr(), 1, true)
    assert.equal(1, sender:wait())
  end)

  it("as output end it as a stop does: what is in the journal is acknowledged, and nobody is cut off", function()
    local folder = process.folder()
    local p = process.start(folder, "closed", { "/bin/sh", "-c",
      ([[exec %s serve --set 'listen = { { address = "127.0.0.1", port = 0, mechanisms = { "dummy" },
        dummy_from = { "127.0.0.1" } } }' --set 'dead_letters.directory = "%s/dead"' \
        --set 'journal.directory = "%s/journal"' >&-]]):format(daemon.program, folder, folder) })
    local sender = fake.login { port = tonumber(p:line_with("event=listening", "port="):match "port=(%d+)") }
    for _, record in ipairs(many(3)) do sender:offer(record) end
    assert.is_true(sender:settled(), sender.fault)
    assert.equal("closed", sender:wait_for(function()
      sender:take_in()
      return sender.ended
    end))
    sender:close()
    assert.equal(1, p:wait())
    assert.matches("the output takes nothing any more", p:stderr(), 1, true)
  end)
end)

describe("a stop", function()
  it("under load loses nothing that was acknowledged, and the sender goes on where it was", function()
    local d = daemon.start()
    local file = trail_of(d.folder, many(20000))
    local sender = process.start(d.folder, "sender", { daemon.program, "send", "--to", "127.0.0.1:" .. d.port,
      "--mech", "dummy", "--window", "100", file })
    process.until_true("some documents", function() return #d:documents() > 500 end)
    local status, counts = d:stop()
    assert.equal(0, status, d:log())
    assert.equal(0, counts.waiting)
    assert.equal(counts.received, counts.acknowledged)
    local before = #d:documents()
    assert.equal(counts.indexed, before)
    -- the same place, the same files: the sender comes back by itself and resends only what nobody acknowledged
    local again = daemon.start { folder = d.folder, port = d.port }
    assert.equal(0, sender:wait(60), sender:stderr())
    again:stop()
    local seen, distinct = {}, 0
    for _, line in ipairs(again:documents()) do
      local path = cjson.decode(line).path
      if not seen[path] then seen[path], distinct = true, distinct + 1 end
    end
    assert.equal(20000, distinct)
  end)

  it("asked for twice ends at once", function()
    local d = daemon.start { settings = { output = { type = "elasticsearch", urls = { "http://127.0.0.1:1" } } } }
    local sender = process.start(d.folder, "sender", { daemon.program, "send", "--to", "127.0.0.1:" .. d.port,
      "--mech", "dummy", trail_of(d.folder, many(5)) })
    d.process:kill(process.signal.SIGUSR1)
    process.until_true("the records", function()
      d.process:kill(process.signal.SIGUSR1)
      return d:counts().received == 5
    end)
    d.process:kill(process.signal.SIGTERM)
    d:logged "event=stopping"
    d.process:kill(process.signal.SIGTERM)
    assert.equal(1, d.process:wait())
    assert.matches("5 records were not settled", d:log(), 1, true)
    assert.matches("audit -s", d:logged "sender_unacknowledged", 1, true)
    sender:kill()
  end)

  it("asked for twice takes no record for one that it has just given up", function()
    local d = daemon.start { settings = { output = { type = "elasticsearch", urls = { "http://127.0.0.1:1" },
      max_bytes = 65536, max_held_bytes = 1 << 20 } } }
    local records = many(3000, ("x"):rep(900))
    local sender = fake.login { port = d.port, window = #records }
    for _, record in ipairs(records) do sender:offer(record) end
    process.until_true("the records", function()
      d.process:kill(process.signal.SIGUSR1)
      return d:counts().received == #records
    end)
    -- the last one waits for its turn; over another connection half of it comes again
    local other = fake.login { port = d.port }
    local again = fake.record_frame(#records, records[#records])
    assert(other:write(again:sub(1, 500)))
    process.sleep(0.2)
    d.process:kill(process.signal.SIGTERM)
    d:logged "event=stopping"
    d.process:kill(process.signal.SIGTERM)
    process.sleep(0.1)
    assert(other:write(again:sub(501)))
    process.sleep(0.2)
    other:close()
    sender:close()
    assert.equal(1, d.process:wait(), d:log())
    local counts = d:counts()
    assert.same({ #records + 1, 0, 0 }, { counts.received, counts.resent, counts.acknowledged })
  end)
end)

describe("a sender", function()
  it("that was connected and does not come back is named, with the cure", function()
    local d = daemon.start { settings = { senders = { alarm_after = 1 } } }
    send(d, trail_of(d.folder, many(1)))
    local line = d:logged "sender_missing"
    assert.matches("sender=127.0.0.1", line, 1, true)
    assert.matches("audit -s", line, 1, true)
  end)
end)

describe("senders that change their address", function()
  it("are forgotten beyond senders.most, once they are gone, named and settled; the sums stay", function()
    local d = daemon.start { settings = { senders = { alarm_after = 1, most = 1 },
      listen = { { address = "::1", port = 0, mechanisms = { "dummy" }, dummy_from = { "::1" } },
        { address = "127.0.0.1", port = 0, mechanisms = { "dummy" }, dummy_from = { "127.0.0.0/8" } } } } }
    local file = trail_of(d.folder, many(2))
    for line in d:log():gmatch "event=listening[^\n]+" do
      local address, port = line:match "address=(%S+) port=(%d+)"
      local to = address:find(":", 1, true) and ("[%s]:%s"):format(address, port) or address .. ":" .. port
      assert.equal(0, daemon.run(d.folder, { "send", "--to", to, "--mech", "dummy", file }).status)
    end
    assert.matches("senders=1", d:logged "event=senders_forgotten", 1, true)
    local _, counts = d:stop()
    assert.equal(4, counts.received)
    assert.equal(4, counts.indexed)
  end)
end)

describe("dead letters", function()
  local broken = { ["b.lua"] = [[
    local rule = require "auditrecv.rule"
    return rule { name = "b", about = "b", phase = "redact", apply = function() error "no" end }]] }

  local function big(n)
    local args, records = {}, {}
    for i = 1, 300 do args[i] = ("x"):rep(1024) end
    for i = 1, n do records[i] = bsm.record { event = "execve", seq = i, bsm.exec_args(args) } end
    return records
  end

  it("that the disk does not take wait with their records, and none is forgotten when there is room", function()
    local journal = require "core.journal"
    local d = daemon.start { settings = { dead_letters = { max_bytes = 4 << 20 } }, rules = broken }
    local sender = process.start(d.folder, "sender", { daemon.program, "send", "--to", "127.0.0.1:" .. d.port,
      "--window", "60", trail_of(d.folder, big(60)) })
    d:logged("event=journal_stalled", "reason=limit")
    d:logged "event=dead_letters_not_written"
    assert.is_nil(sender:poll())
    -- somebody deals with them, as often as it takes
    local seen = {}
    process.until_true("all acknowledgements", function()
      local numbers = {}
      for _, letter in ipairs(d:dead()) do
        assert.equal("withheld", letter.reason)
        seen[letter.sender_sequence], numbers[#numbers + 1] = true, letter.number
      end
      assert(journal.forget(d.dead_directory, numbers))
      process.sleep(0.05)
      return sender:poll()
    end, 120)
    assert.equal(0, sender.status, sender:stderr())
    for _, letter in ipairs(d:dead()) do seen[letter.sender_sequence] = true end
    assert.equal(60, #seen)
    local status, counts = d:stop()
    assert.equal(0, status)
    assert.equal(60, counts.dead)
  end)

  it("are there after a restart, and are kept as long as was asked for", function()
    local d = daemon.start { rules = broken }
    send(d, trail_of(d.folder, many(3)))
    assert.equal(3, #d:dead())
    d:stop()
    d = daemon.start { folder = d.folder, rules = broken }
    assert.equal(3, #d:dead())
    d:stop()
    d = daemon.start { folder = d.folder, rules = broken, settings = { dead_letters = { keep_for = 1 } } }
    process.until_true("their end", function() return #d:dead() == 0 end)
    assert.equal(0, (d:stop()))
  end)

  it("are kept for so long from when they were set aside, however old their records are", function()
    local settings = { journal = { directory = process.folder() .. "/journal" }, dead_letters = { keep_for = 3600 },
      output = { type = "elasticsearch", urls = { "http://127.0.0.1:1" } } }
    local folder = process.folder()
    local env, shift = daemon.clock(folder)
    process.mkdir(folder .. "/rules")
    local d = daemon.start { folder = folder, settings = settings, env = env }
    assert.equal(0, send(d, trail_of(folder, many(3))).status)
    d:stop()
    shift(86400)
    d = daemon.start { folder = folder, settings = settings, env = env, rules = broken }
    process.until_true("letters", function() return #d:dead() == 3 end)
    process.sleep(2.5) -- each second those are let go that are too old
    assert.equal(3, #d:dead())
    shift(86400 + 4000)
    process.until_true("their end", function() return #d:dead() == 0 end)
    assert.equal(0, (d:stop()))
  end)

  it("belong to one daemon: a second one on the same directory does not start", function()
    local d = daemon.start()
    local second = daemon.start { ready = false, settings = { dead_letters = { directory = d.dead_directory } } }
    assert.equal(1, second.process:wait())
    assert.matches(d.dead_directory, second:log(), 1, true)
    assert.equal(0, daemon.run(d.folder, { "check", "-c", d.settings_file }).status)
    assert.equal(0, (d:stop()))
  end)
end)

describe("a record that comes again", function()
  it("is acknowledged and goes no further, whether its first copy has a fate or not", function()
    local d = daemon.start()
    local file = trail_of(d.folder, many(300))
    assert.equal(0, send(d, file).status)
    assert.equal(0, send(d, file).status)
    assert.equal(300, #d:documents())
    local _, counts = d:stop()
    assert.same({ 600, 300, 300, 600 }, { counts.received, counts.indexed, counts.resent, counts.acknowledged })
  end)

  it("is told from another one of the same number: its auditd has begun to count anew", function()
    local d = daemon.start()
    assert.equal(0, send(d, trail_of(d.folder, many(5, "first"))).status)
    assert.equal(0, send(d, trail_of(d.folder, many(3, "second"))).status)
    assert.equal(8, #d:documents())
    d:stop()
    local counts = daemon.numbers(d:logged "event=sender_counts ")
    assert.same({ 1, 0 }, { counts.restarts, counts.missing })
  end)
end)
