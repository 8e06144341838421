-- A document that the server refuses is repaired, or set aside; its neighbours go in.
local bsm = require "spec.support.bsm_build"
local documents = require "spec.servers.documents"
local http = require "spec.servers.http"
local receiver = require "spec.servers.receiver"
local server = require "spec.servers.server"
local shared = require "spec.servers.shared"

local COUNT = 60

-- Records whose path is a number in text, which an index may take for a number; but those at `odd`.
local function write_trail(odd, tokens)
  local records = {}
  for i = 1, COUNT do
    records[i] = bsm.record {
      event = "execve", time = { 1700000000 + i, i },
      bsm.path(odd[i] and "/not/a/number" or tostring(i)), odd[i] and tokens or "",
      bsm.subject64 { audit_id = 1001 }, bsm.return64 { 0, 0 },
    }
  end
  return receiver.write(bsm.trail(records))
end

describe("a document that the server refuses", function()
  local node, d, trail, index
  local odd = { [1] = true, [17] = true, [18] = true, [COUNT] = true }

  local function begin(name, options, tokens)
    node, index = shared.node(), name
    options.index, options.output = index, { urls = { node:url() } }
    d = receiver.start(options)
    receiver.install_template(d)
    trail = write_trail(odd, tokens)
  end

  after_each(function()
    if d then receiver.give_up(d) end
    if index then node:ask("DELETE", "/" .. index) end
    d, trail, index = nil, nil, nil
  end)

  local function repaired_fields(field)
    local sources = documents.sources(node, index)
    assert.are.equal(COUNT, #sources)
    local values = {}
    for i, text in ipairs(sources) do
      local document = http.decode(text)
      if odd[i] then
        assert.is_nil(document[field], text)
        assert.is_table(document.misfit, text)
        values[#values + 1] = document.misfit[field]
        local tagged = false
        for _, tag in ipairs(document.tags or {}) do tagged = tagged or tag == "misfit" end
        assert.is_true(tagged, text)
      else
        assert.is_nil(document.misfit, text)
      end
    end
    return values
  end

  it("for a field that the index has with another type is repaired", function()
    -- Somebody has made this index by hand, and our template is not for it.
    begin("spec-typed", {})
    node:must("PUT", "/" .. index, { mappings = { properties = { path = { type = "long" } } } })
    receiver.send(d, trail)
    local counts = receiver.counts(d)
    assert.are.equal(COUNT, counts.indexed)
    assert.are.equal(0, counts.dead)
    assert.are.same({ "/not/a/number", "/not/a/number", "/not/a/number", "/not/a/number" }, repaired_fields("path"))
    -- The repaired ones keep their ids: sent again, to a receiver that does not remember them, they are there already.
    d:stop()
    d = receiver.start { index = index, output = { urls = { node:url() } }, again = d }
    receiver.send(d, trail)
    assert.are.equal(COUNT, receiver.counts(d).existed)
    assert.are.equal(COUNT, documents.count(node, index))
  end)

  it("for what a rule made of an object is repaired", function()
    begin("audit-spec-ruled", { rules = { ["spoil.lua"] = [[
      local rule = require "auditrecv.rule"
      return rule {
        name = "spoil", about = "writes text where every document has an object",
        when = { path = "/not/a/number" },
        apply = function(doc) doc.subject = "somebody" end,
      }]] } })
    receiver.send(d, trail)
    assert.are.equal(COUNT, receiver.counts(d).indexed)
    assert.are.same({ "somebody", "somebody", "somebody", "somebody" }, repaired_fields("subject"))
  end)

  it("for a time that a rule made an object of goes in without it, or is set aside", function()
    -- Elasticsearch 9 does not name the field here, and OpenSearch takes it as it is.
    begin("audit-spec-time", { rules = { ["spoil.lua"] = [[
      local rule = require "auditrecv.rule"
      return rule {
        name = "spoil", about = "writes an object where every document has a time",
        when = { path = "/not/a/number" },
        apply = function(doc) doc.time = { ["not"] = "a time" } end,
      }]] } })
    receiver.send(d, trail)
    local counts = receiver.counts(d)
    local kept = server.name == "elasticsearch-9" and 4 or 0
    assert.are.equal(kept, counts.dead)
    assert.are.equal(kept, #d:dead())
    assert.are.equal(COUNT - kept, counts.indexed)
    assert.are.equal(COUNT - kept, documents.count(node, index))
  end)

  it("and cannot be repaired is set aside with its record", function()
    begin("spec-strict", {})
    node:must("PUT", "/" .. index, { mappings = { dynamic = "strict", properties = {
      misfit = { type = "object", properties = { nothing = { type = "keyword" } }, dynamic = "strict" } } } })
    receiver.send(d, trail)
    local counts = receiver.counts(d)
    assert.are.equal(COUNT, counts.dead)
    assert.are.equal(0, counts.indexed)
    assert.are.equal(0, documents.count(node, index))
    local letters = d:dead()
    assert.are.equal(COUNT, #letters)
    local sequences = {}
    for _, letter in ipairs(letters) do
      assert.are.equal("mapping", letter.reason)
      assert.are.equal("\x74", letter.record:sub(1, 1))
      sequences[letter.sender_sequence] = true
    end
    for i = 1, COUNT do assert.is_true(sequences[i], "sequence " .. i) end
    -- What the server says quotes the document, and so has no place in the log.
    assert.is_nil(d:log():find("/not/a/number", 1, true))
  end)

  it("for a variable that is too long for its kind of field keeps it under misfit", function()
    local long = ("v"):rep(40000)
    begin("audit-spec-long", {}, bsm.exec_env { "LONG=" .. long, "SHORT=x" })
    receiver.send(d, trail)
    local counts = receiver.counts(d)
    assert.are.equal(COUNT, counts.indexed)
    assert.are.equal(0, counts.dead)
    for i, text in ipairs(documents.sources(node, index)) do
      if odd[i] then
        local document = http.decode(text)
        local env = document.exec_env or document.misfit.exec_env
        assert.are.equal(long, env.LONG)
        assert.are.equal("x", env.SHORT)
        assert.are.equal(server.product == "opensearch" and server.major > 1, document.misfit ~= nil)
      end
    end
  end)
end)
