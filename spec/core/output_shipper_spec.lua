local bulk_story = require "spec.support.bulk_story"
local process = require "spec.support.process"
local shipper = require "core.shipper"

local MP = "mapper_parsing_exception"
local function wrong(field)
  return { 400, MP,
    ("failed to parse field [%s] of type [long] in document with id 'x'. Preview of field's value: 'q'"):format(field) }
end
local busy = { 429, "es_rejected_execution_exception", "rejected execution" }
local blocked = { 403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/8/index write (api)];" }

local function fill(story, n, index, json)
  for i = 1, n do story:put(index or "audit", ("%s-%d"):format(index or "audit", i), json
    or ('{"n":%d}'):format(i)) end
  return story
end

local function count(story, fate)
  local n = 0
  for _, f in pairs(story.fates) do if f.fate == fate then n = n + 1 end end
  return n
end

local function indexed_all(story, n)
  assert.equal(0, story:settle())
  assert.equal(n, count(story, "indexed"))
  local pending, held = story.shipper:pending()
  assert.same({ 0, 0 }, { pending, held })
end

describe("core.output.shipper", function()
  describe("sends", function()
    it("what has come together, with the first turn", function()
      local story = fill(bulk_story.new {}, 3)
      assert.is_true(story:turn())
      assert.equal(1, story.requests)
      assert.equal('{"create":{"_index":"audit","_id":"audit-1"}}\n{"n":1}\n'
        .. '{"create":{"_index":"audit","_id":"audit-2"}}\n{"n":2}\n'
        .. '{"create":{"_index":"audit","_id":"audit-3"}}\n{"n":3}\n', story.log[1].body)
      indexed_all(story, 3)
    end)

    it("a document that is to overwrite with the action that does, also when it had to be repaired", function()
      local story = bulk_story.new({}, function(item)
        return item.id == "bad" and not item.json:find "misfit" and wrong "args.x" or 201
      end)
      story.stored["audit/old"], story.stored["audit/kept"] = "{}", "{}"
      story:put("audit", "old", '{"n":2}', nil, true)
      story:put("audit", "kept", '{"n":2}', nil, false)
      story:put("audit", "bad", '{"args":{"x":1}}', nil, true)
      assert.is_true(story:turn())
      assert.equal('{"index":{"_index":"audit","_id":"old"}}\n{"n":2}\n'
        .. '{"create":{"_index":"audit","_id":"kept"}}\n{"n":2}\n'
        .. '{"index":{"_index":"audit","_id":"bad"}}\n{"args":{"x":1}}\n', story.log[1].body)
      assert.equal(0, story:settle())
      assert.same({ '{"n":2}', "{}" }, { story.stored["audit/old"], story.stored["audit/kept"] })
      assert.same({ "indexed", "exists", "indexed" },
        { story.fates[1].fate, story.fates[2].fate, story.fates[3].fate })
      assert.truthy(story.log[2].body:find('{"index":{"_index":"audit","_id":"bad"}}', 1, true))
      assert.is_true(story.fates[3].repaired)
    end)

    it("no more requests at a time than are allowed, and the rest together", function()
      local story = bulk_story.new { max_in_flight = 2 }
      for i = 1, 10 do
        story:put("audit", "id" .. i, "{}")
        story.shipper:flush()
      end
      local out = story.shipper:flush()
      assert.equal(2, #out)
      assert.same({ 1, 1 }, { out[1].count, out[2].count })
      story:serve(out[1])
      out = story.shipper:flush()
      assert.equal(2, #out)
      assert.equal(9, out[1].count + out[2].count)
      indexed_all(story, 10)
    end)

    it("within the limits of documents and bytes", function()
      local story = fill(bulk_story.new { max_documents = 7, max_in_flight = 64 }, 50)
      indexed_all(story, 50)
      assert.equal(8, story.requests)
      story = fill(bulk_story.new { max_bytes = 1000, max_in_flight = 64 }, 50, "audit", '{"x":"' .. ("y"):rep(300)
        .. '"}')
      indexed_all(story, 50)
      for _, request in ipairs(story.log) do assert.is_true(#request.body <= 1000) end
    end)

    it("a document larger than the limit, alone", function()
      local story = bulk_story.new { max_bytes = 1000 }
      fill(story, 2)
      story:put("audit", "big", '{"x":"' .. ("y"):rep(5000) .. '"}')
      fill(story, 2, "audit2")
      indexed_all(story, 5)
      assert.equal(3, story.requests)
    end)

    it("the one that spoils its request no longer than its neighbours take, wherever it stands", function()
      for poison = 1, 30 do
        for in_flight = 1, 4 do
          local story = bulk_story.new({ max_in_flight = in_flight }, nil, function(request)
            if request.body:find('"poison"', 1, true) then
              return { status = 400, body = '{"error":{"type":"illegal_argument_exception"},"status":400}' }
            end
          end)
          for i = 1, 30 do story:put("audit", "id" .. i, i == poison and '{"k":"poison"}' or "{}") end
          story:settle(60)
          assert.equal(0, (story.shipper:pending()), ("%d, %d in flight"):format(poison, in_flight))
          for i = 1, 30 do assert.equal(i == poison and "refused" or "indexed", story.fates[i].fate) end
        end
      end
    end)

    it("one by one at rest, and all that came meanwhile together, with no timer between", function()
      local story = bulk_story.new { max_in_flight = 1 }
      for i = 1, 3 do
        story:put("audit", "rest-" .. i, "{}")
        assert.equal(0, story.shipper:pass()) -- due now
        assert.is_true(story:turn())
        assert.equal(i, story.requests)
      end
      story:put("audit", "first", "{}")
      local out = story.shipper:flush()
      for i = 1, 200 do
        story:put("audit", "then-" .. i, "{}")
        assert.equal(1, #story.shipper:flush())
      end
      assert.is_nil(story.shipper:pass()) -- an answer is what comes next
      story:serve(out[1])
      out = story.shipper:flush()
      assert.same({ 1, 200 }, { #out, out[1].count })
      indexed_all(story, 204)
      assert.equal(5, story.requests)
    end)

    it("names and ids of any spelling", function()
      local story = bulk_story.new {}
      assert(story.shipper:put('a"b', 'i\\d\1', '{"a":1}', 1))
      local out = story.shipper:flush()
      assert.equal([[{"create":{"_index":"a\"b","_id":"i\\d\u0001"}}]] .. '\n{"a":1}\n', out[1].body)
    end)

    it("the whole again after anything that is no answer, and settles each once", function()
      for _, said in ipairs {
        {}, { torn = true }, { status = 503, body = "{}" }, { status = 500, type = "text/html", body = "<html>" },
        { status = 429, body = "{}" }, { status = 200, body = '{"items":[]}' }, { status = 200,
          body = '{"items":[{"cr' },
        { status = 200, type = "text/html", body = "<html>" }, { status = 302, type = "text/html", body = "" },
        { status = 408, body = "" }, { status = 401, body = "{}" }, { status = 403, body = "{}" },
        { status = 403, body = '{"error":{"type":"cluster_block_exception","reason":"blocked by: …"},"status":403}' },
        { status = 200, body = bulk_story.answer { bulk_story.item(201) }, complete = false },
      } do
        local times = 0
        local story = fill(bulk_story.new({}, nil, function()
          times = times + 1
          if times <= 4 then return said end
        end), 5)
        indexed_all(story, 5)
        assert.is_true(story.requests >= 5)
      end
    end)
  end)

  describe("an item's fate", function()
    local function lone(said, options)
      local story = bulk_story.new(options or {}, said)
      fill(story, 3)
      story:put("audit", "it", '{"n":9,"args":{"x":1},"time":"t"}', "fallback")
      fill(story, 3, "after")
      assert.equal(0, story:settle())
      for i = 1, 7 do if i ~= 4 then assert.equal("indexed", story.fates[i].fate) end end
      return story, story.fates[4]
    end

    it("stored before is stored", function()
      local _, fate = lone(function(item) return item.id == "it" and { 409, "version_conflict_engine_exception",
        "x" } or 201 end)
      assert.equal("exists", fate.fate)
    end)

    it("of the moment goes again alone", function()
      local story, fate = lone(function(item)
        return item.id == "it" and item.tries <= 3 and { 503, "unavailable_shards_exception", "x" } or 201
      end)
      assert.equal("indexed", fate.fate)
      for i = 2, #story.log do assert.equal(1, story.log[i].count) end
      assert.equal(4, story.tries.it)
      assert.equal(1, story.tries["audit-1"])
    end)

    it("of a busy server goes again later, and lowers what is in flight", function()
      local story, fate = lone(function(item) return item.id == "it" and item.tries <= 2 and busy or 201 end)
      assert.equal("indexed", fate.fate)
      assert.is_true(story.elapsed > 0)
    end)

    it("of the document is repaired once", function()
      local story, fate = lone(function(item)
        return item.id == "it" and not item.json:find "misfit" and wrong "args.x" or 201
      end)
      assert.same({ "indexed", true, false }, { fate.fate, fate.repaired, fate.rerouted })
      assert.equal('{"n":9,"args":{},"time":"t","tags":["misfit"],"misfit":{"args":{"x":1}}}',
        story.stored["audit/it"])
    end)

    it("of the document is refused when the repair did not help", function()
      local story, fate = lone(function(item) return item.id == "it" and wrong "n" or 201 end)
      assert.same({ "refused", "mapping" }, { fate.fate, fate.reason })
      assert.truthy(fate.answer:find("failed to parse field [n]", 1, true))
      assert.equal(2, story.tries.it)
    end)

    it("of a race goes once more unchanged, then is repaired", function()
      local race = { 400, "illegal_argument_exception", "mapper [n] cannot be changed from type [text] to [long]" }
      local _, unchanged = lone(function(item) return item.id == "it" and item.tries == 1 and race or 201 end)
      assert.same({ "indexed", false }, { unchanged.fate, unchanged.repaired })
      local story, fate = lone(function(item) return item.id == "it" and item.tries <= 2 and race or 201 end)
      assert.same({ "indexed", true }, { fate.fate, fate.repaired })
      assert.truthy(story.stored["audit/it"]:find('"misfit":{"n":9}', 1, true))
    end)

    it("of a name that is invalid goes to the fallback", function()
      local story, fate = lone(function(item)
        return item.index == "audit" and item.id == "it"
          and { 400, "invalid_index_name_exception", "Invalid index name [audit], must be lowercase" } or 201
      end)
      assert.same({ "indexed", true }, { fate.fate, fate.rerouted })
      assert.truthy(story.stored["fallback/it"])
    end)

    it("of an unknown 4xx is the document's when others pass", function()
      local story, fate = lone(function(item) return item.id == "it" and { 400, "odd_exception", "x" } or 201 end)
      assert.same({ "refused", "unknown_400" }, { fate.fate, fate.reason })
      assert.equal(2, story.tries.it) -- once more without its free parts
    end)

    it("of an unknown 5xx is tried for a time, then refused", function()
      local story, fate = lone(function(item) return item.id == "it" and { 500, "odd_exception", "x" } or 201 end,
        { retry_for = 100 })
      assert.same({ "refused", "unknown_5xx" }, { fate.fate, fate.reason })
      assert.is_true(story.elapsed >= 100)
    end)

    it("of an index that was deleted meanwhile goes again", function()
      local story, fate = lone(function(item)
        return item.id == "it" and item.tries <= 2 and { 404, "index_not_found_exception", "no such index [audit]" }
          or 201
      end)
      assert.equal("indexed", fate.fate)
      assert.equal(3, story.tries.it)
    end)

    it("in the failure store is stored, and said to be there", function()
      local story = bulk_story.new({}, nil, function()
        return { status = 200, body = '{"items":[{"create":{"status":201,"failure_store":"used"}}]}' }
      end)
      story:put("audit", "a", "{}")
      assert.equal(0, story:settle())
      assert.same({ "indexed", "failure_store" }, { story.fates[1].fate, story.fates[1].reason })
    end)

    it("without an id is refused at once", function()
      local _, fate = lone(function(item)
        return item.id == "it" and { 400, "illegal_argument_exception", "if _id is specified it must not be empty" }
          or 201
      end)
      assert.same({ "refused", "bad_id" }, { fate.fate, fate.reason })
    end)
  end)

  describe("an index that takes nothing", function()
    it("waits, while others go on, and comes back", function()
      local open = false
      local story = bulk_story.new({ max_documents = 10 }, function(item)
        return item.index == "shut" and not open and blocked or 201
      end)
      for i = 1, 100 do
        story:put("shut", "s" .. i, "{}")
        story:put("free", "f" .. i, "{}")
      end
      story:settle(300)
      assert.equal(100, count(story, "indexed"))
      assert.equal(100, (story.shipper:pending()))
      assert.equal(1, story.shipper:counters().paused_indices)
      -- Probed now and then, with one document.
      local probes = 0
      for _, request in ipairs(story.log) do if request.number > 25 then
        assert.equal(1, request.count)
        probes = probes + 1
      end end
      assert.is_true(probes >= 3 and probes < 60, tostring(probes))
      -- What is put meanwhile is not even sent.
      local before = story.requests
      for i = 101, 120 do story:put("shut", "s" .. i, "{}") end
      story:turn()
      assert.is_true(story.requests <= before + 1)
      open = true
      indexed_all(story, 220)
      assert.equal(0, story.shipper:counters().paused_indices)
    end)

    it("gives back what is more than its share, of what can be had again, and says when it is open", function()
      local open = false
      local story = bulk_story.new({ max_documents = 10, max_parked = 8000 }, function(item)
        return item.index ~= "free" and not open and blocked or 201
      end)
      for i = 1, 100 do
        story:put("shut", "s" .. i, "{}", nil, false, 100)
        story:put("kept", "k" .. i, "{}", nil, false, i > 50 and 100 or nil)
        story:put("free", "f" .. i, "{}", nil, false, 100)
      end
      story:settle(10)
      assert.equal(100, count(story, "indexed"))
      local back = count(story, "given_back")
      assert.is_true(back > 50 and back < 150, tostring(back))
      assert.equal(back, story.shipper:counters().given_back)
      assert.equal(200 - back, (story.shipper:pending()))
      assert.equal(0, story.shipper:reopened())
      for cookie, settled in pairs(story.fates) do
        -- three are put in a turn; those that cannot be had again stay
        if settled.fate == "given_back" then assert.is_true(cookie % 3 == 1 or cookie % 3 == 2 and cookie > 150) end
      end
      -- An index that comes late finds all room taken, and has one to be asked with none the less.
      local first = story:put("late", "l1", "{}", nil, false, 100)
      local second = story:put("late", "l2", "{}", nil, false, 100)
      story:settle(5)
      assert.is_nil(story.fates[first])
      assert.equal("given_back", story.fates[second].fate)
      open = true
      assert.equal(0, story:settle())
      assert.equal(3, story.shipper:reopened())
      local pending, held = story.shipper:pending()
      assert.same({ 0, 0, 0 }, { pending, held, story.shipper:counters().paused_indices })
      -- From here on it is as if nothing had been.
      for i = 1, 100 do story:put("shut", "t" .. i, "{}", nil, false, 100) end
      assert.equal(0, story:settle())
      assert.equal(3, story.shipper:reopened())
      assert.equal(302 + 100 - count(story, "given_back"), count(story, "indexed"))
    end)

    it("asks for what it gave back when the last one that it kept has gone elsewhere", function()
      local invalid = false
      local story = bulk_story.new({ max_documents = 10, max_parked = 1 }, function(item)
        if item.index ~= "shut" then return 201 end
        return invalid and { 400, "invalid_index_name_exception", "Invalid index name [shut]" } or blocked
      end)
      for i = 1, 20 do story:put("shut", "s" .. i, "{}", "fallback", false, 100) end
      for i = 1, 5 do story:put("free", "f" .. i, "{}", "shut", false, 100) end
      story:settle(5)
      assert.same({ 19, 1, 0 }, { count(story, "given_back"), (story.shipper:pending()), story.shipper:reopened() })
      invalid = true
      assert.equal(0, story:settle())
      assert.equal(1, story.shipper:reopened())
      assert.equal(6, count(story, "indexed"))
    end)

    it("is not taken for shut because one document waits", function()
      local open = false
      local story = fill(bulk_story.new({}, function(item) return item.id == "audit-5" and not open and blocked
        or 201 end), 10)
      story:settle(100)
      assert.equal(9, count(story, "indexed"))
      fill(story, 10, "audit") -- the same ids: there already
      story:settle(100)
      assert.equal(0, story.shipper:counters().paused_indices)
      assert.equal(9, count(story, "exists"))
      open = true
      assert.equal(0, story:settle())
    end)

    it("does not take a poisoned document for its own fault", function()
      local open = false
      local story = fill(bulk_story.new({ max_documents = 10 }, function(item)
        if not open then return blocked end
        return item.id == "audit-1" and wrong "n" or 201
      end), 30)
      story:settle(60)
      open = true
      assert.equal(0, story:settle())
      assert.same({ 29, 1 }, { count(story, "indexed"), count(story, "refused") })
    end)

    for _, said in ipairs {
      { 400, "index_closed_exception", "closed" },
      { 429, "cluster_block_exception",
        "index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark" },
      { 404, "index_not_found_exception", "no such index [x] and [action.auto_create_index] is [false]" },
      { 404, "index_not_found_exception", "no such index [x]" },
      { 400, "illegal_argument_exception", "no write index is defined for alias [al]" },
      { 400, "illegal_argument_exception", "pipeline with id [nope] does not exist" },
      { 400, "invalid_index_name_exception", "Invalid index name [Abc], must be lowercase" },
      { 500, "i_o_exception", "No space left on device" },
      { 403, "security_exception", "action [indices:admin/auto_create] is unauthorized" },
      { 400, "validation_exception",
        "this action would add [2] shards, but this cluster currently has [999]/[1000] maximum normal shards" },
    } do
      it(("for %d %s: loses nothing, refuses nothing"):format(said[1], said[2]), function()
        local open = false
        local story = fill(bulk_story.new({}, function() return open and 201 or said end), 20)
        story:settle(5000)
        assert.equal(20, (story.shipper:pending()))
        assert.equal(1, story.shipper:counters().paused_indices)
        open = true
        indexed_all(story, 20)
      end)
    end
  end)

  describe("a poison document", function()
    it("at each position costs itself only", function()
      for position = 1, 20 do
        local story = fill(bulk_story.new({}, function(item)
          return item.id == "audit-" .. position and wrong "n" or 201
        end), 20)
        assert.equal(0, story:settle())
        assert.equal(19, count(story, "indexed"))
        assert.equal("refused", story.fates[position].fate)
        for i = 1, 20 do if i ~= position then assert.equal(1, story.tries["audit-" .. i]) end end
      end
    end)

    it("that spoils the whole request is found by halving, at each position", function()
      for position = 1, 20 do
        local story = fill(bulk_story.new({}, nil, function(request)
          if request.body:find('"audit-' .. position .. '"', 1, true) then
            return { status = 400,
              body = '{"error":{"type":"illegal_argument_exception","reason":"x"},"status":400}' }
          end
        end), 20)
        assert.equal(0, story:settle())
        assert.equal(19, count(story, "indexed"))
        assert.same({ "refused", "request_refused" }, { story.fates[position].fate, story.fates[position].reason })
        assert.truthy(story.fates[position].answer:find("illegal_argument_exception", 1, true))
      end
    end)

    it("whose fault is put on every item is found by halving", function()
      local said = { 400, "action_request_validation_exception", "Validation Failed: 1: id [x] is too long" }
      local story = fill(bulk_story.new({}, nil, function(request)
        if not request.body:find('"audit-7"', 1, true) then return end
        local items = {}
        for i = 1, request.count do items[i] = bulk_story.item(said) end
        return { status = 200, body = bulk_story.answer(items) }
      end, { retry_for = 100 }), 20)
      assert.equal(0, story:settle())
      assert.equal(19, count(story, "indexed"))
      assert.equal("refused", story.fates[7].fate)
    end)

    it("whose pair the server drops each time is found by halving", function()
      local story = fill(bulk_story.new({}, nil, function(request)
        if not request.body:find('"audit-7"', 1, true) then return end
        local items = {}
        for i = 1, request.count - 1 do items[i] = bulk_story.item(201) end
        return { status = 200, body = bulk_story.answer(items) }
      end), 20)
      assert.equal(0, story:settle())
      assert.equal(1, count(story, "refused"))
      assert.same({ "refused", "unclear" }, { story.fates[7].fate, story.fates[7].reason })
    end)

    it("in every document is each one's own: no halving", function()
      local story = fill(bulk_story.new({}, function(item) return not item.json:find "misfit" and wrong "n"
        or 201 end), 100)
      indexed_all(story, 100)
      assert.equal(2, story.requests)
      assert.equal(100, story.shipper:counters().repaired)
    end)
  end)

  describe("a request that is too large", function()
    it("for the server is halved, and the next ones are smaller", function()
      local limit = 3 * 1024 * 1024
      local big = '{"x":"' .. ("y"):rep(100000) .. '"}'
      local story = bulk_story.new({ max_bytes = 8 * 1024 * 1024 }, nil, function(request)
        if #request.body > limit then return { status = 413, type = "", body = "" } end
      end)
      for round = 1, 3 do
        for i = 1, 100 do story:put("audit", round .. "-" .. i, big) end
        assert.equal(0, story:settle())
      end
      assert.equal(300, count(story, "indexed"))
      local refused = 0
      for _, request in ipairs(story.log) do if #request.body > limit then refused = refused + 1 end end
      assert.is_true(refused <= 6, tostring(refused))
    end)

    it("alone is refused, and nobody else", function()
      local story = bulk_story.new({ max_bytes = 1 << 20 }, nil, function(request)
        if #request.body > 200000 then return { status = 413, type = "", body = "" } end
      end)
      fill(story, 20)
      story:put("audit", "huge", '{"x":"' .. ("y"):rep(300000) .. '"}')
      fill(story, 20, "after")
      assert.equal(0, story:settle())
      assert.equal(40, count(story, "indexed"))
      assert.same({ "refused", "too_large" }, { story.fates[21].fate, story.fates[21].reason })
    end)

    it("for a limit that answers 429 for ever is halved while others pass", function()
      local big = '{"x":"' .. ("y"):rep(20000) .. '"}'
      local story = bulk_story.new({ max_bytes = 4 << 20, max_documents = 200 }, nil, function(request)
        if #request.body > 600000 then return { status = 429,
          body = '{"error":{"type":"circuit_breaking_exception"}}' } end
      end)
      for i = 1, 200 do story:put("audit", "b" .. i, big) end
      indexed_all(story, 200)
      assert.is_true(story.elapsed < 300, tostring(story.elapsed))
    end)

    it("alone, for a limit that answers 429 for ever, is refused only after long, and while others pass", function()
      local story
      story = bulk_story.new({ retry_for = 200 }, nil, function(request)
        if #request.body > 100000 then return { status = 429,
          body = '{"error":{"type":"circuit_breaking_exception"}}' } end
      end)
      story:put("audit", "huge", '{"x":"' .. ("y"):rep(200000) .. '"}')
      story:settle(1000)
      assert.equal(1, (story.shipper:pending()))
      for i = 1, 50 do
        story:put("audit", "small" .. i, "{}")
        story:settle(30)
      end
      assert.equal(0, story:settle(1000))
      assert.equal("too_large", story.fates[1].reason)
      assert.equal(50, count(story, "indexed"))
    end)
  end)

  describe("a storm of 429", function()
    it("of half an hour loses nothing, backs off, and full speed is back within a minute", function()
      local storm = true
      local story = bulk_story.new({ max_documents = 100, max_in_flight = 8 }, nil, function()
        if storm then return { status = 429, body = "{}" } end
      end)
      local put = 0
      for _ = 1, 1800 do
        for _ = 1, 10 do
          put = put + 1
          story:put("audit", "i" .. put, '{"n":1}')
        end
        for _ = 1, 10 do if not story:turn() then break end end
        story.shipper:pass(1)
      end
      assert.is_true(story.requests < 1800, tostring(story.requests))
      storm = false
      story:settle(60)
      assert.equal(put, count(story, "indexed"))
      assert.equal(0, (story.shipper:pending()))
      -- As many at a time as before.
      for i = 1, 30 do
        for k = 1, 100 do story:put("audit", ("n%d-%d"):format(i, k), "{}") end
        if i % 10 == 0 then story:settle() end
      end
      for i = 1, 900 do story:put("audit", "m" .. i, "{}") end
      assert.equal(8, #story.shipper:flush())
    end)

    it("asked to wait, waits", function()
      local told = false
      local story = fill(bulk_story.new({}, nil, function()
        if not told then
          told = true
          return { status = 429, body = "{}", retry_after = 77 }
        end
      end), 3)
      indexed_all(story, 3)
      assert.is_true(story.elapsed >= 77 and story.elapsed < 80)
    end)
  end)

  describe("several nodes", function()
    it("share the work", function()
      local story = fill(bulk_story.new { nodes = 3, max_documents = 1, max_in_flight = 6 }, 30)
      indexed_all(story, 30)
      local by = {}
      for _, request in ipairs(story.log) do by[request.node] = (by[request.node] or 0) + 1 end
      assert.same({ 10, 10, 10 }, by)
    end)

    it("one that fails is left alone, asked, and used again", function()
      local down = { [2] = true }
      local story = bulk_story.new({ nodes = 3, max_documents = 1, max_in_flight = 6 }, nil, function(request)
        if down[request.node] then return { torn = true } end
      end)
      story.down = down
      fill(story, 60)
      indexed_all(story, 60)
      local to_two = 0
      for _, request in ipairs(story.log) do if request.node == 2 then to_two = to_two + 1 end end
      assert.is_true(to_two <= 2, tostring(to_two))
      down[2] = nil
      for _ = 1, 100 do
        story.shipper:pass(0.5)
        story:turn()
      end
      local before = #story.log
      fill(story, 30, "later")
      indexed_all(story, 90)
      to_two = 0
      for i = before + 1, #story.log do if story.log[i].node == 2 then to_two = to_two + 1 end end
      assert.equal(10, to_two)
    end)

    it("all down: waits with growing pauses, and goes on", function()
      local story = fill(bulk_story.new({ nodes = 2 }, nil, function(_,
        s) if s.elapsed < 600 then return {} end end), 10)
      story.down = setmetatable({}, { __index = function() return story.elapsed < 600 end })
      indexed_all(story, 10)
      assert.is_true(story.requests < 10, tostring(story.requests))
      assert.is_true(story.elapsed < 640)
    end)

    it("all down: says once what follows, and once that it is over", function()
      local folder = process.folder()
      shipper.log_to(folder .. "/log")
      finally(function()
        shipper.log_to(-1)
        process.clean()
      end)
      local down = true
      local story = fill(bulk_story.new({ nodes = 2 }, nil, function() if down then return {} end end), 10)
      story.down = setmetatable({}, { __index = function() return down end })
      local function lines(event)
        return select(2, process.read(folder .. "/log"):gsub("event=" .. event .. " ", ""))
      end
      for episode = 1, 2 do
        down = true
        story:put("audit", "more" .. episode, "{}")
        story:settle(3600)
        assert.equal(episode, lines "no_node_answers")
        assert.equal(episode - 1, lines "nodes_answer_again")
        down = false
        story:settle()
        story:turn()
        assert.equal(episode, lines "nodes_answer_again")
      end
      assert.matches("effect=.*in the journal if there is one; without.*cure=", process.read(folder .. "/log"))
    end)
  end)

  describe("credentials that are refused", function()
    it("stop everything but one attempt now and then", function()
      local wrong_key = true
      local story = bulk_story.new({ max_documents = 10 }, nil, function()
        if wrong_key then return { status = 401, body = '{"error":{"type":"security_exception"}}' } end
      end)
      fill(story, 200)
      story:settle(3600)
      assert.equal(200, (story.shipper:pending()))
      assert.is_true(story.requests < 150, tostring(story.requests))
      wrong_key = false
      story.shipper:try_again()
      assert.is_true(story:turn())
      indexed_all(story, 200)
    end)
  end)

  it("sends a compressed request that ends the connection twice as it is", function()
    local story = fill(bulk_story.new({ compressed = true }, nil, function(request)
      if not request.plain then return { torn = true } end
    end), 5)
    indexed_all(story, 5)
    assert.equal(3, story.requests)
  end)

  it("forgets nothing when thousands of indices pass by", function()
    local story = bulk_story.new { max_documents = 50 }
    for i = 1, 3000 do
      story:put("index-" .. i, "id" .. i, "{}", "fallback-" .. i % 500)
      if i % 100 == 0 then story:turn() end
    end
    indexed_all(story, 3000)
  end)

  it("R7: whatever mix of answers comes, each document ends as it should, exactly once", function()
    local moments = {
      { 429, "es_rejected_execution_exception", "rejected" }, { 503, "unavailable_shards_exception", "no" },
      { 502 }, { 504 }, { 500, "node_not_connected_exception", "n" }, { 404, "shard_not_found_exception",
        "no such shard" },
      { 429, "circuit_breaking_exception", "[parent] Data too large" },
    }
    local race = { 400, "illegal_argument_exception", "mapper [n] cannot be changed from type [text] to [long]" }
    -- What the server does with a document of each kind, and what has to come of it.
    local kinds = {
      good = { function() return 201 end, "indexed" },
      there = { function() return { 409, "version_conflict_engine_exception", "x" } end, "exists" },
      later = { function(item) return item.tries <= 1 + #item.id % 3 and moments[1 + #item.id % #moments] or 201 end,
        "indexed" },
      gone = { function(item)
        return item.tries == 1 and { 404, "index_not_found_exception", "no such index [x]" } or 201
      end, "indexed" },
      race = { function(item) return item.tries == 1 and race or 201 end, "indexed" },
      racing = { function(item) return item.tries <= 2 and race or 201 end, "indexed", true },
      field = { function(item) return item.json:find "misfit" and 201 or wrong "n" end, "indexed", true },
      free = { function(item) return item.json:find "misfit" and 201 or { 400, MP, "failed to parse" } end,
        "indexed", true },
      poison = { function() return wrong "n" end, "refused" },
      no_id = { function() return { 400, "illegal_argument_exception",
        "if _id is specified it must not be empty" } end, "refused" },
      bad_name = { function(item)
        return item.index == "fallback" and 201 or { 400, "invalid_index_name_exception", "Invalid index name" }
      end, "indexed", nil, true },
      shut = { function(_, story)
        return story.elapsed < story.opens and blocked or 201
      end, "indexed" },
    }
    local names = {}
    for name in pairs(kinds) do names[#names + 1] = name end
    table.sort(names)
    local wholes = {
      { status = 503, body = "{}" }, { status = 429, body = "{}" }, {}, { torn = true }, { status = 200,
        body = '{"items":[' },
      { status = 200, body = "{}" }, { status = 502, type = "text/html", body = "<html>" }, { status = 500,
        body = "{}" },
      { status = 200, type = "text/html", body = "<html>" }, { status = 413, type = "", body = "" },
      { status = 401, body = "{}" }, { status = 302, type = "", body = "" },
    }
    local rounds = tonumber(os.getenv "R7_ROUNDS" or "") or (os.getenv "FLAVOR" == "asan" and 1000 or 10000)
    for round = 1, rounds do
      local n = math.floor(500 ^ math.random())
      local trouble = math.random(0, 3)
      local story = bulk_story.new({ max_documents = math.random(500), max_in_flight = math.random(4), seed = round,
        nodes = math.random(2), compressed = math.random(2) == 1 }, function(item, story)
        return kinds[item.json:match '"k":"([%w_]+)"'][1](item, story)
      end, function()
        if math.random(100) <= trouble * 5 then return wholes[math.random(#wholes)] end
      end)
      story.opens = math.random(0, 20)
      local expected, wanted = {}, {}
      local bad = math.random(100)
      for i = 1, n do
        local kind = math.random(100) > bad and "good" or names[math.random(#names)]
        local index = kind == "shut" and "shut" or kind == "bad_name" and "Bad" or "audit-" .. math.random(3)
        local id = ("%d-%d-%s"):format(round, i, kind)
        expected[story:put(index, id, ('{"n":1,"k":"%s","args":{}}'):format(kind), "fallback")] = kinds[kind]
        if kinds[kind][2] == "indexed" then wanted[(kind == "bad_name" and "fallback" or index) .. "/" .. id] = true end
      end
      assert.equal(0, story:settle(), "round " .. round)
      assert.equal(n, story.calls)
      for cookie, want in pairs(expected) do
        local got = story.fates[cookie]
        -- A request whose answer was lost may have been stored by this server only when it said so, so "exists" is
        -- not to be expected.
        if got.fate ~= want[2] or got.repaired ~= (want[3] or false) or (want[4] and not got.rerouted) then
          error(("round %d: %s, repaired %s, reason %s; wanted %s"):format(round, got.fate, got.repaired, got.reason,
            want[2]))
        end
      end
      -- What is said to be indexed is there, once and where it belongs, and nothing else is.
      for key in pairs(story.stored) do wanted[key] = not wanted[key] or nil end
      assert(next(wanted) == nil, ("round %d: %s"):format(round, next(wanted)))
      local _, held = story.shipper:pending()
      assert.equal(0, held)
      story:close()
    end
  end)
end)
