-- Stories of `auditrecv journal`: what an operator sees of a journal, takes out of it, and sends once more.
local a_record = require "spec.support.a_record"
local bsm = require "spec.support.bsm_build"
local cjson = require "cjson"
local daemon = require "spec.support.daemon"
local elasticsearch = require "spec.support.elasticsearch"
local process = require "spec.support.process"

describe("auditrecv journal", function()
  local d, es

  local execve = a_record.bytes { event = "execve", time = "2026-03-01T12:00:00.000000000Z" }
  local ssh = a_record.bytes { event = "ssh", time = "2026-03-02T12:00:00.000000000Z" }
  local rename = a_record.bytes { event = "rename", time = "2026-03-03T12:00:00.000000000Z" }

  local function start(options)
    options = options or {}
    local folder = process.folder()
    options.settings = options.settings or {}
    options.settings.journal = { directory = folder .. "/journal", keep_for = 3600 }
    options.folder = folder
    process.mkdir(folder .. "/rules")
    d = daemon.start(options)
    return d
  end

  local function send(records)
    local file = process.write(d.folder .. "/trail" .. math.random(1, 1 << 30), bsm.trail(records))
    local p = daemon.run(d.folder, { "send", "--to", "127.0.0.1:" .. d.port, "--mech", "dummy", file })
    assert.equal(0, p.status, p:stderr())
  end


  -- `journal` with more words than one: the settings stand at the end
  local function run(...)
    local words = { "journal", ... }
    table.insert(words, "-c")
    table.insert(words, d.settings_file)
    return daemon.run(d.folder, words)
  end

  local function fine(...)
    local p = run(...)
    assert.equal(0, p.status, p:stderr())
    return p:stdout()
  end

  local function lines(text)
    local list = {}
    for line in text:gmatch "[^\n]+" do list[#list + 1] = cjson.decode(line) end
    return list
  end

  local function events(text)
    local list = {}
    for i, document in ipairs(lines(text)) do list[i] = document.event end
    return list
  end

  after_each(function()
    if es then es:stop() end
    es, d = nil, nil
    process.clean()
  end)

  it("lists segments, senders and what waits, while the daemon runs", function()
    start()
    send { execve, ssh, rename }
    local said = fine("ls", "--senders")
    assert.matches("1 segments, ", said)
    assert.matches("\n127%.0%.0%.1 +3 +1 +3 ", said)
    d:stop()
    assert.matches("cursor 4: every record has a fate", fine "ls")
  end)

  it("tells how much waits, and for how long, when nothing can be indexed", function()
    es = elasticsearch.start { rules = { { answer = { status = 503 } } } }
    start { settings = { output = { type = "elasticsearch", urls = { es.url } }, stop = { time_limit = 1 } } }
    send { execve, ssh }
    assert.matches("cursor 1: 2 records wait, the oldest for %d+ s", fine "ls")
  end)

  it("finds every entry whole, and a flipped bit", function()
    start()
    send { execve, ssh, rename }
    d:stop()
    assert.matches("^3 entries are whole", fine "verify")
    local name = d.folder .. "/journal/00000000000000000001.journal"
    local bytes = process.read(name)
    local at = #bytes - 20
    process.write(name, bytes:sub(1, at - 1) .. string.char(bytes:byte(at) ~ 1) .. bytes:sub(at + 1))
    local p = run "verify"
    assert.equal(1, p.status)
    assert.matches("2 entries are whole", p:stdout())
    assert.matches("00000000000000000001%.journal: %d+ bytes at offset %d+ are no entry", p:stderr())
  end)

  it("shows records as documents, by today's rules, or as they are", function()
    start()
    send { execve, ssh, rename }
    assert.same({ "execve", "ssh", "rename" }, events(fine "cat"))
    assert.equal("127.0.0.1", lines(fine "cat")[1].from)
    d:write_rules { ["quiet.lua"] = [[
      local rule = require "auditrecv.rule"
      return rule { name = "quiet", about = "drops", when = { event = "ssh" },
        apply = function() return rule.drop "seen enough" end }]] }
    assert.same({ "execve", "rename" }, events(fine "cat"))
    local raw = lines(fine("cat", "--raw"))[2]
    assert.equal((ssh:gsub(".", function(c) return ("%02x"):format(c:byte()) end)), raw.record_hex)
    assert.same({ 2, "127.0.0.1", "default", 2, #ssh },
      { raw.number, raw.sender, raw.group, raw.sender_sequence, raw.size })
  end)

  for _, case in ipairs {
    { { "--event", "ssh" }, { "ssh" } },
    { { "--event", "ssh", "--event", "rename" }, { "ssh", "rename" } },
    { { "--since", "2026-03-02" }, { "ssh", "rename" } },
    { { "--until", "2026-03-02T12:00:00" }, { "execve" } },
    { { "--since", "2026-03-01T12:00:01", "--until", "2026-03-03" }, { "ssh" } },
    { { "--numbers", "2" }, { "ssh" } },
    { { "--numbers", "2-" }, { "ssh", "rename" } },
    { { "--numbers", "1-2" }, { "execve", "ssh" } },
    { { "--sender", "127.0.0.1" }, { "execve", "ssh", "rename" } },
    { { "--sender", "192.0.2.1" }, {} },
    { { "--index", "audit-2026-03-03" }, { "rename" } },
  } do
    it("selects by " .. table.concat(case[1], " "), function()
      start()
      send { execve, ssh, rename }
      assert.same(case[2], events(fine("cat", table.unpack(case[1]))))
    end)
  end

  it("exports a trail that reads like the one that was sent", function()
    start()
    send { execve, ssh, rename }
    local out = d.folder .. "/exported"
    fine("export", "--out", out, "--event", "ssh", "--event", "rename")
    local p = daemon.run(d.folder, { "decode", out })
    assert.equal(0, p.status, p:stderr())
    assert.same({ "ssh", "rename" }, events(p:stdout()))
    assert.matches(ssh .. rename, process.read(out), 1, true)
    p = run("export", "--out", out)
    assert.equal(1, p.status)
    assert.matches("exported: File exists", p:stderr())
  end)

  it("replays what is missing, and writes over what is there when asked to", function()
    es = elasticsearch.start {}
    start { settings = { output = { type = "elasticsearch", urls = { es.url } } } }
    send { execve, ssh, rename }
    d:stop()
    assert.equal(3, #es:documents())
    assert.matches("0 documents written, 3 were there already", fine("replay", "--fill"))
    d:write_rules { ["mark.lua"] = [[
      local rule = require "auditrecv.rule"
      return rule { name = "mark", about = "marks", apply = function(doc) doc.tags = { "again" } end }]] }
    assert.matches("1 documents written, 0 were there already", fine("replay", "--overwrite", "--event", "ssh"))
    local tags = {}
    for _, document in ipairs(es:documents()) do
      tags[document._source.event] = document._source.tags and document._source.tags[1] or "-"
    end
    assert.same({ execve = "-", ssh = "again", rename = "-" }, tags)
    assert.matches("3 documents would be sent", fine("replay", "--dry-run"))
  end)

  describe("dead", function()
    local FAILS = [[
      local rule = require "auditrecv.rule"
      return rule { name = "strict", about = "fails", phase = "redact", when = { event = "ssh" },
        apply = function() error "never" end }]]
    local MENDED = FAILS:gsub('error "never"', "")

    before_each(function()
      es = elasticsearch.start {}
      start {
        settings = { output = { type = "elasticsearch", urls = { es.url } } }, rules = { ["strict.lua"] = FAILS },
      }
      send { execve, ssh, rename }
    end)

    it("lists letters with their reason, and shows them whole", function()
      local said = fine("dead", "list")
      assert.matches("127%.0%.0%.1 +2 +ssh +withheld +strict\n", said)
      local letter = cjson.decode(fine("dead", "show", "--reason", "withheld"))
      assert.equal("withheld", letter.note.reason)
      assert.equal((ssh:gsub(".", function(c) return ("%02x"):format(c:byte()) end)), letter.record_hex)
    end)

    it("replays a letter over the stub that stood for it, once the rule is mended", function()
      local function withheld()
        local count = 0
        for _, document in ipairs(es:documents()) do
          for _, tag in ipairs(document._source.tags or {}) do count = count + (tag == "withheld" and 1 or 0) end
        end
        return count
      end
      assert.equal(1, withheld())
      local before = #es:documents()
      local p = run("dead", "replay", "--reason", "withheld")
      assert.equal(1, p.status)
      assert.matches("1 withheld because a rule that redacts failed", p:stdout())
      assert.equal(1, withheld())
      d:write_rules { ["strict.lua"] = MENDED }
      assert.matches("1 dead letters became documents", fine("dead", "replay", "--reason", "withheld"))
      assert.same({ 0, before }, { withheld(), #es:documents() })
      assert.not_matches("withheld", fine("dead", "list"))
    end)

    it("deletes letters, and not all of them by mistake", function()
      assert.equal(1, run("dead", "delete").status)
      assert.matches("withheld", fine("dead", "list"))
      assert.matches("1 dead letters deleted", fine("dead", "delete", "--reason", "withheld"))
      assert.not_matches("withheld", fine("dead", "list"))
      fine("dead", "delete", "--all")
      assert.matches("^ +number [^\n]+\n$", fine("dead", "list"))
    end)
  end)

  it("explains what it cannot do", function()
    start()
    for _, case in ipairs {
      { 2, "say ls, verify, cat, export, replay or dead" },
      { 2, "say dead list, dead show, dead replay or dead delete", "dead" },
      { 2, "a time is written 2026%-03%-01", "cat", "--since", "yesterday" },
      { 2, "there is no event of that name", "cat", "--event", "nonsense" },
      { 2, "numbers of entries are written 17, 17%-42 or 17%-", "cat", "--numbers", "9-3" },
      { 1, "No such file or directory", "ls", "--journal", "/nonexistent" },
      { 1, "exclude each other", "replay", "--fill", "--overwrite" },
    } do
      local p = run(table.unpack(case, 3))
      assert.equal(case[1], p.status)
      assert.matches(case[2], p:stderr())
    end
  end)

  it("says that there is no journal where none is set", function()
    d = daemon.start()
    local p = run "ls"
    assert.equal(1, p.status)
    assert.matches("there is no journal: the setting journal.directory is not set", p:stderr())
  end)
end)
