-- Lookups, as rules write them: declared at load, asked in a straight line, answered by somebody else.
local core = require "core.script"
local fake_asker = require "spec.support.fake_asker"
local json = require "spec.support.json"
local rules_directory = require "spec.support.rules_directory"

core.log(2, "error")

local zone = "5f3c1d52-8a07-4e6b-9d41-0c2b7e9a1f10"
local bytes = a_record.bytes { path = "/usr/bin/id", zonename = zone }

local SOURCES = [[local lookup = require "auditrecv.lookup"
  local vm = lookup.source { name = "vm", service = "vmapi", path = "/vms/{key}", key = "uuid" } ]]

-- One rule with this body, in a file with this in front.
local function file(body, more, before)
  return SOURCES .. (before or "") .. ("return rule { name = 'zone', about = 'x', phase = 'enrich', %s "):format(
    more or "") .. "apply = function(doc) " .. body .. " end }"
end

local function open(body, asker, options)
  options = options or {}
  options.asker = asker
  return rules_directory.open(type(body) == "table" and body or { ["a.lua"] = file(body) }, options)
end

-- What a rule with this body makes of the record when this is known of its zone.
local function document(body, answer, word)
  local asker = fake_asker.new()
  if word then asker:say("vm", zone, word) else asker:know("vm", zone, answer) end
  local script = open(body, asker)
  local result = script:run(bytes)
  script:close()
  return json.decode(result.json), result
end

describe("core.script asks", function()
  it("what is known: an answer, at once", function()
    local doc, result = document("local a = vm(doc.zonename) doc.zonealias = a.owner .. '-' .. a.alias",
      { alias = "web", owner = "racing" })
    assert.equal("racing-web", doc.zonealias)
    assert.same({ "index" }, { result.verdict, result.incomplete })
  end)

  it("a source by its name in the module too, from another file", function()
    local asker = fake_asker.new()
    asker:know("vm", zone, { alias = "web" })
    local script = open({
      ["a.lua"] = file("doc.zonealias = require 'auditrecv.lookup'.vm(doc.zonename).alias"),
      ["b.lua"] = "local lookup = require 'auditrecv.lookup' return rule { name = 'b', about = 'x', phase = 'enrich', "
        .. "apply = function(doc) doc.second = lookup.vm(doc.zonename).alias end }",
    }, asker)
    local doc = json.decode(script:run(bytes).json)
    assert.same({ "web", "web" }, { doc.zonealias, doc.second })
  end)

  it("what is known not to be: nil, and no tag", function()
    local doc, result = document("doc.zonealias = tostring(vm(doc.zonename))", nil, "nothing")
    assert.same({ "nil", nil, nil }, { doc.zonealias, doc.tags, result.incomplete })
  end)

  it("what is not to be had: nil, and one tag behind those of rules", function()
    local doc, result = document(
      "doc.tags = { 'mine' } vm(doc.zonename) doc.zonealias = tostring(vm(doc.zonename))", nil, "missing")
    assert.same({ "nil", { "mine", "lookup_missing:vm" }, true }, { doc.zonealias, doc.tags, result.incomplete })
  end)

  it("and hears whether there is none or it is missing, should that matter", function()
    for word, second in pairs { missing = "missing", nothing = "nil" } do
      local doc = document("local a, why = vm(doc.zonename) doc.q = { tostring(a), tostring(why) }", nil, word)
      assert.same({ "nil", second }, doc.q)
    end
  end)

  it("nobody, when the key is nil: nil, and no tag", function()
    local asker = fake_asker.new()
    local script = open("doc.zonealias = tostring(vm(doc.nothing)) .. tostring(vm())", asker)
    local result = script:run(bytes)
    assert.same({ "nilnil", 0, nil }, { json.decode(result.json).zonealias, #asker.asked, result.incomplete })
  end)

  it("an integer by its text, and says what a key cannot be", function()
    local asker = fake_asker.new()
    asker:know("vm", "17", { alias = "seventeen" })
    local script = open("doc.a = vm(17).alias doc.b = select(2, pcall(vm, {})) doc.c = select(2, pcall(vm, 1.5))",
      asker)
    local doc = json.decode(script:run(bytes).json)
    assert.same({ "seventeen", "lookup.vm wants a text or an integer, not a table",
      "lookup.vm wants a text or an integer, not a number" }, { doc.a, doc.b, doc.c })
  end)

  it("nobody for a key that is longer than any", function()
    local asker = fake_asker.new()
    local script = open("doc.a = tostring(vm(('x'):rep(1025)))", asker)
    assert.same({ "nil", 0 }, { json.decode(script:run(bytes).json).a, #asker.asked })
  end)

  it("every kind of value, exactly", function()
    local doc = document([[
      local a = vm(doc.zonename)
      doc.got = { a.int, a.big, a.half, a.yes, a.no == false, a.null == nil, a.text, #a.list, a.list[2], a.deep.er[1].x,
        #a.none, a["__index"] == nil, a.nothing == nil }]],
      { json = [[{"int":1700000000000300032,"big":1e300,"half":0.5,"yes":true,"no":false,"null":null,
        "text":"caf\u00e9 \ud83d\ude00\n","list":["a","b",null,"c"],"deep":{"er":[{"x":"y"}]},"none":[],"__x":1}]] })
    assert.same({ 1700000000000300032, 1e300, 0.5, true, true, true, "café 😀\n", 3, "b", "y", 0, true, true },
      doc.got)
  end)

  it("a text that is the whole answer", function()
    assert.equal("racing", document("doc.zonealias = vm(doc.zonename)", { json = '"racing"' }).zonealias)
    assert.same({ "nil" }, { document("doc.q = tostring(vm(doc.zonename))", { json = "null" }).q })
    assert.same({ false }, { document("doc.q = vm(doc.zonename)", { json = "false" }).q })
  end)

  it("nothing of an answer that is no JSON, or nests too deeply: missing", function()
    for _, text in ipairs { "", "{", '{"a":}', "<html>", "[1,2", '{"a":1}x', ("["):rep(40) .. ("]"):rep(40),
      '{"a":' .. ("9"):rep(100) .. "}" } do
      local doc, result = document("doc.q = tostring(vm(doc.zonename))", { json = text })
      assert.same({ "nil", { "lookup_missing:vm" }, true }, { doc.q, doc.tags, result.incomplete }, text)
    end
  end)

  it("nothing that is not JSON, however it came to be: the rule has a value, or the tag", function()
    math.randomseed(7)
    local text = [=[{"alias":"caf\u00e9","n":[1,-2.5e3,true,null],"o":{"x":{"y":"z"}},"list":["a",["b"]]}]=]
    local asker = fake_asker.new()
    local script = open("local a, why = vm(doc.zonename) doc.zone, doc.why = a, why", asker)
    for _ = 1, 3000 do
      local bytes_of = { text:byte(1, -1) }
      for _ = 1, math.random(3) do
        local at = math.random(#bytes_of)
        local what = math.random(3)
        if what == 1 then bytes_of[at] = math.random(0, 255)
        elseif what == 2 then table.remove(bytes_of, at)
        else table.insert(bytes_of, at, ('{}[],:"\\0'):byte(math.random(9))) end
      end
      asker:know("vm", zone, { json = string.char(table.unpack(bytes_of)) })
      local result = script:run(bytes)
      local doc = json.decode(result.json)
      assert.equal(doc.why == "missing", result.incomplete == true)
      assert.is_nil(result.json:find("rule_failed", 1, true))
    end
  end)

  for what, case in pairs {
    ["names that mean something to Lua are data"] = { [[{"__index":{"a":1},"__metatable":5,"__gc":1,"__pairs":2}]],
      [[{"__gc":1,"__index":{"a":1},"__metatable":5,"__pairs":2}]] },
    ["numbers beyond any are null"] = { '{"big":1e999,"small":-1e999,"tiny":1e-999}',
      '{"big":null,"small":null,"tiny":0}' },
    ["of two members of one name the later one counts"] = { '{"a":1,"a":2}', '{"a":2}' },
    ["a NUL is a character, half of a pair none"] = { [[{"a":"x\u0000y","b":"\ud800"}]],
      '{"a":"x\\u0000y","b":"\u{FFFD}"}' },
    ["bytes that are no UTF-8 are spelled as everywhere"] = { '{"a":"\255\254"}', [[{"a":"\\xFF\\xFE"}]] },
    ["gaps in a list close"] = { "[null,1,null]", "[1]" },
  } do
    it("odd answers, and " .. what, function()
      local _, result = document("doc.answer = vm(doc.zonename)", { json = case[1] })
      assert.matches('"answer":' .. case[2], result.json, 1, true)
    end)
  end

  it("an answer again when its version is another one, and reads it once otherwise", function()
    local asker = fake_asker.new()
    local script = open("doc.zonealias = vm(doc.zonename).alias", asker)
    asker:know("vm", zone, { alias = "one" })
    assert.equal("one", json.decode(script:run(bytes).json).zonealias)
    asker.known["vm/" .. zone].json = '{"alias":"never read"}'
    assert.equal("one", json.decode(script:run(bytes).json).zonealias)
    asker:know("vm", zone, { alias = "two" })
    assert.equal("two", json.decode(script:run(bytes).json).zonealias)
  end)

  it("sources with the same keys apart", function()
    local asker = fake_asker.new()
    local script = open({ ["a.lua"] = file("doc.q = { vm(doc.zonename).a, lookup.login(doc.zonename).a }", nil,
      "lookup.source { name = 'login', service = 'mahi', path = '/x/{key}' } ") }, asker)
    asker:know("vm", zone, { a = "vm" })
    asker:know("login", zone, { a = "login" })
    for _ = 1, 2 do assert.same({ "vm", "login" }, json.decode(script:run(bytes).json).q) end
  end)

  it("for more answers than the state may hold", function()
    local asker = fake_asker.new()
    local script = open("doc.q = vm(doc.path).text:len()", asker, { max_heap = 4 << 20 })
    for i = 1, 200 do
      local key = "/" .. i
      asker:know("vm", key, { text = ("x"):rep(20000 + i) })
      assert.equal(20000 + i, json.decode(script:run(a_record.bytes { path = key }).json).q)
    end
    assert.same({ 0, true }, { script:work().rebuilt, script:work().heap < 4 << 20 })
  end)
end)

describe("core.script: an answer", function()
  local answer = { alias = "web", nics = { { ip = "192.0.2.1" } }, list = { "a", "b" }, tags = { role = "www" } }

  for what, change in pairs {
    ["a field"] = "a.alias = 'mine'",
    ["a field of its own"] = "a.mine = 1",
    ["a field further in"] = "a.tags.role = 'mine'",
    ["an element"] = "a.list[1] = 'mine'",
    ["one more element"] = "a.list[3] = 'mine'",
    ["a field, past the metatable"] = "rawset(a, 'alias', 'mine')",
    ["an element, by table.insert"] = "table.insert(a.list, 'mine')",
    ["the order"] = "table.sort(a.list, function() return true end)",
    ["its metatable"] = "setmetatable(a, nil)",
    ["what its walk is over"] = "local _, s = pairs(a) s.alias = 'mine'",
    ["what its walk is over, past the metatable"] = "local _, s = pairs(a) rawset(s, 'alias', 'mine')",
    ["its content"] = "getmetatable(a).__index.alias = 'mine'",
  } do
    it("is not changed by a rule: " .. what, function()
      local asker = fake_asker.new()
      asker:know("vm", zone, answer)
      local script = open("local a = vm(doc.zonename) doc.ok = pcall(function() " .. change .. " end) doc.zone = a",
        asker)
      for _ = 1, 2 do
        local doc = json.decode(script:run(bytes).json)
        assert.same({ false, answer }, { doc.ok, doc.zone })
      end
      script:close()
    end)
  end

  it("says how one gets a table of one's own", function()
    local doc = document([[
      local a = vm(doc.zonename)
      doc.why = select(2, pcall(function() a.alias = 1 end))
      local mine = require 'auditrecv.lookup'.copy(a)
      mine.alias, mine.tags.role, mine.list[3] = 'mine', 'x', 'c'
      doc.zone, doc.list = a, table.concat(mine.list, ',') .. mine.alias .. mine.tags.role]], answer)
    assert.equal("a.lua:3: the answer of a lookup cannot be changed: lookup.copy(answer) makes one that can", doc.why)
    assert.same({ answer, "a,b,cminex" }, { doc.zone, doc.list })
  end)

  it("is walked over like any table", function()
    local doc = document([[
      local a, seen = vm(doc.zonename), {}
      for k, v in pairs(a) do seen[#seen + 1] = k .. ":" .. type(v) end
      for k, v in next, a.tags do seen[#seen + 1] = k .. ":" .. v end
      for i, v in ipairs(a.list) do seen[#seen + 1] = i .. ":" .. v end
      for i, v in pairs(a.list) do seen[#seen + 1] = i .. ":" .. v end
      seen[#seen + 1] = rawget(a, "alias")
      table.sort(seen)
      doc.seen = seen]], answer)
    assert.same({ "1:a", "1:a", "2:b", "2:b", "alias:string", "list:table", "nics:table", "role:www", "tags:table",
      "web" }, doc.seen)
  end)

  it("becomes part of a document, whole or in part, and is asked by the `when` of later rules", function()
    local asker = fake_asker.new()
    asker:know("vm", zone, answer)
    local script = open({
      ["a.lua"] = file("local a = vm(doc.zonename) doc.zone, doc.nets, doc.process = a, { list = a.nics }, a.tags",
        "adds = { 'zone' },"),
      ["b.lua"] = "return rule { name = 'b', about = 'x', phase = 'enrich', when = { zone = { tags = { role = 'www' }, "
        .. "list = 'b', nics = { ip = rule.prefix '192.' } } }, apply = function(doc) doc.second = true end }",
    }, asker)
    local doc = json.decode(script:run(bytes).json)
    assert.same({ answer, { list = answer.nics }, answer.tags, true }, { doc.zone, doc.nets, doc.process, doc.second })
  end)

  it("that is an empty list stays one in the document", function()
    local asker = fake_asker.new()
    asker:know("vm", zone, { json = '{"none":[],"empty":{}}' })
    local script = open("doc.zone = vm(doc.zonename)", asker)
    assert.truthy(script:run(bytes).json:find('"zone":{"empty":{},"none":[]}', 1, true))
  end)
end)

describe("core.script: a source", function()
  it("is handed on as JSON, with its defaults, in one form", function()
    local asker = fake_asker.new()
    open({ ["a.lua"] = [[local lookup = require "auditrecv.lookup"
      lookup.source { keep = 60, none = { 404, { status = 410, code = "Gone\"" } }, service = "vmapi", name = "vm",
        batch = { path = "/vms?uuids={keys}" }, key_field = "uuid", fields = { "alias", "tags.role" }, key = "uuid",
        preload = { path = "/vms?limit={limit}&marker={marker}", page = "marker", marker = '{"uuid":"{last}"}' } }
      return false]] }, asker)
    assert.equal([[{"name":"vm","service":"vmapi","key":"uuid","fields":["alias","tags.role"],"keep":60,]]
      .. [["keep_none":60,"stale":3600,"none":[{"status":404},{"status":410,"code":"Gone\""}],"not_ready":[],]]
      .. [["key_field":["uuid"],"batch":{"path":"/vms?uuids={keys}","separator":",","form":"list","most":100},]]
      .. [["preload":{"path":"/vms?limit={limit}&marker={marker}","form":"list","page":"marker",]]
      .. [["marker":"{\"uuid\":\"{last}\"}","limit":500,"every":3600},"whole":false}]], asker.sources[1].json)
  end)

  it("is refused by the one who asks: with file and line", function()
    local asker = fake_asker.new { refuses = { vm = 'there is no service "vmapi"' } }
    local directory = rules_directory.make { ["a.lua"] = file("") }
    local script, why = core.open { directory = directory, asker = asker }
    assert.is_nil(script)
    assert.equal(directory .. '/a.lua:2: lookup.source: vm: there is no service "vmapi"', why)
  end)

  it("is not asked while the rules are loaded", function()
    local complaint = rules_directory.complaint { ["a.lua"] = file("", "", "vm 'x' ") }
    assert.equal("/a.lua:2: lookup.vm is asked while the rules are loaded: ask in a rule's apply",
      complaint:gsub("^.*(/a.lua)", "%1"))
  end)

  it("is not declared when the rules run", function()
    local asker = fake_asker.new()
    local script = open(
      [[doc.why = select(2, pcall(lookup.source, { name = 'late', service = 'x', key_field = 'y' }))]],
      asker)
    assert.truthy(json.decode(script:run(bytes).json).why:find("a source is declared when the rules are loaded", 1,
      true))
  end)

  it("is the same one in two files that say the same, and an error in other words", function()
    local asker = fake_asker.new()
    asker:know("vm", zone, { alias = "web" })
    local script = open({ ["a.lua"] = file("doc.a = vm(doc.zonename).alias"),
      ["b.lua"] = file("doc.b = vm(doc.zonename).alias"):gsub("'zone'", "'b'") }, asker)
    local doc = json.decode(script:run(bytes).json)
    assert.same({ "web", "web", 1 }, { doc.a, doc.b, #asker.sources })
    assert.equal("/b.lua:2: lookup.source: vm: another file declares a source of this name, in other words",
      rules_directory.complaint { ["a.lua"] = file(""),
        ["b.lua"] = file(""):gsub("'zone'", "'b'"):gsub("/vms/", "/other/") })
  end)

  it("cannot be put into the module by a rule", function()
    local doc = document("doc.q = { pcall(function() lookup.mine = 1 end), lookup.mine == nil, lookup.answers == nil }",
      {})
    assert.same({ false, true, true }, doc.q)
  end)

  it("may depend on what the settings have: a file that returns false has no rules", function()
    local files = { ["a.lua"] = [[local lookup = require "auditrecv.lookup"
      return lookup.has "vmapi" and rule { name = "zone", about = "x", apply = function(doc) doc.here = 1 end }]] }
    assert.equal(0, #open(files, fake_asker.new { services = { "mahi" } }):rules())
    assert.equal(1, #open(files, fake_asker.new { services = { "vmapi" } }):rules())
    assert.equal(0, #rules_directory.open(files):rules())
    assert.equal(0, #rules_directory.open { ["a.lua"] = "return {}" }:rules())
  end)

  it("without anybody to ask: always missing", function()
    local script = rules_directory.open { ["a.lua"] = file("doc.q = tostring(vm(doc.zonename))") }
    local result = script:run(bytes)
    assert.same({ "index", true }, { result.verdict, result.incomplete })
    assert.same({ "nil", { "lookup_missing:vm" } }, { json.decode(result.json).q, json.decode(result.json).tags })
  end)
end)
