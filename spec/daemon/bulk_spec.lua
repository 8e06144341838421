-- Stories of the daemon with an Elasticsearch behind it that goes wrong in every way we know.
local bsm = require "spec.support.bsm_build"
local cjson = require "cjson"
local daemon = require "spec.support.daemon"
local elasticsearch = require "spec.support.elasticsearch"
local fake_sender = require "spec.support.fake_sender"
local json = require "spec.support.json"
local process = require "spec.support.process"
local tls = require "spec.support.tls"

describe("a daemon with Elasticsearch behind it", function()
  local es, d

  -- output and rest go over the usual settings
  local function start(es_options, output, rest)
    es = elasticsearch.start(es_options or {})
    local settings = rest or {}
    settings.output = { type = "elasticsearch", urls = { es.url }, template_name = "auditrecv" }
    for k, v in pairs(output or {}) do settings.output[k] = v end
    d = daemon.start { settings = settings }
    return d
  end

  after_each(function()
    if es then es:stop() end
    es, d = nil, nil
    process.clean()
  end)

  local function record(i, says)
    return bsm.record { event = "stat", time = { 1700000000 + i, i }, seq = i,
      bsm.path("/tmp/" .. (says or "") .. i), bsm.subject64 { audit_id = 1001 }, bsm.return64 { 0, 0 } }
  end

  local function trail(n, poison)
    local records = {}
    for i = 1, n do records[i] = record(i, poison and poison[i]) end
    return process.write(d.folder .. "/trail" .. math.random(1, 1 << 30), bsm.trail(records))
  end

  local function send(file, ...)
    local p = daemon.run(d.folder, { "send", "--to", "127.0.0.1:" .. d.port, "--mech", "dummy", file, ... })
    assert.equal(0, p.status, p:stderr())
  end

  -- The numbers of the paths of what is stored.
  local function stored()
    local seen, n = {}, 0
    for _, document in ipairs(es:documents()) do
      assert.is_nil(seen[document._id], "stored twice")
      seen[document._id] = true
      n = n + 1
    end
    return n
  end

  for _, flavour in ipairs { "E7", "E8", "E9", "O1", "O2", "O3" } do
    it("indexes a trail into " .. flavour .. ", and a resent one once", function()
      start({ flavour = flavour }, { gzip = flavour == "E9" })
      local file = trail(500)
      send(file)
      assert.equal(500, stored())
      local document = es:documents()[1]
      assert.equal("audit-2023-11-14", document._index)
      assert.equal("stat", document._source.event)
      send(file)
      assert.equal(500, stored())
      local status, counts = d:stop()
      assert.equal(0, status)
      assert.same({ 500, 500, 1000 }, { counts.indexed, counts.resent, counts.acknowledged })
      assert.truthy(d:logged("event=server", flavour:find "E" and "family=elasticsearch" or "family=opensearch"))
      assert.truthy(d:logged("event=template", "not installed"))
    end)
  end

  for name, answer in pairs {
    ["ends connections"] = { no_head = true, cut = 0 }, ["resets them"] = { no_head = true, reset = 0 },
    ["cuts answers off"] = { cut = 50, stored = true }, ["is busy"] = { fault = "busy" },
    ["gives fewer items"] = { fewer = 1, stored = true }, ["is a proxy's page"] = { status = 200, body = "<html>",
      content_type = "text/html" },
    ["has no master"] = { fault = "no_master" },
  } do
    it("loses nothing when the server " .. name, function()
      start({ rules = { { every = 2, to = 12, answer = answer } } }, { max_documents = 20 })
      send(trail(300))
      assert.equal(300, stored())
      local _, counts = d:stop()
      assert.equal(300, counts.acknowledged)
    end)
  end

  it("loses nothing when each item may go wrong", function()
    start({ rules = { { mix = { { 60 }, { 10, "rejected" }, { 10, "unavailable" }, { 5, "deleted" }, { 5,
      "node_gone" },
      { 5, "breaker" }, { 5, "no_such_shard" } }, times = 400 } } }, { max_documents = 50 })
    send(trail(500))
    assert.equal(500, stored())
  end)

  it("repairs what it can, sets the rest aside with the raw record, and leaves the neighbours alone", function()
    start { rules = {
      { fault = "wrong_value", field = "path", contains = "/tmp/mend5", times = 1 },
      { fault = "wrong_value", field = "return", value = "canary", contains = "/tmp/poison9" },
    } }
    send(trail(20, { [5] = "mend", [9] = "poison" }))
    assert.equal(19, stored())
    for _, document in ipairs(es:documents()) do
      if document._source.misfit then
        assert.same({ path = "/tmp/mend5" }, document._source.misfit)
        assert.same({ "misfit" }, document._source.tags)
        assert.is_nil(document._source.path)
      end
    end
    local letter = d:dead()[1]
    assert.equal(1, #d:dead())
    assert.equal(record(9, "poison"), letter.record)
    local status, counts = d:stop()
    assert.equal(0, status)
    assert.same({ 19, 1, 20 }, { counts.indexed, counts.dead, counts.acknowledged })
    assert.truthy(d:log():find("event=document_refused", 1, true))
    assert.is_nil(d:log():find("canary", 1, true)) -- reasons quote the document
  end)

  it("finds the one document that spoils whole requests", function()
    start { rules = { { request_contains = "/tmp/poison", answer = { status = 400, body =
      '{"error":{"type":"illegal_argument_exception","reason":"Malformed"},"status":400}' } } } }
    send(trail(30, { [17] = "poison" }))
    assert.equal(29, stored())
    assert.equal(1, #d:dead())
  end)

  it("holds back the acknowledgements of an index that takes nothing, while others go on", function()
    start { rules = { { fault = "write_block", index = "audit-2023-11-14" } } }
    local sender = fake_sender.login { port = d.port, window = 100 }
    local shut = record(1)
    local free = bsm.record { event = "stat", time = { 1800000000, 0 }, bsm.path "/", bsm.return64 { 0, 0 } }
    sender:offer(shut)
    for _ = 1, 5 do sender:offer(free) end
    sender:wait_for(function() sender:take_acks() return #sender.acked >= 5 end, 30)
    assert.equal(5, #sender.acked)
    for _, sequence in ipairs(sender.acked) do assert.is_true(sequence > 1) end
    assert.truthy(d:logged("event=index_paused", "audit-2023-11-14", "cure="))
    es:rules {}
    sender:wait_for(function() sender:take_acks() return #sender.acked >= 6 end, 60)
    assert.equal(6, #sender.acked)
    assert.is_nil(sender.fault)
    sender:close()
  end)

  describe("and an index that takes nothing for long", function()
    local shut = { { fault = "write_block", index = "audit-2023-11-14" } }
    local journal

    -- Every other one goes into that index; far more of them than may wait in memory.
    local function both(n)
      local records = {}
      for i = 1, n do
        records[i] = bsm.record { event = "stat", time = { i % 2 == 0 and 1800000000 or 1700000000, i }, seq = i,
          bsm.path("/tmp/" .. i), bsm.subject64 { audit_id = 1001 }, bsm.return64 { 0, 0 } }
      end
      return process.write(process.folder() .. "/trail", bsm.trail(records))
    end

    local function start_small()
      journal = process.folder() .. "/journal"
      start({ rules = shut }, { max_held_bytes = 1 << 20, max_bytes = 64 * 1024 },
        { journal = { directory = journal, max_memory = 1 << 20 } })
    end

    local function output_counts()
      local before = select(2, d:log():gsub("event=output_counts", ""))
      d.process:kill(process.signal.SIGUSR1)
      process.until_true("counts", function() return select(2, d:log():gsub("event=output_counts", "")) > before end)
      return d.numbers(d:log():match ".*event=output_counts([^\n]*)")
    end

    -- Ends it when it knows the fate of all.
    local function finish()
      process.until_true("the fate of every record", function()
        output_counts()
        return d:counts().waiting == 0
      end, 60)
      local status, counts = d:stop()
      assert.equal(0, status)
      assert.is_nil(d:log():find("ledger_does_not_balance", 1, true))
      return counts
    end

    it("keeps its records in the journal, holds up no other, and gets them when it is open", function()
      start_small()
      send(both(10000))
      process.until_true("all of the others", function() return stored() == 5000 end, 60)
      local counts = output_counts()
      assert.is_true(counts.given_back > 2000, counts.given_back)
      assert.is_true(counts.held_bytes < 512 * 1024, counts.held_bytes)
      es:rules {}
      process.until_true("all", function() return stored() == 10000 end, 120)
      counts = finish()
      assert.same({ 10000, 0, 0 }, { counts.indexed, counts.existed, counts.waiting })
      assert.is_nil(d:log():find("records_missing", 1, true))
    end)

    it("beside another such index gets them though that one is shut still, and the rules are new", function()
      start_small()
      local other = { fault = "write_block", index = "audit-2027-01-15" }
      es:rules { shut[1], other }
      local records, times = {}, { 1600000000, 1700000000, 1800000000 }
      for i = 1, 6000 do
        records[i] = bsm.record { event = "stat", time = { times[i % 3 + 1], i }, seq = i, bsm.path("/tmp/" .. i),
          bsm.subject64 { audit_id = 1001 }, bsm.return64 { 0, 0 } }
      end
      send(process.write(process.folder() .. "/trail", bsm.trail(records)))
      process.until_true("all of the third", function() return stored() == 2000 end, 60)
      es:rules { other }
      process.until_true("all of the first", function() return stored() == 4000 end, 120)
      d:reload()
      d:logged "event=reloaded"
      es:rules {}
      process.until_true("all", function() return stored() == 6000 end, 120)
      local counts = finish()
      assert.same({ 6000, 0, 0 }, { counts.indexed, counts.existed, counts.waiting })
    end)

    it("gets them after a crash, too", function()
      start_small()
      send(both(6000))
      process.until_true("all of the others", function() return stored() == 3000 end, 60)
      d:kill()
      d = daemon.start { folder = d.folder, settings = { output = d.settings.output, journal = d.settings.journal } }
      process.until_true("records given back", function() return output_counts().given_back > 1000 end, 60)
      es:rules {}
      process.until_true("all", function() return stored() == 6000 end, 120)
      local counts = finish()
      assert.same({ 6000, 0 }, { counts.indexed + counts.existed, counts.waiting })
    end)

    it("counts those as damaged that the disk has lost meanwhile", function()
      start_small()
      send(both(6000))
      process.until_true("all of the others", function() return stored() == 3000 end, 60)
      local file = assert(io.popen("ls " .. journal .. "/*.journal")):read "l"
      local bytes = process.read(file)
      local at = assert(bytes:find("/tmp/5001", 1, true))
      local f = assert(io.open(file, "r+b"))
      f:seek("set", at - 1)
      f:write "/tmq"
      f:close()
      es:rules {}
      process.until_true("all but that", function() return stored() == 5999 end, 120)
      local counts = finish()
      assert.same({ 5999, 1, 0 }, { counts.indexed, counts.damaged, counts.waiting })
      assert.truthy(d:log():find("event=journal_records_damaged records=1", 1, true))
    end)
  end)

  it("waits with wrong credentials, says so, and goes on when the file is right", function()
    local key = process.write(process.folder() .. "/key", "id:old")
    process.chmod(key, 384)
    start({ settings = { auth = json.list { "ApiKey aWQ6a2V5" } } }, { api_key_file = key })
    local sender = fake_sender.login { port = d.port, window = 100 }
    for i = 1, 10 do sender:offer(record(i)) end
    assert.truthy(d:logged("event=output_stopped", "credentials_refused", "cure="))
    sender:take_acks()
    assert.equal(0, #sender.acked)
    process.write(key, "id:key")
    sender:wait_for(function() sender:take_acks() return #sender.acked >= 10 end, 60)
    assert.equal(10, #sender.acked)
    assert.equal(10, stored())
    assert.is_nil(d:log():find("id:key", 1, true))
    sender:close()
  end)

  it("does not start with a key that others can read", function()
    local key = process.write(process.folder() .. "/key", "id:key")
    process.chmod(key, 420)
    es = elasticsearch.start()
    d = daemon.start { ready = false, settings = { output = { type = "elasticsearch", urls = { es.url },
      api_key_file = key } } }
    assert.equal(1, d.process:wait(30))
    assert.truthy(d:log():find(key, 1, true) and d:log():find("chmod 600", 1, true))
  end)

  describe("over TLS", function()
    -- A server with a certificate for these names, behind it the fake one; ca: the folder whose CA is believed.
    local function secure(names, ca)
      es = elasticsearch.start {}
      local folder = tls.folder(names)
      local front = tls.front(folder, es.port)
      d = daemon.start { settings = { output = { type = "elasticsearch", urls = { front.url },
        ca_file = (ca or folder) .. "/ca.crt" } } }
      return folder
    end

    it("believes the CA of ca_file, and no other", function()
      secure "IP:127.0.0.1"
      send(trail(500))
      assert.equal(500, stored())
      local _, counts = d:stop()
      assert.equal(500, counts.acknowledged)
    end)

    for name, certificate in pairs {
      ["a CA that it does not know"] = { "IP:127.0.0.1", other_ca = true },
      ["another host's name"] = { "DNS:elsewhere.example,IP:127.0.0.2" },
    } do
      it("tells nothing to a server that shows a certificate of " .. name .. ", and loses nothing", function()
        secure(certificate[1], certificate.other_ca and tls.folder "IP:127.0.0.1" or nil)
        local sender = fake_sender.login { port = d.port, window = 100 }
        for i = 1, 10 do sender:offer(record(i)) end
        assert.truthy(d:logged("event=node_failed", "SSL", "nodes_up=0"))
        assert.truthy(d:logged("event=no_node_answers", "effect=", "cure="))
        sender:take_acks()
        assert.same({}, sender.acked)
        assert.same({}, es:requests())
        d.process:kill(process.signal.SIGUSR1)
        d:logged("event=counts", "waiting=10")
        sender:close()
      end)
    end

    it("does not start without the CA's file", function()
      local folder = process.folder()
      d = daemon.start { ready = false, settings = { output = { type = "elasticsearch", urls = { "https://localhost" },
        ca_file = folder .. "/none" } } }
      assert.equal(1, d.process:wait(30))
      assert.matches(":%d+: output%.ca_file: .*/none: No such file", d:log())
      local p = daemon.run(d.folder, { "check", "-c", d.settings_file })
      assert.equal(1, p.status)
      assert.matches("auditrecv.lua:%d+: output%.ca_file: .*/none: No such file", p:stderr())
    end)
  end)

  it("outlives the server's restart in the middle of a stream", function()
    start({}, { max_documents = 25 })
    local sender = process.start(d.folder, "streaming", { daemon.program, "send", "--to", "127.0.0.1:" .. d.port,
      "--mech",
      "dummy", "--window", "200", "--rate", "2000", trail(4000) })
    process.until_true("some documents", function() return es:counts().stored > 200 end)
    es:down()
    process.sleep(0.5)
    es:up()
    assert.equal(0, sender:wait(120))
    assert.equal(4000, stored())
  end)

  it("settles and acknowledges everything before it stops", function()
    start({ rules = { { answer = { delay = 0.1, stored = true } } } }, { max_documents = 50 })
    local sender = fake_sender.login { port = d.port, window = 500 }
    for i = 1, 400 do sender:offer(record(i)) end
    d.process:kill(process.signal.SIGTERM)
    sender:wait_for(function() sender:take_acks() return #sender.acked >= 400 end, 60)
    assert.equal(0, d.process:wait(60))
    assert.equal(400, stored())
    assert.equal(400, #sender.acked)
    assert.is_nil(sender.fault)
  end)
end)

describe("auditrecv template", function()
  local es, folder
  before_each(function()
    es, folder = elasticsearch.start { flavour = "O2" }, process.folder()
  end)
  after_each(function()
    es:stop()
    process.clean()
  end)

  local function template(...)
    return daemon.run(folder, { "template", ... })
  end
  local function urls() return "output.urls={\"" .. es.url .. "\"}" end

  it("shows the template of each family", function()
    for _, family in ipairs { "elasticsearch", "opensearch", "opensearch-1" } do
      local p = template("show", "--family", family)
      assert.equal(0, p.status)
      assert.same({ "audit-*" }, cjson.decode(p:stdout()).index_patterns)
    end
    local p = template("show", "--set", "output.template_pattern=\"mine-*\"")
    assert.same({ "mine-*" }, cjson.decode(p:stdout()).index_patterns)
  end)

  it("installs it, and finds it there", function()
    local function check() return template("check", "--set", "output.type=\"elasticsearch\"", "--set", urls()) end
    local p = check()
    assert.equal(1, p.status)
    assert.truthy(p:stdout():find("not installed", 1, true))
    p = template("install", "--set", "output.type=\"elasticsearch\"", "--set", urls())
    assert.equal(0, p.status, p:stderr())
    p = check()
    assert.equal(0, p.status, p:stdout())
    local _, body = es:ask("GET", "/_index_template/auditrecv")
    assert.equal("flat_object",
      cjson.decode(body).index_templates[1].index_template.template.mappings.properties.args.type)
  end)

  it("tells the server's version as far as the server does", function()
    local function server()
      return (template("check", "--set", "output.type=\"elasticsearch\"", "--set", urls()):stdout():match "^[^\n]*")
    end
    assert.equal("server: OpenSearch 2.19.1", server())
    es:settings { flavour = "E8" } -- has no GET /
    assert.equal("server: Elasticsearch 8.19.5", server())
    es:settings { nodes = false }
    assert.equal("server: Elasticsearch, version not told", server())
  end)

  it("says what is wrong", function()
    assert.equal(2, template().status)
    assert.equal(2, template("destroy").status)
    assert.equal(2, template("show", "--family", "mongodb").status)
    local p = template("check", "--set", "output.type=\"elasticsearch\"", "--set",
      "output.urls={\"http://127.0.0.1:9\"}")
    assert.equal(1, p.status)
    assert.truthy(p:stderr():find("no node answers", 1, true))
  end)
end)
