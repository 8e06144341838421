local elasticsearch = require "spec.support.elasticsearch"
local json = require "spec.support.json"
local mime = require "mime"
local socket = require "socket"
local zlib = require "zlib"

local ndjson = "application/x-ndjson"
local filtered = "/_bulk?filter_path=errors,items.*.status,items.*.error"

-- A bulk body of create actions: { id, document } or ids alone.
local function body_of(...)
  local parts = {}
  for i, entry in ipairs { ... } do
    if type(entry) ~= "table" then entry = { entry, ('{"n":%d}'):format(i) } end
    parts[#parts + 1] = ('{"create":{"_index":%q,"_id":%q}}\n%s\n'):format(entry[3] or "audit", entry[1], entry[2])
  end
  return table.concat(parts)
end

describe("spec.support.fake_elasticsearch", function()
  local es

  setup(function() es = elasticsearch.start() end)
  teardown(function() es:stop() end)

  before_each(function()
    es:settings {
      flavour = "E8", auth = json.null, max_content_length = json.null, mapping = json.null, check = json.null,
      auto_create = json.null, root = json.null,
    }
    es:rules {}
    es:forget()
  end)

  local function bulk(body, path, headers)
    headers = headers or {}
    headers["content-type"] = headers["content-type"] or ndjson
    local status, text, answered = es:ask("POST", path or "/_bulk", body, headers)
    return status, status and json.decode(text) or text, answered, text
  end

  local function statuses(answer)
    local list = {}
    for i, item in ipairs(answer.items) do
      local _, says = next(item)
      list[i] = says.status
    end
    return list
  end

  -- A connection of our own, for what a good client would never do.
  local function dial()
    local sock = assert(socket.connect("127.0.0.1", es.port))
    sock:settimeout(10)
    return sock
  end

  local function request(body, more)
    return ("POST /_bulk HTTP/1.1\r\nhost: x\r\ncontent-type: %s\r\ncontent-length: %d\r\n%s\r\n%s"):format(
      ndjson, #body, more or "", body)
  end

  local function read_head(sock)
    local lines = {}
    repeat
      local line, err = sock:receive "*l"
      if not line then return nil, err end
      lines[#lines + 1] = line
    until line == ""
    return lines
  end

  local function length_of(head)
    for _, line in ipairs(head) do
      local length = line:lower():match("^content%-length: (%d+)$")
      if length then return tonumber(length) end
    end
  end

  local function chunked_body(sock)
    local parts = {}
    while true do
      local size = tonumber(assert(sock:receive "*l"), 16)
      if size > 0 then parts[#parts + 1] = sock:receive(size) end
      assert.equal("", sock:receive "*l")
      if size == 0 then return table.concat(parts) end
    end
  end

  describe("a bulk request", function()
    it("stores documents, in order, to the byte", function()
      local status, answer = bulk(body_of({ "a", '{"n":9007199254740993,"s":"\u{e9}"}' }, "b"))
      assert.equal(200, status)
      assert.is_false(answer.errors)
      assert.same({ 201, 201 }, statuses(answer))
      assert.equal('{"_index":"audit","_id":"a","attempts":1,"_source":{"n":9007199254740993,"s":"\u{e9}"}}\n'
        .. '{"_index":"audit","_id":"b","attempts":1,"_source":{"n":2}}\n', es:raw_documents())
    end)

    it("answers 409 for an id that is there, also within one request, and keeps the first", function()
      bulk(body_of { "a", '{"n":1}' })
      local _, answer = bulk(body_of({ "a", '{"n":2}' }, "b", "b"))
      assert.is_true(answer.errors)
      assert.same({ 409, 201, 409 }, statuses(answer))
      local documents = es:documents()
      assert.equal(2, #documents)
      assert.equal(1, documents[1]._source.n)
      assert.same({ 2, 2 }, { documents[1].attempts, documents[2].attempts })
      assert.same({ 2, 2 }, { es:counts().refused["409"], es:counts().created })
    end)

    it("makes an id where there is none, and takes index as an action", function()
      local _, answer = bulk '{"create":{"_index":"t"}}\n{}\n{"index":{"_index":"t","_id":"x"}}\n{}\n'
      assert.is_string(answer.items[1].create._id)
      assert.equal(201, answer.items[2].index.status)
      _, answer = bulk '{"index":{"_id":"x"}}\n{"n":1}\n'
      assert.equal("action_request_validation_exception", answer.error.type)
      _, answer = bulk('{"index":{"_id":"x"}}\n{"n":1}\n', "/t/_bulk")
      assert.same({ 200, 2, "updated" }, { answer.items[1].index.status, answer.items[1].index._version,
        answer.items[1].index.result })
    end)

    it("shows of the answer what filter_path asks for", function()
      bulk(body_of "a")
      local ids = 0
      local function text(filter)
        ids = ids + 1
        return select(4, bulk(body_of("a", "b" .. ids), "/_bulk?filter_path=" .. filter))
      end
      assert.truthy(text("errors,items.*.status"):find('^{"errors":true,"items":%[{"create":{"status":409}},'))
      -- a good item has no error, and vanishes
      assert.equal('{"items":[{"create":{"error":{"type":"version_conflict_engine_exception"}}}]}',
        text "items.*.error.type")
      assert.is_nil(text("-took"):find("took", 1, true))
      assert.equal("{}", text "nothing")
      assert.equal('{"errors":true}', text "errors")
    end)

    for flavour, shape in pairs {
      E7 = { '^{"took":%d+,"errors":true,"items":%[{"create":{"_index":"audit","_type":"_doc","_id":"a","status":409',
        '"index_uuid":"[^"]+","shard":"0","index":"audit"}', "x-elastic-product", "application/json; charset=UTF-8" },
      E8 = { '^{"errors":true,"took":%d+,"items":%[{"create":{"_index":"audit","_id":"a","status":409',
        '"index_uuid":"[^"]+","shard":"0","index":"audit"}', "x-elastic-product", "application/json", true },
      E9 = { '^{"errors":true,"took":%d+,', '"index":"audit"}', "x-elastic-product", "application/json", true },
      O1 = { '^{"took":%d+,"errors":true,"items":%[{"create":{"_index":"audit","_type":"_doc",',
        '"index":"audit","shard":"0","index_uuid":"[^"]+"}', nil, "application/json; charset=UTF-8" },
      O2 = { '^{"took":%d+,"errors":true,"items":%[{"create":{"_index":"audit","_id":"a",',
        '"index":"audit","shard":"0","index_uuid":"[^"]+"}', nil, "application/json; charset=UTF-8" },
      O3 = { '^{"took":%d+,"errors":true,', '"index_uuid":"[^"]+"}', "x-opensearch-version",
        "application/json; charset=UTF-8" },
    } do
      it("looks like " .. flavour, function()
        es:settings { flavour = flavour }
        bulk(body_of "a")
        local _, _, headers, text = bulk(body_of "a")
        assert.truthy(text:find(shape[1]), text)
        assert.truthy(text:find(shape[2]), text)
        if shape[3] then assert.is_string(headers[shape[3]]) end
        assert.equal(shape[4], headers["content-type"])
        assert.equal(shape[5] and "chunked" or nil, headers["transfer-encoding"])
        for _, never in ipairs { "date", "server", "retry-after" } do assert.is_nil(headers[never]) end
      end)
    end
  end)

  describe("a request that is wrong as a whole", function()
    local pair = body_of "a"

    for _, case in ipairs {
      { "no newline at the end", pair:sub(1, -2), "illegal_argument_exception", "must be terminated by a newline" },
      { "an action that is no JSON", "{nonsense\n{}\n", "x_content_parse_exception", "action line" },
      { "an unknown parameter", '{"create":{"_index":"t","foo":1}}\n{}\n', "illegal_argument_exception",
        "Action/metadata line [3] contains an unknown parameter [foo]" },
      { "a _type on E8", '{"create":{"_index":"t","_type":"_doc"}}\n{}\n', "illegal_argument_exception", "[_type]" },
      { "an empty action", '{"create":{"_index":"t"}}\n{}\n{}\n{}\n', "illegal_argument_exception",
        "Malformed action/metadata line [5]" },
      { "an id that is too long", ('{"create":{"_index":"t","_id":"%s"}}\n{}\n'):format(("x"):rep(513)),
        "action_request_validation_exception", "must be no longer than 512 bytes but was: 513;" },
      { "no index", '{"create":{"_id":"a"}}\n{}\n', "action_request_validation_exception", "1: index is missing;" },
      { "an unknown action", '{"upsert":{"_index":"t"}}\n{}\n', "illegal_argument_exception", "[upsert]" },
      { "an empty body", "", "parse_exception", "request body is required" },
      { "only newlines", "\n\n", "action_request_validation_exception", "no requests added" },
    } do
      it("is refused for " .. case[1] .. ", and nothing is stored", function()
        local status, answer = bulk((case[2]:find("%S") and pair or "") .. case[2])
        assert.equal(400, status)
        assert.equal(case[3], answer.error.type)
        assert.equal(case[3], answer.error.root_cause[1].type)
        assert.truthy(answer.error.reason:find(case[4], 1, true), answer.error.reason)
        assert.equal(0, #es:documents())
      end)
    end

    it("is one item short for an unknown action on E7 and O1", function()
      for _, flavour in ipairs { "E7", "O1" } do
        es:settings { flavour = flavour }
        es:forget()
        local status, answer = bulk(body_of "a" .. '{"upsert":{"_index":"t"}}\n{}\n' .. body_of "b")
        assert.equal(200, status)
        assert.equal(2, #answer.items)
      end
    end)

    it("is one item short when the last action has no document", function()
      local status, answer = bulk(body_of "a" .. '{"create":{"_index":"t"}}\n')
      assert.same({ 200, 1 }, { status, #answer.items })
    end)

    it("takes empty lines between the pairs, not in place of a document", function()
      local _, answer = bulk("\n" .. body_of "a" .. "\r\n" .. '{"create":{"_index":"t","_id":"b"}}\n\n')
      assert.same({ 201, 400 }, statuses(answer))
    end)

    it("is refused for its content type, query or method", function()
      local status, answer = bulk(pair, nil, { ["content-type"] = "text/plain" })
      assert.same({ 406, "Content-Type header [text/plain] is not supported" }, { status, answer.error })
      status, answer = bulk(pair, "/_bulk?foo=1")
      assert.same({ 400, "request [/_bulk] contains unrecognized parameter: [foo]" }, { status, answer.error.reason })
      assert.equal(200, (bulk(pair, "/_bulk?include_source_on_error=false")))
      es:settings { flavour = "O2" }
      assert.equal(400, (bulk(pair, "/_bulk?include_source_on_error=false")))
      local _, _, headers = es:ask("GET", "/_bulk")
      assert.equal("POST,PUT", headers.allow)
    end)
  end)

  describe("a document that is refused", function()
    local function refusal(document, settings)
      es:settings(settings or {})
      es:forget()
      local _, answer = bulk(body_of("before", { "x", document }, "after"))
      assert.equal(201, answer.items[1].create.status)
      assert.equal(201, answer.items[3].create.status)
      return answer.items[2].create.error, answer.items[2].create.status
    end

    it("is no JSON", function()
      local error, status = refusal "{broken"
      assert.same({ 400, "document_parsing_exception" }, { status, error.type })
      assert.truthy(error.reason:find("^%[1:7%] failed to parse"))
      assert.equal("mapper_parsing_exception", refusal("{broken", { flavour = "O2" }).type)
    end)

    it("is no object, is empty, has bad UTF-8", function()
      assert.truthy(refusal("[1]").reason:find("must start with an object", 1, true))
      assert.truthy(refusal("").reason:find("document is empty", 1, true))
      assert.truthy(refusal('{"a":"\xFF"}').reason:find("failed to parse", 1, true))
    end)

    it("repeats a key, where the check is strict", function()
      local error = refusal('{"x1":1,"x1":2}', { check = "strict" })
      assert.equal("Duplicate field 'x1'", error.caused_by.reason)
    end)

    local mapping = {
      ["subject.uid"] = "long", args = "flattened", subject = "object", time = "date_nanos", from = "ip",
      ok = "boolean",
    }

    for _, case in ipairs {
      { '{"subject":{"uid":"abc"}}',
        "failed to parse field [subject.uid] of type [long] in document with id 'x'. Preview of field's value: 'abc'" },
      { '{"subject.uid":{}}', "failed to parse field [subject.uid] of type [long]" },
      { '{"subject":{"uid":[1,"x"]}}', "failed to parse field [subject.uid] of type [long]" },
      { '{"args":1}', "failed to parse field [args] of type [flattened]" },
      { '{"subject":7}', "object mapping for [subject] tried to parse field [subject] as object" },
      { '{"subject":["a"]}', "object mapping for [subject] tried to parse field [null] as object" },
      { '{"time":"2026-01-01T00:00:00.1234567890Z"}', "failed to parse field [time] of type [date_nanos]" },
      { '{"from":"nowhere"}', "failed to parse field [from] of type [ip]" },
      { '{"ok":1}', "failed to parse field [ok] of type [boolean]" },
    } do
      it("does not fit the mapping: " .. case[1], function()
        local error, status = refusal(case[1], { mapping = mapping })
        assert.equal(400, status)
        assert.truthy(error.reason:find(case[2], 1, true), error.reason)
      end)
    end

    it("fits it once the field is under misfit", function()
      es:settings { mapping = mapping }
      local _, answer = bulk(body_of({ "a", '{"misfit":{"subject":{"uid":"abc"},"args":1}}' },
        { "b", '{"subject":{"uid":null},"args":[{}],"from":["::1","10.0.0.1"]}' },
        { "c", '{"time":"2026-01-01T00:00:00.123456789Z"}' }))
      assert.same({ 201, 201, 201 }, statuses(answer))
    end)

    it("goes to an index with a bad name, or one that is not there", function()
      local _, answer = bulk(body_of({ "a", "{}", "Audit" }, { "b", "{}", "_x" }, { "c", "{}", "audit" }))
      assert.same({ 400, 400, 201 }, statuses(answer))
      assert.equal("Invalid index name [Audit], must be lowercase", answer.items[1].create.error.reason)
      es:settings { auto_create = false }
      _, answer = bulk(body_of({ "d", "{}", "missing" }, "e"))
      assert.same({ 404, 201 }, statuses(answer))
    end)
  end)

  describe("rules", function()
    it("refuse items by position, id, index and content", function()
      es:rules {
        { position = -1, fault = "rejected" }, { id = "b", fault = "closed" },
        { like_index = "^other", fault = "disk_full" }, { contains = "poison", fault = "cannot_change", field = "n" },
        { has = "subject.uid", fault = "wrong_value", field = "subject.uid" },
      }
      local _, answer = bulk(body_of("a", "b", { "c", "{}", "other-1" }, { "d", '{"v":"poison"}' },
        { "e", '{"subject":{"uid":1}}' }, { "f", '{"misfit":{"subject":{"uid":1}}}' }, "g"))
      assert.same({ 201, 400, 429, 400, 400, 201, 429 }, statuses(answer))
      local function type_of(i) return answer.items[i].create.error.type end
      assert.equal("index_closed_exception", type_of(2))
      assert.equal("cluster_block_exception", type_of(3))
      assert.equal("mapper [n] cannot be changed from type [long] to [text]", answer.items[4].create.error.reason)
      assert.equal("es_rejected_execution_exception", type_of(7))
      assert.equal(2, es:counts().stored)
    end)

    it("strike so often, or each so many times", function()
      es:rules { { times = 2, fault = "rejected" }, { every = 3, fault = "unavailable" } }
      local _, answer = bulk(body_of("a", "b", "c", "d", "e", "f", "g", "h"))
      assert.same({ 429, 429, 201, 201, 503, 201, 201, 503 }, statuses(answer))
    end)

    it("choose by weight", function()
      es:rules { { mix = { { 1 }, { 1, "rejected" }, { 1, "wrong_value" } } } }
      local ids = {}
      for i = 1, 300 do ids[i] = "id" .. i end
      local _, answer = bulk(body_of(table.unpack(ids)))
      local seen = {}
      for _, status in ipairs(statuses(answer)) do seen[status] = (seen[status] or 0) + 1 end
      assert.equal(300, seen[201] + seen[400] + seen[429])
      assert.equal(seen[201], es:counts().stored)
    end)

    it("store a document although they refuse it, when told", function()
      es:rules { { fault = "unavailable", stored = true } }
      local _, answer = bulk(body_of "a")
      assert.equal(503, answer.items[1].create.status)
      es:rules {}
      _, answer = bulk(body_of "a")
      assert.equal(409, answer.items[1].create.status)
    end)

    it("count requests from when they were given", function()
      bulk(body_of "a")
      es:rules { { nth = 2, answer = { fault = "busy" } } }
      assert.same({ 200, 429, 200 }, { (bulk(body_of "b")), (bulk(body_of "c")), (bulk(body_of "c")) })
    end)

    it("strike requests that are too large", function()
      es:rules { { more_than = 2, answer = { fault = "busy" } }, { bytes_over = 100, answer = { status = 413 } } }
      assert.equal(429, (bulk(body_of("a", "b", "c"))))
      assert.equal(200, (bulk(body_of("a", "b"))))
      assert.equal(413, (bulk(body_of { "c", '{"s":"' .. ("x"):rep(100) .. '"}' })))
    end)

    it("are told when they make no sense", function()
      assert.has_error(function() es:rules { { fault = "wrong_value", colour = "red" } } end)
      assert.has_error(function() es:rules { { nth = 1 } } end)
    end)

    for _, named in ipairs { "busy", "breaker", "blocked", "no_master", "master_not_discovered", "forbidden" } do
      it("answer the whole request with " .. named .. " and store nothing", function()
        es:rules { { answer = { fault = named } } }
        local status, answer = bulk(body_of "a")
        assert.is_true(status >= 403)
        assert.equal(status, answer.status)
        assert.is_string(answer.error.type)
        assert.equal(0, es:counts().stored)
      end)
    end

    it("answer with a string for an error, a page of HTML, a redirection", function()
      es:rules {
        { nth = 1, answer = { fault = "plain_text" } },
        { nth = 2, answer = { status = 502, content_type = "text/html", body = "<html>Bad Gateway</html>" } },
        { nth = 3, answer = { status = 302, headers = { Location = "/login" } } },
        { nth = 4, answer = { content_type = "text/html" } },
      }
      local status, answer = bulk(body_of "a")
      assert.same({ 400, "No ElasticsearchException found" }, { status, answer.error })
      local _, _, headers, text = bulk(body_of "a")
      assert.same({ "text/html", "<html>Bad Gateway</html>" }, { headers["content-type"], text })
      status, _, headers = bulk(body_of "a")
      assert.same({ 302, "/login" }, { status, headers.location })
      status, _, headers = bulk(body_of "a")
      assert.same({ 200, "text/html" }, { status, headers["content-type"] })
      assert.equal(1, es:counts().stored)
    end)

    it("leave items out of the answer", function()
      es:rules { { nth = 1, answer = { fewer = 1 } } }
      local _, answer = bulk(body_of("a", "b"))
      assert.equal(1, #answer.items)
      assert.equal(2, es:counts().stored)
    end)

    it("say no reason where a server has none", function()
      es:rules { { fault = "no_master" } }
      local _, answer = bulk(body_of "a")
      assert.equal(json.null, answer.items[1].create.error.reason)
    end)

    it("know every fault by its name, in every flavour", function()
      local faults = require "spec.support.fake_faults"
      local flavours = require "spec.support.fake_flavours"
      for _, flavour in ipairs { "E7", "E8", "E9", "O1", "O2", "O3" } do
        for _, named in ipairs {
          "wrong_value", "object_expected", "cannot_change", "cannot_merge", "scalar_in_the_way", "immense_term",
          "doc_values", "flattened_immense", "total_fields", "depth", "strict", "broken_json", "duplicate_key",
          "bad_name", "not_an_object", "empty_document", "exists", "missing_id", "write_block", "read_only",
          "metadata_block", "disk_full", "closed", "no_auto_create", "template_forbids", "deleted", "no_write_index",
          "no_pipeline", "shard_limit", "bad_index_name", "routing_missing", "forbidden", "may_not_create", "rejected",
          "pressure", "operation_size", "breaker", "unavailable", "mapping_timeout", "no_master", "no_space",
          "no_such_shard", "node_gone", "unknown",
        } do
          local family = flavours.get(flavour)
          local error = faults.item(family, named, { index = "audit", id = "x", field = "subject.uid" })
          assert.is_true(error.status >= 400)
          assert.is_table(json.decode(flavours.error_json(family, error, "audit")), named)
        end
      end
    end)

    it("come from a script with functions", function()
      local path = os.tmpname()
      local file = assert(io.open(path, "w"))
      file:write [[return {
        settings = { flavour = "O1" },
        rules = { { fault = "rejected", test = function(item) return item.id:find("7$") ~= nil end } },
      }]]
      file:close()
      local other = elasticsearch.start { script = path }
      local _, text = other:ask("POST", "/_bulk", body_of("a6", "a7"), { ["content-type"] = ndjson })
      assert.same({ 201, 429 }, statuses(json.decode(text)))
      assert.truthy(text:find("_type", 1, true))
      other:stop()
      os.remove(path)
    end)
  end)

  describe("on the wire", function()
    it("keeps connections, and answers pipelined requests in order", function()
      local sock = dial()
      sock:send(request(body_of "a") .. request(body_of "a"))
      for _, status in ipairs { 201, 409 } do
        assert.equal("HTTP/1.1 200 OK", read_head(sock)[1])
        assert.same({ status }, statuses(json.decode(chunked_body(sock))))
      end
      sock:close()
    end)

    it("reads a request that comes in pieces, or in chunks", function()
      local sock = dial()
      for c in request(body_of "a"):gmatch "." do sock:send(c) end
      assert.truthy(read_head(sock))
      assert.same({ 201 }, statuses(json.decode(chunked_body(sock))))
      local body = body_of "b"
      sock:send(("POST /_bulk HTTP/1.1\r\ncontent-type: %s\r\ntransfer-encoding: chunked\r\n\r\n"):format(ndjson))
      sock:send(("%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n"):format(9, body:sub(1, 9), #body - 9, body:sub(10)))
      assert.truthy(read_head(sock))
      assert.same({ 201 }, statuses(json.decode(chunked_body(sock))))
      sock:close()
    end)

    it("says 100 to who expects it", function()
      local sock = dial()
      local body = body_of "a"
      local bytes = request(body, "expect: 100-continue\r\n")
      sock:send(bytes:sub(1, -#body - 1))
      assert.equal("HTTP/1.1 100 Continue", read_head(sock)[1])
      sock:send(body)
      assert.equal("HTTP/1.1 200 OK", read_head(sock)[1])
      sock:close()
    end)

    it("refuses a body that is too large on reading the head, and goes on behind it", function()
      es:settings { max_content_length = 300 }
      local sock = dial()
      local large = body_of { "a", '{"s":"' .. ("x"):rep(1000) .. '"}' }
      local bytes = request(large)
      sock:send(bytes:sub(1, -#large - 1))
      local head = read_head(sock)
      assert.equal("HTTP/1.1 413 Request Entity Too Large", head[1])
      assert.equal(0, length_of(head))
      sock:send(large .. request(body_of "b"))
      assert.equal("HTTP/1.1 200 OK", read_head(sock)[1])
      sock:close()
      sock = dial()
      sock:send(request(large, "expect: 100-continue\r\n"):sub(1, -#large - 1) .. request(body_of "c"))
      assert.equal("HTTP/1.1 413 Request Entity Too Large", read_head(sock)[1])
      assert.equal("HTTP/1.1 200 OK", read_head(sock)[1])
      sock:close()
      local packed = zlib.deflate(9, 31)(large, "finish")
      assert.is_true(#packed < 300)
      local status = bulk(packed, nil, { ["content-encoding"] = "gzip" })
      assert.equal(413, status)
    end)

    it("takes no document from a client that goes in the middle of the body", function()
      local sock = dial()
      sock:send(request(body_of "a"):sub(1, -4))
      sock:close()
      assert.equal(200, (bulk(body_of "b")))
      assert.equal(1, #es:documents())
    end)

    it("never answers when it hangs, though it stored", function()
      es:rules { { nth = 1, answer = { hang = true } } }
      local sock = dial()
      sock:send(request(body_of "a"))
      sock:settimeout(0.2)
      local byte, why = sock:receive(1)
      assert.same({ nil, "timeout" }, { byte, why })
      sock:close()
      local _, answer = bulk(body_of "a")
      assert.same({ 409 }, statuses(answer))
    end)

    it("drips, and waits", function()
      es:rules { { nth = 1, answer = { drip = { 7, 0.001 } } }, { nth = 2, answer = { delay = 0.05 } } }
      for _, status in ipairs { 201, 409 } do
        local _, answer = bulk(body_of "a")
        assert.same({ status }, statuses(answer))
      end
    end)

    it("cuts an answer, or closes without one", function()
      es:rules { { nth = 1, answer = { cut = 5 } }, { nth = 2, answer = { no_head = true, cut = 0 } } }
      local sock = dial()
      sock:send(request(body_of "a"))
      assert.equal("HTTP/1.1 200 OK", read_head(sock)[1])
      local rest, why = sock:receive "*a"
      assert.same({ 5, nil }, { #rest, why })
      sock = dial()
      sock:send(request(body_of "a"))
      rest, why = sock:receive(1)
      assert.same({ nil, "closed" }, { rest, why })
      assert.equal(1, #es:documents())
    end)

    it("resets a connection, in mid-answer or before", function()
      es:rules {
        { nth = 1, answer = { reset = 5 } }, { nth = 2, answer = { no_head = true, reset = 0, stored = false } },
      }
      local sock = dial()
      sock:send(request(body_of "a"))
      assert.equal("HTTP/1.1 200 OK", read_head(sock)[1])
      assert.equal(5, #sock:receive(5))
      local _, why = sock:receive(1)
      assert.truthy(why == "closed" or why:lower():find("reset", 1, true), why)
      assert.is_nil((bulk(body_of "b")))
      assert.equal(1, #es:documents())
    end)

    it("goes down as if killed and comes back on its port, with what it had", function()
      bulk(body_of "a")
      local sock = dial()
      es:down()
      assert.is_nil((bulk(body_of "b")))
      assert.is_nil((sock:receive(1)))
      es:up()
      local _, answer = bulk(body_of("a", "b"))
      assert.same({ 409, 201 }, statuses(answer))
    end)

    it("closes a connection with too long a request line", function()
      local sock = dial()
      sock:send("GET /" .. ("x"):rep(5000) .. " HTTP/1.1\r\n\r\n")
      assert.equal("HTTP/1.1 400 Bad Request", read_head(sock)[1])
      local rest = sock:receive "*a"
      assert.truthy(rest:find("too_long_http_line_exception", 1, true))
    end)
  end)

  describe("gzip", function()
    local body = body_of("a", "b")
    local function gzip(text) return zlib.deflate(6, 31)(text, "finish") end
    local function packed(bytes) return bulk(bytes, nil, { ["content-encoding"] = "gzip" }) end

    it("is unpacked, several members too, without its last eight bytes, or with rubbish behind", function()
      for _, bytes in ipairs { gzip(body), gzip(body_of "a") .. gzip(body_of "b"), gzip(body):sub(1, -9),
        gzip(body) .. "rubbish" } do
        es:forget()
        local status, answer = packed(bytes)
        assert.equal(200, status)
        assert.same({ 201, 201 }, statuses(answer))
      end
      assert.is_true(es:requests()[1].gzip)
    end)

    it("that is damaged only closes the connection", function()
      local bytes = gzip(body)
      assert.is_nil((packed(bytes:sub(1, 12) .. "\xFF\xFF\xFF\xFF" .. bytes:sub(17))))
      assert.is_nil((packed(bytes:sub(1, -9) .. "\0\0\0\0" .. bytes:sub(-4))))
      assert.is_nil((packed(body)))
      assert.equal(0, #es:documents())
    end)

    it("that is cut is refused, and taken as far as it goes by E9", function()
      local long = {}
      for i = 1, 200 do long[i] = { "id" .. i, ('{"s":"%x%x"}'):format(math.random(1 << 60), math.random(1 << 60)) } end
      local bytes = gzip(body_of(table.unpack(long)))
      local half = bytes:sub(1, #bytes // 2)
      assert.equal(400, (packed(half)))
      es:settings { flavour = "E9" }
      local status, answer = packed(half)
      assert.equal(200, status)
      assert.is_true(#answer.items > 0 and #answer.items < 200)
    end)

    it("comes back to who accepts it, or broken when told", function()
      local _, _, headers, text = bulk(body, nil, { ["accept-encoding"] = "gzip" })
      assert.equal("gzip", headers["content-encoding"])
      assert.equal("\x1f\x8b", text:sub(1, 2))
      assert.is_table(json.decode((zlib.inflate()(text))))
      es:rules { { answer = { gzip = "broken" } } }
      _, _, headers, text = bulk(body)
      assert.equal("gzip", headers["content-encoding"])
      assert.is_false((pcall(zlib.inflate(), text)))
    end)
  end)

  describe("other pages", function()
    it("want the right authorisation, and say which", function()
      es:settings { auth = { "Basic " .. mime.b64 "shipper:secret", "ApiKey abc" } }
      local status, text, headers = es:ask("POST", "/_bulk", body_of "a", { ["content-type"] = ndjson })
      assert.equal(401, status)
      assert.truthy(text:find("missing authentication credentials for REST request [/_bulk]", 1, true))
      assert.truthy(headers["www-authenticate"]:find("ApiKey", 1, true))
      for value, wanted in pairs {
        ["Basic " .. mime.b64 "shipper:wrong"] = 401, ["Basic " .. mime.b64 "shipper:secret"] = 200,
        ["ApiKey abc"] = 200, ["ApiKey abd"] = 401,
      } do
        assert.equal(wanted, (es:ask("GET", "/_cluster/health", nil, { authorization = value })), value)
      end
      assert.equal(0, #es:documents())
    end)

    it("tell the version where the distribution does", function()
      assert.equal(405, (es:ask("GET", "/")))
      es:settings { root = true }
      assert.equal("8.19.5", json.decode(select(2, es:ask("GET", "/"))).version.number)
      es:settings { flavour = "O3", root = json.null }
      local version = json.decode(select(2, es:ask("GET", "/"))).version
      assert.same({ "3.4.0", "opensearch" }, { version.number, version.distribution })
    end)

    it("keep index templates", function()
      assert.equal(404, (es:ask("GET", "/_index_template/auditrecv")))
      local template = '{"index_patterns":["audit-*"],"priority":500}'
      local as_json = { ["content-type"] = "application/json" }
      assert.equal('{"acknowledged":true}', select(2, es:ask("PUT", "/_index_template/auditrecv", template, as_json)))
      assert.equal(400, (es:ask("PUT", "/_index_template/bad", "{}", as_json)))
      assert.equal('{"index_templates":[{"name":"auditrecv","index_template":' .. template .. "}]}",
        select(2, es:ask("GET", "/_index_template/audit*")))
      assert.equal(200, (es:ask("DELETE", "/_index_template/auditrecv")))
      assert.equal('{"index_templates":[]}', select(2, es:ask("GET", "/_index_template")))
    end)

    it("tell the health", function()
      assert.equal("green", json.decode(select(2, es:ask("GET", "/_cluster/health"))).status)
    end)

    it("search a little", function()
      bulk(body_of({ "a", '{"event":"su","subject":{"uid":0},"text":["x","root"]}' },
        { "b", '{"event":"ssh","subject":{"uid":1001}}' }, { "c", '{"event":"su","subject":{"uid":1001}}', "other" }))
      local function found(path, query)
        local _, text = es:ask("POST", path, query or "", { ["content-type"] = "application/json" })
        local ids = {}
        for i, hit in ipairs(json.decode(text).hits.hits) do ids[i] = hit._id end
        return table.concat(ids, " ")
      end
      assert.equal("a b c", found "/_search")
      assert.equal("a b", found "/audit*/_search")
      assert.equal("a c", found "/_search?q=event:su")
      assert.equal("a", found("/_search",
        '{"query":{"bool":{"filter":[{"term":{"event":"su"}},{"term":{"subject.uid":0}}]}}}'))
      assert.equal("a", found("/_search", '{"query":{"match":{"text":"root"}}}'))
      assert.equal("c", found("/_search", '{"query":{"term":{"subject.uid":1001}},"sort":[{"event":"desc"}],"size":1}'))
      assert.equal('{"count":3}', select(2, es:ask("GET", "/_count")))
      assert.equal(200, (es:ask("DELETE", "/other")))
      assert.equal("a b", found "/_search")
    end)

    it("are not found", function()
      local status, text = es:ask("GET", "/_nothing")
      assert.equal(400, status)
      assert.truthy(text:find("no handler found for uri [/_nothing] and method [GET]", 1, true))
    end)
  end)

  it("remembers the requests", function()
    bulk(body_of("a", "b"), filtered)
    es:ask("GET", "/_cluster/health")
    local requests = es:requests()
    assert.same({ "POST", filtered, 2, 200, false }, { requests[1].method, requests[1].target, requests[1].items,
      requests[1].status, requests[1].gzip })
    assert.equal("/_cluster/health", requests[2].target)
  end)
end)

describe("spec.support.json", function()
  it("reads to the letter", function()
    assert.equal("integer", math.type(json.decode "9007199254740993"))
    assert.equal(-9223372036854775807 - 1, json.decode "-9223372036854775808")
    assert.equal("a\u{e9}\\u0041\u{1f600}\n", json.decode [["a\u00e9\\u0041\ud83d\ude00\n"]])
    assert.is_true(json.is_list(json.decode "[]"))
    assert.is_false(json.is_list(json.decode "{}"))
    assert.equal(json.null, json.decode "null")
    assert.equal(json.null, json.decode '[null]'[1])
  end)

  for _, text in ipairs { "", "{", '{"a":1,"a":2}', "[1,]", "01", '"\1"', '"\\x"', "nul", "1 x", '"\xFF"', "-" } do
    it("refuses " .. ("%q"):format(text), function()
      local value, problem = json.decode(text)
      assert.is_nil(value)
      assert.is_string(problem)
    end)
  end
end)
