-- To a rule a record is a table. Each case runs twice, the fields made on demand and made at once; a rule must not
-- be able to tell.
local core = require "core.script"
local rules_directory = require "spec.support.rules_directory"

core.log(2, "error")

local origin = { from = "192.0.2.25", host = "web-01.example.org", received = 1772368496789012345, sequence = 4711 }
local bytes = a_record.bytes { exec_args = { "a", "b", "c" }, text = { "one" } }

-- What a body answers, both ways; it answers by returning one text.
local function answers(body)
  local texts = {}
  for _, eager in ipairs { false, true } do
    local script = rules_directory.open({
      ["a.lua"] = ([[local function answer(doc) %s end
        return rule { name = 'a', about = 'x', apply = function(doc) doc.answer = { answer(doc) } end }]]):format(body),
    }, { eager = eager })
    local result = script:run(bytes, origin)
    assert.equal("index", result.verdict, result.reason)
    assert.equal(0, script:rules()[1].failed)
    texts[#texts + 1] = result.json:match '"answer":(%b[])'
  end
  assert.equal(texts[1], texts[2])
  return texts[1]
end

describe("the table of a record", function()
  for _, case in ipairs {
    { "is a table", "return type(doc), tostring(doc):match '^table: '", '["table","table: "]' },
    { "has no metatable to be seen", "return tostring(getmetatable(doc))", '["nil"]' },
    { "has lists without a metatable to be seen", "return tostring(getmetatable(doc.exec_args))", '["nil"]' },
    { "has objects without a metatable", "return tostring(getmetatable(doc.subject))", '["nil"]' },
    { "keeps its metatable", "return pcall(setmetatable, doc, {})",
      '[false,"a record and its lists keep the metatable that they have"]' },
    { "lets objects inside have one", "return setmetatable(doc.subject, { __index = { q = 5 } }).q", "[5]" },
    { "has the fields that it has",
      "return doc.path, doc['return'], doc.nothing == nil, doc[1] == nil, doc[true] == nil",
      '["/usr/bin/ls",0,true,true,true]' },
    { "answers the same twice", "return doc.subject == doc.subject, doc.exec_args == doc.exec_args", "[true,true]" },
    { "has rawget", "return rawget(doc, 'path'), rawget(doc, 'nothing') == nil", '["/usr/bin/ls",true]' },
    { "has rawset", "rawset(doc, 'path', 'x') rawset(doc, 'mine', 1) return doc.path, doc.mine, rawget(doc, 'mine')",
      '["x",1,1]' },
    { "has rawlen and #", "return rawlen(doc), #doc, #doc.exec_args, rawlen(doc.exec_args)", "[0,0,3,3]" },
    { "has rawequal", "return rawequal(doc, doc), rawequal(doc, {})", "[true,false]" },
    { "is walked with pairs", [[
        local names = {}
        for k, v in pairs(doc) do names[#names + 1] = k assert(rawequal(doc[k], v)) end
        table.sort(names)
        return table.concat(names, ' ')]],
      '["attributes errno event event_id exec_args from host outcome path received return sender_sequence subject text '
        .. 'time version zonename"]' },
    { "is walked with next", [[
        local n, k, v = 0, next(doc)
        while k do n = n + 1 k, v = next(doc, k) end
        return n, next(doc) ~= nil]], "[17,true]" },
    { "is walked after a change", [[
        doc.path = nil doc.mine = 1 doc.event = 'x'
        local seen = {}
        for k, v in pairs(doc) do seen[k] = v end
        return seen.path == nil, seen.mine, seen.event, seen.errno]], '[true,1,"x","0"]' },
    { "can be emptied while it is walked",
      "for k in pairs(doc) do doc[k] = nil end return next(doc) == nil, doc.path == nil",
      "[true,true]" },
    { "says what pairs walks over", "local f, t, k = pairs(doc) return f == next, t == doc, k == nil",
      "[true,true,true]" },
    { "is walked by ipairs", "for _ in ipairs(doc) do return 'some' end return 'none'", '["none"]' },
    { "has lists to be walked", "local s = '' for i, v in ipairs(doc.exec_args) do s = s .. i .. v end return s",
      '["1a2b3c"]' },
    { "has lists to be unpacked", "return table.unpack(doc.exec_args)", '["a","b","c"]' },
    { "has lists to be joined", "return table.concat(doc.exec_args, ',', 2)", '["b,c"]' },
    { "has lists to be sorted",
      "table.sort(doc.exec_args, function(a, b) return a > b end) return table.concat(doc.exec_args)", '["cba"]' },
    { "has lists to be shortened", "return table.remove(doc.exec_args), table.remove(doc.exec_args, 1), #doc.exec_args",
      '["c","a",1]' },
    { "has lists to be moved", "return table.concat(table.move(doc.exec_args, 2, 3, 1))", '["bcc"]' },
    { "takes nil", "doc.path = nil doc.path = nil return doc.path == nil, rawget(doc, 'path') == nil", "[true,true]" },
    { "takes a field again", "doc.path = nil doc.path = 'y' return doc.path", '["y"]' },
    { "refuses nil as a name", "return pcall(function() doc[nil] = 1 end)", '[false,"table index is nil"]' },
    { "can hold itself for a while", "doc.mine = doc local same = doc.mine.mine == doc doc.mine = nil return same",
      "[true]" },
    { "can be told from others by a key", "local t = { [doc] = 1 } return t[doc]", "[1]" },
    { "has integers", "return math.type(doc.subject.uid), math.type(doc['return'])", '["integer","integer"]' },
    { "goes through select, pcall and coroutine-free calls",
      "return select('#', pcall(next, doc)), coroutine == nil", "[3,true]" },
  } do
    it(case[1], function() assert.equal(case[3], answers(case[2])) end)
  end

  it("is cut off from its record when that is over", function()
    local script = rules_directory.open {
      ["a.lua"] = [[local kept
        return rule { name = "a", about = "x", apply = function(doc)
          if kept then
            doc.old = { path = kept.path or "none", event = kept.event or "none", meta = tostring(getmetatable(kept)) }
            for k in pairs(kept) do doc.old[k] = true end
          end
          kept = doc
          local x = doc.event
        end }]],
    }
    script:run(bytes)
    local result = script:run(a_record.bytes { event = "su" })
    assert.equal('{"event":true,"meta":"nil","path":"none"}', result.json:match '"old":(%b{})')
    script:run(bytes)
    assert.equal(0, script:rules()[1].failed)
  end)
end)

describe("the sandbox of rules", function()
  it("holds what is listed, and nothing else", function()
    local names = {}
    for name in answers [[
      local names = {}
      for k in pairs(_G) do names[#names + 1] = k end
      table.sort(names)
      return table.concat(names, ' ')]]:gmatch "[%w_]+" do names[#names + 1] = name end
    assert.same({
      "_G", "_VERSION", "assert", "error", "getmetatable", "ipairs", "math", "next", "pairs", "pcall", "print",
        "rawequal", "rawget",
      "rawlen", "rawset", "require", "select", "setmetatable", "string", "table", "tonumber", "tostring", "type",
      "utf8", "xpcall",
    }, names)
  end)

  for _, case in ipairs {
    { "string.dump", "return string.dump == nil and ('').dump == nil", "[true]" },
    { "string.x = ", "return pcall(function() string.x = 1 end)", '[false,"this table cannot be changed"]' },
    { "rawset(string)", "return pcall(rawset, string, 'find', 1)", '[false,"this table cannot be changed"]' },
    { "setmetatable(string)", "return pcall(setmetatable, string, {})",
      '[false,"cannot change a protected metatable"]' },
    { "getmetatable(string)", "return getmetatable(string), getmetatable('')", "[false,false]" },
    { "what pairs(string) gives",
      "for _, t in ipairs { table.pack(pairs(string)) } do t[2].find = 1 end return ('a'):find 'a'", "[1,1]" },
    { "the library", "return pcall(function() require('auditrecv.rule').drop = 1 end)",
      '[false,"this table cannot be changed"]' },
    { "a finalizer", "return pcall(setmetatable, {}, { __gc = print })", '[false,"rules have no finalizers (__gc)"]' },
  } do
    it("keeps " .. case[1], function() assert.equal(case[3], (answers(case[2]):gsub("a%.lua:1: ", ""))) end)
  end

  it("gives each file a world of its own", function()
    local script = rules_directory.open {
      ["a.lua"] = [[x = 1 function _G.print() end
        return rule { name = 'a', about = 'x', apply = function(d) d.q = tostring(x) end }]],
      ["b.lua"] = "assert(x == nil) return rule { name = 'b', about = 'x', apply = function(d) d.r = tostring(x) end }",
    }
    assert.truthy(script:run(bytes).json:find('"q":"1","r":"nil"', 1, true))
  end)

  it("has what libraries have", function()
    assert.equal('[3,"ab","ABC","x-x","1.5",3,2]', answers [[
      return math.max(1, 3), string.char(97, 98), ("abc"):upper(), ("x"):rep(2, "-"), ("%.1f"):format(1.5),
        utf8.len "äöü",
        select("#", 1, 2)]])
    assert.equal('[false,"h boom"]', answers "return xpcall(error, function(m) return 'h ' .. m end, 'boom')")
    assert.equal('[true,1,2]', answers "return xpcall(function(...) return ... end, print, 1, 2)")
  end)
end)
