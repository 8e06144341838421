-- One document, three ways: straight from the record, through a table made at once, and through a table made on demand.
local core = require "core.script"
local corpus = require "spec.support.corpus"
local json = require "spec.support.json"
local rules_directory = require "spec.support.rules_directory"

local origin = { from = "192.0.2.25", host = "web-01.example.org", received = 1772368496789012345, sequence = 4711 }

local function a_rule(body)
  return ("return rule { name = 'a', about = 'x', apply = function(doc) %s end }"):format(body)
end

local function one(body, options) return rules_directory.open({ ["a.lua"] = a_rule(body) }, options) end

local records = corpus.records()

describe("a document of core.script", function()
  local ways = {
    { "made on demand, and nothing asked for", one "" },
    { "made on demand, some fields read",
      one "local x = doc.path, doc.subject, doc.exec_args, doc.nothing, doc.escaped" },
    { "made on demand, walked over", one "for k, v in pairs(doc) do local x = v end" },
    { "made on demand, each field read and set", one "for k, v in pairs(doc) do doc[k] = v end" },
    { "made on demand, fields copied",
      one [[local function copy(t)
          if type(t) ~= "table" then return t end
          local new = {}
          for k, v in pairs(t) do new[k] = copy(v) end
          return new
        end
        for _, name in ipairs { "subject", "terminal", "socket", "attributes", "process", "failure", "exit", "user" } do
          doc[name] = copy(doc[name])
        end]] },
    { "made at once", one("", { eager = true }) },
    { "made at once, without a rule", rules_directory.open({}, { eager = true }) },
    { "made at once, walked over", one("for k, v in pairs(doc) do local x = v end", { eager = true }) },
  }
  for _, way in ipairs(ways) do
    it("is the same to the byte when its table is " .. way[1], function()
      for _, record in ipairs(records) do
        for _, from in ipairs { false, origin } do
          local result = way[2]:run(record[2], from or nil)
          assert.equal("index", result.verdict, result.reason)
          assert.equal(core.plain(record[2], from or nil), result.json, record[1])
        end
      end
    end)
  end

  it("is JSON, whatever the record", function()
    for _, record in ipairs(records) do assert(json.decode(core.plain(record[2], origin)), record[1]) end
  end)

  local bytes = a_record.bytes { exec_args = { "a", "b", "c" }, text = { "one" } }
  local function whole(body, from)
    local result = one(body):run(bytes, from)
    assert.equal("index", result.verdict, result.reason)
    return result.json
  end
  local function has(body, part, from)
    for _, eager in ipairs { false, true } do
      local result = one(body, { eager = eager }):run(bytes, from)
      assert.equal("index", result.verdict, result.reason)
      assert(json.decode(result.json))
      assert.truthy(result.json:find(part, 1, true), result.json)
    end
  end
  local function has_not(body, part, from)
    for _, eager in ipairs { false, true } do
      local result = one(body, { eager = eager }):run(bytes, from)
      assert(json.decode(result.json))
      assert.is_nil(result.json:find(part, 1, true), result.json)
    end
  end

  it("loses what a rule takes out", function()
    has_not("doc.path = nil", '"path"')
    has_not("local x = doc.path doc.path = nil", '"path"')
    has_not("doc.subject.terminal = nil", '"terminal"')
    assert.equal("{}", whole "for k in pairs(doc) do doc[k] = nil end")
  end)

  for _, case in ipairs {
    { "an exact integer", "doc.q = math.maxinteger doc.r = math.mininteger",
      '"q":9223372036854775807,"r":-9223372036854775808' },
    { "a float", "doc.q = 0.1", '"q":0.1' },
    { "the shortest float", "doc.q = 1/3", '"q":0.3333333333333333' },
    { "a float that is whole", "doc.q = 2^53", '"q":9007199254740992' },
    { "a large float", "doc.q = 1e300", '"q":1e+300' },
    { "not a number as null", "doc.q = 0/0", '"q":null' },
    { "infinity as null", "doc.q = 1/0 doc.r = -1/0", '"q":null,"r":null' },
    { "booleans", "doc.q = true doc.r = false", '"q":true,"r":false' },
    { "own fields in the order of their bytes, last", "doc.b = 1 doc.a = 2 doc.aa = 3 doc.Z = 4",
      '"Z":4,"a":2,"aa":3,"b":1}' },
    { "a field in its place", "doc.zonealias = 'o-a'", '"zonename":"global","zonealias":"o-a"' },
    { "nested objects in their order",
      "doc.subject = { terminal = { remote_port = 1, ip = 'i', local_port = 2 }, uid = 3, audit_id = 4, z = 5, a = 6 }",
      '"subject":{"audit_id":4,"uid":3,"terminal":{"ip":"i","local_port":2,"remote_port":1},"a":6,"z":5}' },
    { "objects with names of the record's in the order of their bytes", "doc.args = { uid = 1, b = 2, a = 3, Z = 4 }",
      '"args":{"Z":4,"a":3,"b":2,"uid":1}' },
    { "own objects in the order of their bytes", "doc.q = { uid = 1, gid = 2, audit_id = 3 }",
      '"q":{"audit_id":3,"gid":2,"uid":1}' },
    { "an emptied list", "for i = #doc.exec_args, 1, -1 do table.remove(doc.exec_args, i) end", '"exec_args":[]' },
    { "an empty table where a list belongs", "doc.tags = {} doc.exec_args = {}", '"exec_args":[]' },
    { "an empty table elsewhere", "doc.q = {}", '"q":{}' },
    { "a list that grew", "table.insert(doc.exec_args, 'd') table.insert(doc.exec_args, 1, '0')",
      '"exec_args":["0","a","b","c","d"]' },
    { "a list of the record's with a hole", "doc.exec_args[2] = nil", '"exec_args":["a","c"]' },
    { "a list of the rule's", "doc.q = { 1, 'b', { 3 }, {} }", '"q":[1,"b",[3],{}]' },
    { "a table with holes as an object", "doc.q = { [1] = 'a', [3] = 'c' }", '"q":{"1":"a","3":"c"}' },
    { "numbers beside names as text", "doc.q = { 'a', b = 1 }", '"q":{"1":"a","b":1}' },
    { "float keys as text", "doc.q = { [1.5] = 1 }", '"q":{"1.5":1}' },
    { "an integer as a field", "doc[5] = 'five'", '"5":"five"}' },
    { "control characters", "doc.q = '\\0\\1\\n\"\\\\'", [["q":"\u0000\u0001\n\"\\"]] },
    { "odd bytes in their spelling", "doc.q = 'caf\\xE9\\\\'", [["escaped":["q"],"q":"caf\\xE9\\\\"]] },
    { "odd bytes inside", "doc.subject.name = 'caf\\xE9'", [["escaped":["subject.name"]}]] },
    { "odd bytes in a list", "doc.exec_args[2] = 'caf\\xE9'", [["escaped":["exec_args.1"]}]] },
    { "odd bytes in a name", "doc.args = { ['\\xE9'] = 1 }", [["args":{"\\xE9":1}]] },
    { "metatables ignored", "doc.q = setmetatable({}, { __index = { a = 1 }, __pairs = error, __len = error })",
      '"q":{}' },
    { "tags, a text made a list", "doc.tags = 'one'", '"tags":["one"]' },
  } do
    it("holds " .. case[1], function() has(case[2], case[3]) end)
  end

  it("keeps who sent it", function()
    local body = "doc.from = 'x' doc.host = nil doc.received = 1 doc.sender_sequence = {} local y = doc.from"
    local plain = core.plain(bytes, origin)
    assert.equal(plain, whole(body, origin))
    assert.equal(plain, whole("for k in pairs(doc) do if k == 'host' or k == 'from' then doc[k] = nil end end", origin))
    has("doc.host = 'set by hand'", '"host":"set by hand"')
  end)

  it("lists escaped fields that are left", function()
    bytes = a_record.bytes { path = "/caf\xE9", exec_args = { "\xFF" } }
    has("", [["escaped":["path","exec_args"]}]])
    has("doc.path = nil", [["escaped":["exec_args"]}]])
    has("local x = doc.path, doc.exec_args", [["escaped":["path","exec_args"]}]])
    has("doc.path = nil doc.q = '\\xFE'", [["escaped":["exec_args","q"],"q":"\\xFE"}]])
    has_not("doc.path = nil doc.exec_args = nil", "escaped")
  end)
end)
