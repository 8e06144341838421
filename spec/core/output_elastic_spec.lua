-- The output "elasticsearch" as a whole, over real connections to the fake server.
local elasticsearch = require "spec.support.elasticsearch"
local json = require "spec.support.json"
local output = require "core.output"
local process = require "spec.support.process"
local sink = require "core.sink"
local tls = require "spec.support.tls"

if not os.getenv "VERBOSE" then sink.log_to(-1) end

describe("core.output.elastic", function()
  local es, out, fates

  local function open(options)
    options = options or {}
    options.kind = "elasticsearch"
    options.urls = options.urls or { es.url }
    out, fates = assert(sink.open(options)), {}
    return out
  end

  local function put(from, to, document)
    for i = from, to do assert(out:put("audit-2026", "id" .. i, document or ('{"n":%d}'):format(i), i)) end
  end

  local function settle(limit)
    assert.equal(0, out:run(limit or 60))
    for _, settled in ipairs(out:settled()) do
      assert.is_nil(fates[settled.cookie])
      fates[settled.cookie] = settled
    end
    return fates
  end

  -- Every document indexed, and on the server once.
  local function all_there(n)
    settle()
    for i = 1, n do assert.truthy(fates[i] and (fates[i].fate == "indexed" or fates[i].fate == "exists"),
      "document " .. i) end
    assert.equal(n, es:counts().stored)
  end

  after_each(function()
    if out then out:close() end
    if es then es:stop() end
    out, es = nil, nil
    process.clean()
  end)

  for _, flavour in ipairs { "E7", "E8", "E9", "O1", "O2", "O3" } do
    it("is understood by " .. flavour, function()
      es = elasticsearch.start { flavour = flavour }
      open()
      for i = 1, 500 do
        put(i, i)
        if i % 50 == 0 then out:flush() end
      end
      all_there(500)
      fates = {}
      put(1, 20)
      for _, fate in pairs(settle()) do assert.equal("exists", fate.fate) end
      for _, request in ipairs(es:requests()) do assert.is_nil(request.target:find "_type") end
    end)

    it("sends compressed bodies that " .. flavour .. " takes", function()
      es = elasticsearch.start { flavour = flavour }
      open { gzip = true }
      put(1, 300)
      all_there(300)
      assert.is_true(es:requests()[1].gzip)
    end)
  end

  describe("loses nothing and sends nothing twice for good when the server", function()
    for name, answer in pairs {
      ["ends the connection without an answer"] = { no_head = true, cut = 0 },
      ["resets it"] = { no_head = true, reset = 0 },
      ["resets it in the answer"] = { reset = 40, stored = true },
      ["cuts the answer off"] = { cut = 60, stored = true },
      ["says that it is busy"] = { fault = "busy" },
      ["has no master"] = { fault = "no_master" },
      ["gives fewer items"] = { fewer = 2, stored = true },
      ["answers as a proxy with a page"] = { status = 200, body = "<html>", content_type = "text/html" },
      ["redirects"] = { status = 302, body = "", headers = { Location = "http://127.0.0.1:1/" } },
      ["says 502"] = { status = 502, body = "<html>", content_type = "text/html" },
      ["packs the answer, brokenly"] = { gzip = "broken", stored = true },
      ["drips"] = { drip = { 7, 0.001 }, stored = true },
      ["says much before the answer"] = { pad = 1000000, stored = true },
    } do
      it(name, function()
        es = elasticsearch.start { rules = { { to = 2, answer = answer } } }
        open { max_documents = 20 }
        put(1, 100)
        all_there(100)
      end)
    end

    it("hangs", function()
      es = elasticsearch.start { rules = { { nth = 1, answer = { hang = true } } } }
      open { request_timeout = 2 }
      put(1, 10)
      all_there(10)
    end)

    it("is not there at first, goes, and comes back", function()
      es = elasticsearch.start()
      es:down()
      open()
      put(1, 50)
      assert.equal(50, out:run(0.5))
      es:up()
      all_there(50)
      es:down()
      put(51, 100)
      assert.equal(50, out:run(0.5))
      es:up()
      all_there(100)
    end)
  end)

  it("takes a long answer in little memory", function()
    es = elasticsearch.start { rules = { { fault = "wrong_value", field = "n", value = ("x"):rep(100000), to = 1 } } }
    open()
    put(1, 500)
    settle()
    for i = 1, 500 do
      assert.equal("indexed", fates[i].fate)
      assert.is_true(fates[i].repaired)
    end
    assert.same({ misfit = { n = 1 }, tags = { "misfit" } }, es:documents()[1]._source)
  end)

  it("goes on with the other nodes when one is down", function()
    es = elasticsearch.start()
    open { urls = { "http://127.0.0.1:9", es.url }, max_documents = 5 }
    put(1, 100)
    all_there(100)
  end)

  it("repairs one document, refuses another, and leaves the neighbours alone", function()
    es = elasticsearch.start { rules = {
      { fault = "wrong_value", field = "n", id = "id7", times = 1 },
      { fault = "wrong_value", field = "n", id = "id9" },
    } }
    open()
    put(1, 20)
    settle()
    for i = 1, 20 do
      assert.equal(i == 9 and "refused" or "indexed", fates[i].fate)
      assert.equal(i == 7, fates[i].repaired)
    end
    assert.equal("mapping", fates[9].reason)
    assert.truthy(json.decode(fates[9].answer).reason)
  end)

  describe("credentials", function()
    local folder
    before_each(function() folder = process.folder() end)

    local function secret(text, mode)
      local path = process.write(folder .. "/secret", text)
      process.chmod(path, mode or 384) -- 0600
      return path
    end

    it("of a user go along", function()
      es = elasticsearch.start { settings = { auth = json.list { "Basic dXNlcjpzw6ljcmV0Og==" } } }
      open { username = "user", password_file = secret "sécret:\n" }
      put(1, 3)
      all_there(3)
    end)

    it("of an API key go along, as they are or still to be encoded", function()
      es = elasticsearch.start { settings = { auth = json.list { "ApiKey aWQ6a2V5" } } }
      for _, text in ipairs { "id:key", "aWQ6a2V5\n" } do
        open { api_key_file = secret(text) }
        put(1, 3)
        all_there(3)
        out:close()
      end
      out = nil
    end)

    it("that are wrong stop the sending until the file is right", function()
      es = elasticsearch.start { settings = { auth = json.list { "ApiKey aWQ6a2V5" } } }
      open { api_key_file = secret "id:old" }
      put(1, 30)
      assert.equal(30, out:run(0.5))
      secret "id:key"
      all_there(30)
      assert.is_true(#es:requests() < 20)
    end)

    it("are read again on demand", function()
      es = elasticsearch.start { settings = { auth = json.list { "ApiKey aWQ6a2V5" } } }
      open { api_key_file = secret "id:old" }
      put(1, 3)
      assert.equal(3, out:run(0.3))
      secret "id:key"
      out:reopen()
      all_there(3)
    end)

    for _, case in ipairs {
      { "others can read it", 420, "chmod 600" }, { "the group can write it", 432, "chmod 600" },
    } do
      it("are refused when " .. case[1], function()
        local path = secret("x", case[2])
        local made, why = sink.open { kind = "elasticsearch", urls = { "https://127.0.0.1:9" },
          api_key_file = path }
        assert.is_nil(made)
        assert.truthy(why:find(path, 1, true) and why:find(case[3], 1, true), why)
      end)
    end

    it("are refused when the file is none, is empty, or holds rubbish", function()
      for text, reason in pairs { [""] = "is empty", ["\n"] = "is empty", ["a\1b"] = "control character",
        [("x"):rep(5000)] = "too large" } do
        local got, why = output.authorization(secret(text))
        assert.is_nil(got)
        assert.truthy(why:find(reason, 1, true), why)
      end
      assert.truthy(select(2, output.authorization(folder)):find("not a regular file", 1, true))
      assert.truthy(select(2, output.authorization(folder .. "/nothing")):find("No such file", 1, true))
    end)

    it("do not go over the network unencrypted, unless that is allowed", function()
      local options = { kind = "elasticsearch", urls = { "http://192.0.2.1:9200" }, api_key_file = secret "id:key" }
      local made, why = sink.open(options)
      assert.is_nil(made)
      assert.truthy(why:find("unencrypted", 1, true))
      options.plain_credentials = true
      assert(sink.open(options)):close()
    end)
  end)

  it("names the setting that is wrong, in front", function()
    local folder = process.folder()
    local function why(options)
      options.kind = options.kind or "elasticsearch"
      options.urls = options.urls or { "https://127.0.0.1:9" }
      local made, reason = sink.open(options)
      assert.is_nil(made)
      return reason
    end
    assert.equal('output.urls.2: "es:9200" is not a URL like https://host:9200',
      why { urls = { "https://h:9200", "es:9200" } })
    assert.matches("^output%.urls%.1: credentials do not belong", why { urls = { "https://u:p@h" } })
    assert.matches("^output%.urls%.2: .*unencrypted",
      why { urls = { "https://h", "http://192.0.2.1" }, api_key_file = folder .. "/none" })
    assert.equal("output.api_key_file: " .. folder .. "/none: No such file or directory",
      why { api_key_file = folder .. "/none" })
    assert.equal("output.password_file: " .. folder .. " is not a regular file",
      why { username = "u", password_file = folder })
    assert.matches("^output%.path: .*Is a directory", why { kind = "file", path = folder })
    assert.matches("^output%.path: the file", why { kind = "file" })
  end)

  describe("the file of certificates", function()
    local function open_with(path)
      return sink.open { kind = "elasticsearch", urls = { "https://127.0.0.1:9" }, ca_file = path }
    end

    it("has to be there, to be readable, and to hold a certificate", function()
      local folder = process.folder()
      for _, case in ipairs {
        { folder .. "/none", "No such file" }, { folder, "not a regular file" },
        { process.write(folder .. "/empty", ""), "holds no certificate" },
        { process.write(folder .. "/text", "not a certificate\n"), "holds no certificate" },
        { process.write(folder .. "/torn", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
          "holds no certificate" },
      } do
        local made, why = open_with(case[1])
        assert.is_nil(made, case[1])
        assert.equal(1, (why:find("output.ca_file: " .. case[1], 1, true)), why)
        assert.matches(case[2], why, 1, true)
      end
    end)

    it("may hold other things beside it", function()
      local folder = tls.folder "localhost"
      assert(open_with(folder .. "/ca.crt")):close()
      local both = process.read(folder .. "/n.key") .. "some words\n" .. process.read(folder .. "/ca.crt")
      assert(open_with(process.write(folder .. "/both", both))):close()
      local made = open_with(folder .. "/n.key")
      assert.is_nil(made)
    end)
  end)

  it("checks URLs", function()
    for url, want in pairs {
      ["http://localhost:9200"] = { false, true }, ["https://h/prefix"] = { true, false },
        ["http://127.0.0.9"] = { false, true },
      ["http://[::1]:9200"] = { false, true }, ["http://127.0.0.1.example.com"] = { false, false },
        ["https://127.x"] = { true, false },
    } do
      assert.same(want, { output.check_url(url) }, url)
    end
    for url, reason in pairs {
      ["ftp://h"] = "only http and https", ["file:///etc/passwd"] = "",
        ["https://u:p@h"] = "credentials do not belong",
      ["https://u@h"] = "credentials do not belong", ["https://h?x"] = "no query", [""] = "not a URL",
        ["h:9200"] = "",
    } do
      local good, why = output.check_url(url)
      assert.is_nil(good, url)
      assert.truthy(why:find(reason, 1, true), why)
      assert.is_nil(why:find("p@", 1, true))
    end
  end)

  it("asks no proxy of the environment, and sends what servers want to see", function()
    es = elasticsearch.start()
    for _, name in ipairs { "http_proxy", "all_proxy", "ALL_PROXY" } do sink.setenv(name, "http://127.0.0.1:1") end
    open()
    put(1, 1)
    all_there(1)
    for _, name in ipairs { "http_proxy", "all_proxy", "ALL_PROXY" } do sink.setenv(name) end
    local target = es:requests()[1].target
    assert.truthy(target:find("^/_bulk%?timeout=%d+s&filter_path=errors,items%.%*%.status,items%.%*%.error"), target)
  end)

  it("says when there is room again", function()
    es = elasticsearch.start { rules = { { nth = 1, answer = { delay = 0.2 } } } }
    open { max_held_bytes = 20000, max_in_flight = 1 }
    local n = 0
    while (out:state()) do
      n = n + 1
      put(n, n)
    end
    assert.is_true(n > 20 and n < 1000)
    local ready, pending, held, called = out:state()
    assert.same({ false, n, 0 }, { ready, pending, called })
    assert.is_true(held >= 20000)
    all_there(n)
    ready, pending, held, called = out:state()
    assert.same({ true, 0, 0, 1 }, { ready, pending, held, called })
  end)

  it("can be closed at any moment", function()
    es = elasticsearch.start { rules = { { from = 2, answer = { hang = true } } } }
    for _, gzip in ipairs { false, true } do
      open { gzip = gzip, max_documents = 10, template_name = "auditrecv" }
      put(1, 200)
      out:flush()
      out:close()
      open { gzip = gzip, max_documents = 10, template_name = "auditrecv" }
      put(1, 200)
      out:run(0.1)
      out:close()
    end
    out = nil
  end)
end)

describe("core.output.template", function()
  it("is JSON for each family, and takes another pattern", function()
    for _, family in ipairs { "elasticsearch", "opensearch", "opensearch-1" } do
      local template = assert(json.decode(output.template(family)))
      assert.same({ "audit-*" }, template.index_patterns)
      local other = assert(json.decode(output.template(family, 'my"audit-*')))
      assert.same({ 'my"audit-*' }, other.index_patterns)
      other.index_patterns = template.index_patterns
      assert.same(template, other)
    end
    assert.is_nil(output.template "mongodb")
  end)

  it("is compared with what a server has", function()
    local ours = output.template "elasticsearch"
    local function answer(template) return '{"index_templates":[{"name":"a","index_template":' .. template
      .. "}]}" end
    local function compare(...) return output.template_compare(...) end
    assert.equal("fine", compare(200, answer(ours), "elasticsearch", "audit-*"))
    assert.equal("pattern", compare(200, answer(ours), "elasticsearch", "other-*"))
    assert.equal("foreign", compare(200, answer '{"index_patterns":["audit-*"],"version":1}', "elasticsearch",
      "audit-*"))
    assert.equal("old", compare(200,
      answer '{"index_patterns":["audit-*"],"version":0,"_meta":{"product":"auditrecv"}}',
      "elasticsearch", "audit-*"))
    assert.equal("missing", compare(404, "{}", "elasticsearch", "audit-*"))
    assert.equal("missing", compare(200, '{"index_templates":[]}', "elasticsearch", "audit-*"))
    assert.equal("unknown", compare(403, "{}", "elasticsearch", "audit-*"))
    assert.equal("unknown", compare(200, "<html>", "elasticsearch", "audit-*"))
  end)

  it("is in force, or another is", function()
    local function simulated(mappings)
      return '{"template":{"settings":{},"mappings":' .. mappings .. '},"overlapping":[]}'
    end
    assert.is_true(output.template_in_force(200, simulated '{"_meta":{"product":"auditrecv","version":1}}'))
    assert.is_true(output.template_in_force(200, simulated '{"_doc":{"_meta":{"product":"auditrecv"}}}'))
    assert.is_false(output.template_in_force(200, simulated '{"_meta":{"product":"other"}}'))
    assert.is_false(output.template_in_force(200, simulated "{}"))
    assert.is_true(output.template_in_force(403, "{}")) -- it did not say
  end)
end)
