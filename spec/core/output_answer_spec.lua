local output = require "core.output"
local story = require "spec.support.bulk_story"
local quote = story.quote

local function answer(status, body, actions, more)
  local ask = { status = status, type = "application/json", body = body, actions = actions }
  for k, v in pairs(more or {}) do ask[k] = v end
  return output.answer(ask)
end

local function judge(said)
  local verdict, items = answer(200, story.answer { story.item(said) }, 1)
  assert.equal("items", verdict)
  return items[1]
end

-- type, reason, first caused_by → whose fault, and the field
local MP, DP, IA = "mapper_parsing_exception", "document_parsing_exception", "illegal_argument_exception"
local items_of_400 = {
  { MP, "failed to parse field [o.a] of type [long] in document with id 'x'. Preview of field's value: 'abc'",
    'For input string: "abc"', "document", "o.a" },
  { DP, "[1:7] failed to parse field [o.a] of type [ip] in document with id 'x'. Preview of field's value: 'q'",
    "'q' is not an IP string literal.", "document", "o.a" },
  { MP, "object mapping for [o] tried to parse field [o] as object, but found a concrete value", nil, "document",
    "o" },
  { DP, "[1:9] object mapping for [o.l] tried to parse field [null] as object, but found a concrete value", nil,
    "document", "o.l" },
  { IA, "mapper [n] cannot be changed from type [long] to [text]", nil, "race", "n" },
  { IA, "mapper [n] cannot be changed from type [text] to [ObjectMapper]", nil, "race", "n" },
  { IA, "can't merge a non object mapping [n.m] with an object mapping", nil, "document", "n.m" },
  { MP, "Could not dynamically add mapping for field [l.b]. Existing mapping for [l] must be of type object but found "
    .. "[long].",
    nil, "document", "l.b" },
  { MP, "failed to parse field [big] of type [long] in document with id 'x'. Preview of field's value: '1'",
    "Numeric value (9223372036854775808) out of range of long (-9223372036854775808 - 9223372036854775807)",
      "document", "big" },
  { MP, "failed to parse field [d] of type [date_nanos] in document with id 'x'. Preview of field's value: '1969-01'",
    "date[1969-01-01T00:00:00Z] is before the epoch in 1970 and cannot be stored in nanosecond resolution",
      "document", "d" },
  { IA, 'Document contains at least one immense term in field="k.raw" (whose UTF8 encoding is longer than the max'
    .. " length 32766)",
    nil, "document", "k.raw" },
  { IA, 'Document contains at least one immense term in field="fl._valueAndPath" (whose UTF8 encoding …', nil,
    "document", "fl" },
  { IA, 'Document contains at least one immense term in field="fl._value" (whose UTF8 encoding …', nil, "document",
    "fl" },
  { IA, 'DocValuesField "fl._valueAndPath" is too large, must be <= 32766', nil, "document", "fl" },
  { DP, "[1:5] failed to parse field [k] of type [keyword] in document with id 'x'. Preview of field's value: 'aaaa'",
    'Document contains at least one immense term in field="k" (whose UTF8', "document", "k" },
  { MP, "failed to parse field [fl] of type [flat_object] in document with id 'x'. Preview of field's value: '3'",
    "[fl] unexpected token [VALUE_STRING] in flat_object field value", "document", "fl" },
  { IA, "Limit of mapping depth [20] has been exceeded due to object field [a.b.c]", nil, "document", "a.b.c" },
  { DP, "failed to parse: Limit of mapping depth [20] has been exceeded due to object field [a.b]", nil, "document",
    "a.b" },
  { MP, "failed to parse", "The depth of the field has exceeded the allowed limit of [20]. This limit can be set",
    "document", "" },
  { MP, "failed to parse", "Limit of total fields [1000] has been exceeded while adding new fields [1]", "document",
    "" },
  { IA, "Limit of total fields [1000] has been exceeded", nil, "document", "" },
  { "strict_dynamic_mapping_exception",
    "mapping set to strict, dynamic introduction of [y] within [o] is not allowed", nil,
    "document", "o.y" },
  { "strict_dynamic_mapping_exception",
    "[1:13] mapping set to strict, dynamic introduction of [y] within [_doc] is not allowed",
    nil, "document", "y" },
  { MP, "failed to parse", "field name cannot be an empty string", "document", "" },
  { MP, "failed to parse field [_id] of type [_id] in document with id 'x'. Preview of field's value: '1'",
    "Field [_id] is a metadata field and cannot be added inside a document. Use the index API request parameters.",
      "document", "_id" },
  { MP, "failed to parse", "json_parse_exception", "document", "" },
  { DP, "[1:2] failed to parse: [1:6] Duplicate field 'x1'", nil, "document", "" },
  { IA, "if _id is specified it must not be empty", nil, "hopeless", "" },
  { IA, "Malformed content, found extra data after parsing: FIELD_NAME", nil, "document", "" },
  { "index_closed_exception", "closed", nil, "destination", "" },
  { IA, "no write index is defined for alias [al]. The write index may be explicitly disabled", nil, "destination",
    "" },
  { IA, "pipeline with id [nope] does not exist", nil, "destination", "" },
  { "validation_exception",
    "Validation Failed: 1: this action would add [2] shards, but this cluster currently has [999]/[1000] "
    .. "maximum normal shards open;", nil, "destination", "" },
  { "invalid_index_name_exception", "Invalid index name [Abc], must be lowercase", nil, "name", "" },
  { "routing_missing_exception", "routing is required for [x]/[1]", nil, "destination", "" },
  { IA, "only write ops with an op_type of create are allowed in data streams", nil, "destination", "" },
  { IA, "index request targeting backing indices is disallowed: bulk", nil, "destination", "" },
  { "action_request_validation_exception", "Validation Failed: 1: id [x] is too long", nil, "unknown", "" },
  { "something_new_exception", "who knows", nil, "unknown", "" },
  { IA, "who knows", nil, "unknown", "" },
}

local items_of_others = {
  { 200, nil, nil, "stored" }, { 201, nil, nil, "stored" },
  { 409, "version_conflict_engine_exception", "[a]: version conflict, document already exists (current version [1])",
    "exists" },
  { 409, "resource_already_exists_exception", "index [x] already exists", "moment" },
  { 429, "es_rejected_execution_exception", "rejected execution of … on EsThreadPoolExecutor[name = vm/write",
    "busy" },
  { 429, "rejected_execution_exception", "rejected execution of primary operation", "busy" },
  { 429, "circuit_breaking_exception", "[parent] Data too large, data for [<http_request>]", "busy" },
  { 429, "process_cluster_event_timeout_exception", "failed to process cluster event (put-mapping) within 30s",
    "busy" },
  { 429, "cluster_block_exception",
    "index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark", "disk" },
  { 403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/8/index write (api)];", "destination" },
  { 403, "security_exception", "action [indices:data/write/bulk[s]] is unauthorized … on indices [other]",
    "destination" },
  { 404, "index_not_found_exception", "no such index [x] and [action.auto_create_index] is [false]", "destination" },
  { 404, "index_not_found_exception", "composable template [te-*] forbids index auto creation", "destination" },
  { 404, "index_not_found_exception", "no such index [x]", "gone" },
  { 404, "shard_not_found_exception", "no such shard", "moment" },
  { 500, "node_not_connected_exception", "[n1][127.0.0.1:9300] Node not connected", "moment" },
  { 500, "i_o_exception", "No space left on device", "disk" },
  { 500, "string_index_out_of_bounds_exception", nil, "name" },
  { 500, "null_pointer_exception", nil, "unknown" },
  { 502, nil, nil, "moment" }, { 504, nil, nil, "moment" },
  { 503, "unavailable_shards_exception",
    "[x][0] primary shard is not active Timeout: [1m], request: [BulkShardRequest", "moment" },
  { 503, "master_not_discovered_exception", nil, "moment" },
  { 507, "x", "y", "unknown" },
}

describe("core.output.answer", function()
  describe("an item of 400", function()
    for _, case in ipairs(items_of_400) do
      it(("of %s: %s %s"):format(case[1], case[2]:sub(1, 60), case[3] or ""), function()
        local item = judge { 400, case[1], case[2], case[3] }
        assert.equal(case[4], item.fault)
        assert.equal(case[5], item.field)
        assert.equal(case[4] == "destination" or case[4] == "name", item.cure ~= nil)
      end)
    end
  end)

  describe("an item of", function()
    for _, case in ipairs(items_of_others) do
      it(("%d %s %s"):format(case[1], case[2] or "", case[3] or ""), function()
        if case[4] == "stored" then
          assert.is_nil(judge(case[1]))
        else
          assert.equal(case[4], judge(case[2] and { case[1], case[2], case[3] } or case[1]).fault)
        end
      end)
    end

    it("a server that tells no more than a text", function()
      local verdict, items = answer(200,
        '{"items":[{"create":{"status":400,"error":"No ElasticsearchException found"}}]}', 1)
      assert.equal("items", verdict)
      assert.equal("unknown", items[1].fault)
    end)

    it("a failure store", function()
      local verdict, items = answer(200, '{"items":[{"create":{"status":201,"failure_store":"used"}},'
        .. '{"create":{"failure_store":"not_applicable","status":201}}]}', 2)
      assert.equal("items", verdict)
      assert.equal(1, #items)
      assert.equal("stored_bad", items[1].fault)
    end)
  end)

  describe("the shapes of six servers", function()
    local unfiltered = [[{"took":9,"errors":true,"items":[{"create":{"_index":"t","_type":"_doc","_id":"a",]]
      .. [["status":409,"error":{"type":"version_conflict_engine_exception",]]
      .. [["reason":"[a]: version conflict, document already exists (current version [1])",]]
      .. [["index_uuid":"uMKPGf3oRoGX6nMj6OEltQ","shard":"0","index":"t"}}},]]
      .. [[{"create":{"_index":"t","_type":"_doc","_id":"c","_version":1,"result":"created",]]
      .. [["_shards":{"total":2,"successful":1,"failed":0},"_seq_no":2,"_primary_term":1,"status":201}}]}]]
    local filtered = [[{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":201,"x":[]}},]]
      .. [[{"create":{"status":400,"error":{"type":"document_parsing_exception",]]
      .. [["reason":"[1:7] failed to parse field [a\"b] of type [long] in document with id 'x'. ]]
      .. [[Preview of field's value: '{}]['",]]
      .. [["caused_by":{"type":"illegal_argument_exception","reason":"For input string: \"abc\""}}}},]]
      .. [[{"create":{"status":201}},]]
      .. [[{"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":null}}}]}]]

    it("unfiltered", function()
      local verdict, items = answer(200, unfiltered, 2)
      assert.equal("items", verdict)
      assert.same({ 1, "exists" }, { items[1].position, items[1].fault })
      assert.equal(1, #items)
    end)

    it("filtered, in pieces of every size", function()
      for chunk = 1, #filtered do
        local verdict, items, same = answer(200, filtered, 5, { chunk = chunk })
        assert.equal("items", verdict)
        assert.equal(2, #items)
        assert.same({ 3, "document", 'a"b' }, { items[1].position, items[1].fault, items[1].field })
        assert.same({ 5, "busy" }, { items[2].position, items[2].fault })
        assert.is_false(same)
      end
    end)

    it("cut at every byte: never an answer", function()
      for _, whole in ipairs { { unfiltered, 2 }, { filtered, 5 } } do
        for cut = 0, #whole[1] - 1 do
          for actions = 0, whole[2] do
            assert.equal("unclear", (answer(200, whole[1]:sub(1, cut), actions)))
          end
        end
        assert.equal("unclear", (answer(200, whole[1], whole[2], { complete = false })))
      end
    end)

    it("with blanks, and with members behind the list", function()
      local body = ' { "took" : 1 , "items" : [ { "create" : { "status" : 201 } } , {"create":{"status":201}} ]'
        .. ' , "x":[[{}]], '
        .. '"y":"]}" } \n'
      local verdict, items = answer(200, body, 2)
      assert.equal("items", verdict)
      assert.equal(0, #items)
    end)
  end)

  describe("says nothing about any item when", function()
    for _, case in ipairs {
      { "there are fewer items", story.answer { story.item(201) }, 2 },
      { "there are more items", story.answer { story.item(201), story.item(201) }, 1 },
      { "there is no list", "{}", 1 },
      { "there is an error instead", '{"error":{"type":"x"},"status":200}', 1 },
      { "the list is an object", '{"items":{}}', 1 },
      { "the list is deeper", '{"a":{"items":[{"create":{"status":201}}]}}', 1 },
      { "an item has no status", '{"items":[{"create":{}}]}', 1 },
      { "an item is no object", '{"items":[201]}', 1 },
      { "an item has a text for a status", '{"items":[{"create":{"status":"201"}}]}', 1 },
      { "an item is broken inside", '{"items":[{"create":{"status":201,}}]}', 1 },
      { "commas are missing", '{"items":[{"create":{"status":201}}{"create":{"status":201}}]}', 2 },
      { "a comma is too many", '{"items":[{"create":{"status":201}},]}', 1 },
      { "something follows", '{"items":[{"create":{"status":201}}]}x', 1 },
      { "it is empty", "", 1 },
      { "it is a list", '[{"create":{"status":201}}]', 1 },
    } do
      it(case[1], function() assert.equal("unclear", (answer(200, case[2], case[3]))) end)
    end
  end)

  it("keeps long errors short, and knows them all the same", function()
    local value = ("é\\\""):rep(60000)
    local reason = "failed to parse field [o.a] of type [long] in document with id 'x'. Preview of field's value: '"
      .. value
    local item = judge { 400, MP, reason }
    assert.same({ "document", "o.a" }, { item.fault, item.field })
    assert.is_true(#item.error < 2000)
    assert.is_true(output.json_skip(item.error), item.error)
  end)

  it("takes an answer of any length in bounded memory", function()
    local big = story.item { 400, MP, "failed to parse field [f] of type [long] in document with id 'x'. Preview: "
      .. ("x"):rep(200000) }
    local items = {}
    for i = 1, 200 do items[i] = big end
    local verdict, list = answer(200, story.answer(items), 200, { chunk = 65536 })
    assert.equal("items", verdict)
    local kept = 0
    for _, item in ipairs(list) do
      kept = kept + #item.error
      assert.equal("f", item.field)
    end
    assert.is_true(kept < 1200 * 200)
  end)

  it("sees that all items have the same fault, to the letter", function()
    local a, b = { 400, "t", "r" }, { 400, "t", "s" }
    local function same(...)
      local items = {}
      for i, said in ipairs { ... } do items[i] = story.item(said) end
      local _, _, answered = answer(200, story.answer(items), #items)
      return answered
    end
    assert.is_true(same(a, a, a))
    assert.is_false(same(a, a, b))
    assert.is_false(same(a, 201, a))
    assert.is_false(same(201, a))
  end)

  describe("of a whole request", function()
    local function failure(status, type, reason)
      return ('{"error":{"root_cause":[{"type":"no","reason":"no"}],"type":"%s","reason":%s},"status":%d}'):format(type,
        quote(reason), status)
    end
    for _, case in ipairs {
      { 400, IA, "The bulk request must be terminated by a newline [\\n]", "refused" },
      { 400, "action_request_validation_exception", "Validation Failed: 1: index is missing;", "refused" },
      { 400, IA, "request [/_bulk] contains unrecognized parameter: [foo]", "odd" },
      { 401, "security_exception", "missing authentication credentials", "credentials" },
      { 403, "security_exception", "action [indices:data/write/bulk] is unauthorized", "forbidden" },
      { 403, "cluster_block_exception", "blocked by: [FORBIDDEN/6/cluster read-only (api)];", "blocked" },
      { 404, "x", "y", "odd" }, { 406, "x", "y", "odd" },
      { 429, "circuit_breaking_exception", "[parent] Data too large", "busy" },
      { 500, "x", "y", "moment" }, { 502, "x", "y", "moment" },
      { 503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master];", "moment" },
    } do
      it(("HTTP %d %s"):format(case[1], case[2]), function()
        local verdict, _, _, type = answer(case[1], failure(case[1], case[2], case[3]), 3)
        assert.equal(case[4], verdict)
        assert.equal(case[2], type)
      end)
    end

    for _, case in ipairs {
      { 413, nil, "", "too_large" },
      { 413, "text/html", "<html>", "too_large" },
      { 200, "text/html", "<html>welcome</html>", "odd" },
      { 200, nil, story.answer { story.item(201) }, "odd" },
      { 301, "text/html", "", "odd" }, { 302, "application/json", "{}", "odd" },
      { 400, "text/html", "<html>plain HTTP was sent to an HTTPS port", "odd" },
      { 403, "text/html", "<html>", "odd" },
      { 401, "text/html", "<html>", "credentials" },
      { 502, "text/html", "<html>", "moment" },
      { 204, "application/json", "", "odd" },
      { 405, "application/json", '{"error":"Incorrect HTTP method","status":405}', "odd" },
    } do
      it(("HTTP %d with %s"):format(case[1], case[2] or "no content type"), function()
        assert.equal(case[4], (output.answer { status = case[1], type = case[2], body = case[3], actions = 1 }))
      end)
    end

    it("knows a vendor's JSON", function()
      assert.equal("items", (output.answer { status = 200, actions = 1, body = story.answer { story.item(201) },
        type = "application/vnd.elasticsearch+json;compatible-with=8" }))
    end)
  end)

  it("reads any bytes without harm, and never finds success in them", function()
    local base = story.answer { story.item(201), story.item { 400, MP, "failed to parse" }, story.item(409) }
    for _ = 1, 20000 do
      local bytes = { base:byte(1, -1) }
      for _ = 1, math.random(3) do
        local at = math.random(#bytes)
        local how = math.random(3)
        if how == 1 then bytes[at] = math.random(0, 255)
        elseif how == 2 then table.remove(bytes, at)
        else table.insert(bytes, at, math.random(0, 255)) end
      end
      answer(200, string.char(table.unpack(bytes)), 3, { chunk = math.random(40) })
    end
  end)
end)
