-- From `auditrecv send` to documents that a search finds, every field as it was in the record.
local bsm = require "spec.support.bsm_build"
local documents = require "spec.servers.documents"
local http = require "spec.servers.http"
local receiver = require "spec.servers.receiver"
local shared = require "spec.servers.shared"

local big = "9007199254740993" -- 2^53 + 1: the first integer that a double cannot hold

-- What each record is for, its tokens, and what must stand in its document.
local cases = {
  {
    about = "64-bit integers and nanoseconds",
    record = bsm.record {
      event = "execve", time = { 1700000000, 1 },
      bsm.arg64 { 1, "least", math.mininteger }, bsm.arg64 { 2, "most", math.maxinteger },
      bsm.arg64 { 3, "odd", math.tointeger(tonumber(big)) }, bsm.arg32 { 4, "small", 0xFFFFFFFE },
      bsm.path "/usr/bin/ls",
      bsm.attr64 { mode = "100644", uid = 0xFFFFFFFF, fsid = 0xFFFFFFFF, node = -1, dev = math.mininteger },
      bsm.subject64 { audit_id = 0xFFFFFFFE, uid = 4294967293, session_id = 4294967295 },
      bsm.return64 { 0, math.tointeger(tonumber(big)) },
    },
    expect = {
      ["time"] = "2023-11-14T22:13:20.000000001Z", ["return"] = math.tointeger(tonumber(big)),
      ["args.least"] = math.mininteger, ["args.most"] = math.maxinteger, ["args.small"] = -2,
      ["args.odd"] = math.tointeger(tonumber(big)), ["attributes.inode_hex"] = "FFFFFFFFFFFFFFFF",
      ["attributes.devid"] = "-9223372036854775808", ["attributes.uid"] = -1, ["attributes.fsid"] = 4294967295,
      ["subject.audit_id"] = -2, ["subject.uid"] = 4294967293,
    },
    contains = { '"least":-9223372036854775808', '"most":9223372036854775807', '"odd":' .. big },
  },
  {
    about = "the last nanosecond of a day, and empty lists",
    record = bsm.record {
      event = "execve", time = { 1700006399, 999999999 }, bsm.path "", bsm.exec_args {}, bsm.exec_env {},
      bsm.newgroups {}, bsm.subject64 { audit_id = 1001 }, bsm.return64 { "eperm", -1 },
    },
    expect = {
      ["time"] = "2023-11-14T23:59:59.999999999Z", ["path"] = "", ["exec_args"] = {}, ["groups"] = {},
      ["errno"] = "eperm", ["outcome"] = "failure",
    },
    contains = { '"exec_args":[]', '"groups":[]', '"exec_env":{}' },
  },
  {
    about = "odd bytes",
    record = bsm.record {
      event = "execve", time = { 1700000002, 5 },
      bsm.path "/tmp/caf\xFF",
      bsm.exec_args { "caf\xFF\\", "back\\slash", "\u{65e5}\u{672c}", "\1\t\r\n\127\"", "\u{2028}", "" },
      bsm.subject64 { audit_id = 1001 }, bsm.return64 { 0, 0 },
    },
    expect = {
      ["path"] = "/tmp/caf\\xFF",
      ["exec_args"] = { "caf\\xFF\\\\", "back\\slash", "\u{65e5}\u{672c}", "\1\t\r\n\127\"", "\u{2028}", "" },
    },
    contains = { [["path":"/tmp/caf\\xFF"]] },
  },
  {
    about = "names that would spoil a mapping",
    record = bsm.record {
      event = "execve", time = { 1700000003, 0 }, bsm.path "/usr/bin/env",
      bsm.exec_args { "env" },
      bsm.exec_env { "A=1", "a.b=2", ".=3", "a..b=4", " =5", "=6", "_id=7", "A=8", "bare", "x=" },
      bsm.arg32 { 1, "twice", 1 }, bsm.arg32 { 2, "twice", 2 }, bsm.arg32 { 3, "", 3 },
      bsm.subject64 { audit_id = 1001 }, bsm.return64 { 0, 0 },
    },
    expect = { ["args.twice"] = { 1, 2 } },
    contains = { '"a..b":"4"' },
  },
  {
    about = "a long value in every field that can be long",
    record = bsm.record {
      event = "execve", time = { 1700000004, 0 }, bsm.path("/" .. ("p"):rep(20000)), bsm.text(("t"):rep(60000)),
      bsm.exec_args { "sh", "-c", ("\u{65e5}"):rep(50000) }, bsm.exec_env { "SHORT=" .. ("v"):rep(15000) },
      bsm.subject64 { audit_id = 1001 }, bsm.return64 { 0, 0 },
    },
    expect = { ["text"] = { ("t"):rep(60000) }, ["exec_env.SHORT"] = ("v"):rep(15000) },
    contains = {},
  },
}

-- A field of nested tables by its dotted path.
local function at(value, path)
  for name in path:gmatch "[^.]+" do value = type(value) == "table" and value[name] or nil end
  return value
end

local function without_marks(value)
  if type(value) ~= "table" then return value end
  local plain = {}
  for key, item in pairs(value) do plain[key] = without_marks(item) end
  return plain
end

-- The document without what only the stream adds; the text is cut, not decoded and encoded.
local function without_stream(text)
  for _, pattern in ipairs {
    '"from":"[^"]*",?', '"host":"[^"]*",?', '"received":"[^"]*",?', '"sender_sequence":%d+,?',
  } do
    text = text:gsub(pattern, "", 1)
  end
  return text
end

describe("a trail", function()
  local index = "audit-spec-trail"
  local node, d, trail, sources

  setup(function()
    node = shared.node()
    d = receiver.start { index = index, output = { urls = { node:url() } } }
    receiver.install_template(d)
    local records = {}
    for i, case in ipairs(cases) do records[i] = case.record end
    trail = receiver.write(bsm.trail(records))
    receiver.send(d, trail)
    sources = documents.sources(node, index)
  end)

  teardown(function()
    if d then receiver.give_up(d) end
    node:ask("DELETE", "/" .. index)
  end)

  it("becomes one document a record", function() assert.are.equal(#cases, #sources) end)

  for i, case in ipairs(cases) do
    it("brings back exact: " .. case.about, function()
      local document = http.decode(assert(sources[i]))
      for path, expected in pairs(case.expect) do
        assert.are.same(expected, without_marks(at(document, path)), path)
        if type(expected) == "number" then assert.are.equal("integer", math.type(at(document, path)), path) end
      end
      for _, text in ipairs(case.contains) do
        assert.is_truthy(sources[i]:find(text, 1, true), text .. " in " .. sources[i]:sub(1, 3000))
      end
      assert.are.equal(i, document.sender_sequence)
      assert.are.equal("127.0.0.1", document.from)
      assert.is_truthy(document.received:match "^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%d%d%d%dZ$")
    end)
  end

  it("has in the server what `auditrecv decode` prints, to the byte, but for what the stream adds", function()
    local lines = receiver.decode(trail)
    for i = 1, #cases do assert.are.equal(lines[i], without_stream(sources[i])) end
  end)

  describe("is found by", function()
    local searches = {
      { "event", { term = { event = "execve" } }, 5 },
      { "event.keyword, as older dashboards ask", { term = { ["event.keyword"] = "execve" } }, 5 },
      { "a 64-bit return value", { term = { ["return"] = math.tointeger(tonumber(big)) } }, 1 },
      { "not its neighbour", { term = { ["return"] = math.tointeger(tonumber(big)) - 1 } }, 0 },
      { "an exact nanosecond", { range = { time = {
        gte = "2023-11-14T22:13:20.000000001Z", lte = "2023-11-14T22:13:20.000000001Z" } } }, 1 },
      { "not the nanosecond before", { range = { time = {
        gte = "2023-11-14T22:13:20.000000000Z", lt = "2023-11-14T22:13:20.000000001Z" } } }, 0 },
      { "a range of time", { range = { time = { gte = "2023-11-14T22:13:20Z", lt = "2023-11-14T22:13:23Z" } } }, 2 },
      { "the network of the sender", { term = { from = "127.0.0.0/8" } }, 5 },
      { "an argument of the command", { term = { exec_args = "caf\\xFF\\\\" } }, 1 },
      { "a path with an odd byte", { term = { path = "/tmp/caf\\xFF" } }, 1 },
      { "a negative id in an object", { term = { ["subject.audit_id"] = -2 } }, 1 },
      { "the fields that hold escapes", { term = { escaped = "path" } }, 1 },
      { "outcome", { term = { outcome = "failure" } }, 1 },
      { "the sender as text", { term = { ["from.keyword"] = "127.0.0.1" } }, 5 },
    }
    if shared.template_name() ~= "opensearch-1" then
      for _, search in ipairs {
        { "a named argument", { term = { ["args.most"] = math.maxinteger } }, 1 },
        { "one of an argument's values", { term = { ["args.twice"] = 2 } }, 1 },
        { "any argument", { term = { args = "9223372036854775807" } }, 1 },
        { "a variable of the environment", { term = { ["exec_env.A"] = "1" } }, 1 },
        { "a variable with a dot in its name", { term = { ["exec_env.a.b"] = "2" } }, 1 },
        { "a variable's being there", { exists = { field = "exec_env.A" } }, 1 },
      } do searches[#searches + 1] = search end
    end
    for _, search in ipairs(searches) do
      it(search[1], function() assert.are.equal(search[3], documents.count(node, index, search[2])) end)
    end

    it("a sort by nanoseconds", function()
      local found = node:must("GET", "/" .. index .. "/_search", { sort = { { time = "desc" } }, size = 1 })
      assert.are.equal("2023-11-14T23:59:59.999999999Z", found.hits.hits[1]._source.time)
    end)
  end)

  it("of many records, sent again: every one is there already, and none twice", function()
    local many = receiver.generate(3000, 11)
    local before = receiver.counts(d)
    receiver.send(d, many, 300)
    local first = receiver.counts(d)
    assert.are.equal(3000, first.indexed - before.indexed)
    assert.are.equal(0, first.existed - before.existed)
    assert.are.equal(#cases + 3000, documents.count(node, index))
    receiver.send(d, many, 300)
    local second = receiver.counts(d)
    assert.are.equal(3000, second.resent - first.resent) -- recognised here
    d:stop()
    d = receiver.start { index = index, output = { urls = { node:url() } }, again = d }
    receiver.send(d, many, 300)
    local third = receiver.counts(d)
    assert.are.same({ 0, 3000, 0 }, { third.indexed, third.existed, third.waiting }) -- recognised there
    assert.are.equal(#cases + 3000, documents.count(node, index))
    assert.are.same({}, d:dead())
  end)

  it("ends with the receiver in good order", function()
    local status, counts = d:stop()
    assert.are.equal(0, status)
    assert.are.equal(0, counts.waiting)
    assert.are.equal(3000, counts.received)
    assert.are.equal(counts.received, counts.acknowledged)
  end)
end)
