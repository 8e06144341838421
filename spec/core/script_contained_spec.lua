-- What a rule may do to us: nothing. The record is kept and tagged, the next rule has its turn, and the next record
-- its rules.
local core = require "core.script"
local json = require "spec.support.json"
local rules_directory = require "spec.support.rules_directory"

core.log(2, "error")

local open = rules_directory.open
local origin = { from = "192.0.2.25", host = "web-01.example.org", received = 1772368496789012345, sequence = 4711 }
local bytes = a_record.bytes { path = "/secret/place", exec_args = { "canary" } }

local function a_rule(name, body, more)
  return ("return rule { name = %q, about = 'x', %s apply = function(doc) %s end }"):format(name, more or "", body)
end

local bad = {
  { "an error", "error 'x'" },
  { "an error that is a table", "error {}" },
  { "an error that is nil", "error(nil)" },
  { "an error that cannot be said", "error(setmetatable({}, { __tostring = function() error 'y' end }))" },
  { "an error that takes for ever to be said",
    "error(setmetatable({}, { __tostring = function() while true do end end, __name = 5 }))" },
  { "a field of nothing", "local x = doc.nothing.y" },
  { "an endless loop", "while true do end" },
  { "an endless loop in pcall", "while true do pcall(function() while true do end end) end" },
  { "an endless loop in xpcall's handler",
    "xpcall(function() while true do end end, function() while true do end end)" },
  { "an endless loop in a handler's handler", "while true do xpcall(error, function() while true do end end) end" },
  { "an endless loop in a metamethod",
    "local t = setmetatable({}, { __index = function() while true do end end }) return t.x" },
  { "an endless loop in a comparison", "table.sort({ 3, 2, 1 }, function() while true do end end)" },
  { "an endless loop in a replacement", "(('x'):rep(100)):gsub('.', function() while true do end end)" },
  { "an endless loop in a closing variable",
    "do local x <close> = setmetatable({}, { __close = function() while true do end end }) end" },
  { "a tower of endless closing variables", [[
      local function f(n)
        local x <close> = setmetatable({}, { __close = function() while true do end end })
        if n > 0 then f(n - 1) end
      end
      f(50)]] },
  { "an endless iterator", "for _ in function() return 1 end do end" },
  { "an endless tail call", "local function f() return f() end f()" },
  { "a pattern that backtracks for ever", "(('a'):rep(100000)):find('.-.-.-.-.-.-b')" },
  { "a pattern with many ways", "(('a'):rep(30)):match(('a?'):rep(30) .. ('a'):rep(30) .. 'b', 1)  while true do end" },
  { "a search of a large text", "local s = ('ab'):rep(4000000) while true do s:find('a.-[^ab]') end" },
  { "a text bomb", "local s = 'x' while true do s = s .. s end" },
  { "a repeated text bomb", "('x'):rep(1 << 40)" },
  { "the repetition of nothing",
    "local s = (''):rep(math.maxinteger) assert(s == '') while true do s = s:rep(math.maxinteger) end" },
  { "a joined bomb", "local t = {} for i = 1, 1e6 do t[i] = ('x'):rep(1000) end return table.concat(t)" },
  { "a formatted bomb", "local s = ('x'):rep(1e6) while true do s = ('%s%s'):format(s, s) end" },
  { "a packed bomb", "string.pack('c2000000000', '')" },
  { "a table bomb", "local t = {} while true do t[#t + 1] = {} end" },
  { "a table bomb in pcall", "while true do pcall(function() local t = {} while true do t[#t + 1] = {} end end) end" },
  { "a table that says it is endless",
    "table.insert(setmetatable({}, { __len = function() return 1 << 60 end }), 1, 'x')" },
  { "a move without end", "table.move({}, 1, math.maxinteger - 1, 2)" },
  { "an unpacked nothing", "table.unpack({}, 1, 1e8)" },
  { "a sort that lies",
    "local t = {} for i = 1, 1000 do t[i] = i end table.sort(t, function() return true end) while true do end" },
  { "deep recursion", "local function f() return 1 + f() end f()" },
  { "deep recursion through C", "local function f() return pcall(f) end while true do f() end" },
  { "deep recursion through gsub", "local function f(s) return (s:gsub('.', f)) end f('x') error()" },
  { "deep recursion through metatables",
    "local t = {} for i = 1, 1000 do t = setmetatable({}, { __index = t }) end return t.x.y" },
  { "an answer that is a number", "return 5" },
  { "an answer that is the record", "return doc" },
  { "an answer that is a text", "return 'drop'" },
  { "a drop without reason", "return { verdict = 'drop' }" },
  { "a route from the wrong phase", "return rule.route 'x'" },
  { "a table that holds itself", "doc.mine = {} doc.mine.mine = doc.mine" },
  { "a record that holds itself", "doc.mine = doc" },
  { "a nest without end", "local t = {} doc.mine = t for i = 1, 100 do t.t = {} t = t.t end" },
  { "a document without end",
    "local t = { 1 } doc.mine = t for i = 1, 30 do local u = { t, t } t = u end doc.mine = t" },
  { "a large document", "doc.mine = {} local s = ('x'):rep(1e6) for i = 1, 1000 do doc.mine[i] = s end" },
  { "a function in the document", "doc.mine = print" },
  { "a function deep in the document", "doc.subject.mine = { { print } }" },
  { "a key that is a table", "doc.subject[{}] = 1" },
  { "a key that is a boolean", "doc[true] = 1" },
  { "a list with a name", "local list = doc.exec_args doc.exec_args = { list[1] } doc.mine = list list.name = 1" },
  { "a library that is changed", "string.find = nil" },
  { "a module that is asked for late", "require 'late'" },
}

describe("core.script contains", function()
  for _, case in ipairs(bad) do
    it(case[1], function()
      for _, eager in ipairs { false, true } do
        local script = open({
          ["1.lua"] = a_rule("bad", case[2]),
          ["2.lua"] = a_rule("after", "doc.after = true"),
        }, { eager = eager, max_heap = 24 << 20, time_limit = 30 })
        local started = os.clock()
        local result = script:run(bytes, origin)
        local first = os.clock() - started
        assert.equal("index", result.verdict)
        local doc = json.decode(result.json)
        assert.same({ "rule_failed:bad" }, doc.tags)
        assert.same({ true, "execve", "192.0.2.25", "canary" }, { doc.after, doc.event, doc.from, doc.exec_args[1] })
        assert.same({ 1, 1 }, { script:rules()[1].failed, script:rules()[2].matched })
        assert.is_nil(doc.mine)
        -- Far above what it takes, and far below for ever.
        assert.is_true(first < 20, "it took " .. first)
        assert.equal("index", script:run(bytes, origin).verdict)
        assert.is_true(script:work().heap < 24 << 20)
        script:close()
      end
    end)
  end

  it("a rule that fails while it redacts: the document is withheld", function()
    local script = open { ["a.lua"] = a_rule("mask", "doc.exec_args[1] = 'x' error 'no'", "phase = 'redact',") }
    local result = script:run(bytes, origin)
    assert.same({ "withheld", "mask", "audit-2026-03-01" }, { result.verdict, result.rule, result.index })
    assert.equal("a.lua:1: it raised an error of its own (its words are logged at level debug)", result.reason)
    assert.same({
      time = "2026-03-01T12:34:56.789012345Z", event = "execve", from = "192.0.2.25", host = "web-01.example.org",
      received = "2026-03-01T12:34:56.789012345Z", sender_sequence = 4711, tags = { "withheld", "rule_failed:mask" },
    }, json.decode(result.json))
    assert.is_nil(result.json:find("canary", 1, true))
    assert.equal(1, script:rules()[1].failed)
  end)

  for _, case in ipairs(bad) do
    it("withheld, not shown, when it redacts: " .. case[1], function()
      local script = open({ ["a.lua"] = a_rule("mask", case[2], "phase = 'redact',") }, { max_heap = 24 << 20,
        time_limit = 20 })
      local result = script:run(bytes, origin)
      assert.same({ "withheld", "mask" }, { result.verdict, result.rule })
      assert.is_nil(result.json:find("canary", 1, true))
      script:close()
    end)
  end

  it("a rule that fails while it routes: the default index", function()
    for _, body in ipairs { "error 'x'", "return rule.route 'Bad Name'", "return rule.route('_x')", "return 5",
      "while true do end" } do
      local script = open({ ["a.lua"] = a_rule("r", body, "phase = 'route',"), ["b.lua"] = a_rule("s", "",
        "phase = 'route',") },
        { time_limit = 20 })
      local result = script:run(bytes, origin)
      assert.same({ "index", "audit-2026-03-01", "audit-2026-03-01" }, { result.verdict, result.index,
        result.default_index })
      assert.equal(core.plain(bytes, origin), result.json)
      assert.same({ 1, 0, 1 }, { script:rules()[1].failed, script:rules()[1].routed, script:rules()[2].matched })
    end
  end)

  it("a `when` that fails: like the rule itself", function()
    local script = open({
      ["a.lua"] = a_rule("a", "doc.q = 1", "when = function(doc) while true do end end,"),
      ["b.lua"] = a_rule("b", "doc.r = 1", "when = { subject = { uid = function() error 'x' end } },"),
    }, { time_limit = 20 })
    assert.same({ "rule_failed:a", "rule_failed:b" }, json.decode(script:run(bytes).json).tags)
    script = open { ["a.lua"] = a_rule("a", "", "phase = 'redact', when = { path = function() error 'x' end },") }
    assert.equal("withheld", script:run(bytes).verdict)
  end)

  it("keeps what a rule did before it failed, and its tags", function()
    local script = open { ["a.lua"] = a_rule("a", "doc.tags = { 'mine' } doc.path = nil error 'x'") }
    local doc = json.decode(script:run(bytes).json)
    assert.same({ "mine", "rule_failed:a" }, doc.tags)
    assert.is_nil(doc.path)
  end)

  it("names the rule that left what cannot be written, among several", function()
    local script = open {
      ["1.lua"] = a_rule("one", "doc.q = { 1 }"), ["2.lua"] = a_rule("two", "doc.q[2] = print"),
      ["3.lua"] = a_rule("three", "doc.r = 3"),
    }
    local doc = json.decode(script:run(bytes).json)
    assert.same({ "rule_failed:two" }, doc.tags)
    assert.same({ nil, 3 }, { doc.q, doc.r })
    local failed = {}
    for i, r in ipairs(script:rules()) do failed[i] = r.failed end
    assert.same({ 0, 1, 0 }, failed)
    assert.equal(1, script:rules()[1].matched)
  end)

  it("builds its state anew when a rule hoards, and goes on", function()
    local script = open({
      ["1.lua"] = "local hoard = {} " .. a_rule("hoard", "hoard[#hoard + 1] = ('x'):rep(1 << 20) .. #hoard"),
      ["2.lua"] = a_rule("after", "doc.after = true"),
    }, { max_heap = 12 << 20 })
    for _ = 1, 60 do
      local result = script:run(bytes)
      assert.equal("index", result.verdict)
      assert.is_true(json.decode(result.json).after)
    end
    local work, rules = script:work(), script:rules()
    assert.is_true(work.rebuilt >= 2 and work.heap < 12 << 20)
    assert.same({ 60, 60 }, { rules[1].matched, rules[2].matched })
  end)

  it("says in its log which rule failed and where, without the record's words, and not too often", function()
    local name = os.tmpname()
    local pipe = assert(io.popen(([[LUA_CPATH='%s' LUA_PATH='%s' lua5.4 - 2>%s <<'END'
      a_record = require "spec.support.a_record"
      local core, directory = require "core.script", require "spec.support.rules_directory"
      local script = directory.open {
        ["a.lua"] = [=[return rule { name = 'chatty', about = 'x',
          apply = function(d) print(d.path) error(d.path) end }]=] }
      for _ = 1, 500 do script:run(a_record.bytes { path = "/canary" }) end
END]]):format(package.cpath, package.path, name), "r"))
    pipe:read "a"
    pipe:close()
    local file = assert(io.open(name))
    local log = file:read "a"
    file:close()
    os.remove(name)
    assert.truthy(log:find('level=warn event=rule_failed rule=chatty phase=shape times=1 reason="a.lua:2: it raised',
      1, true), log)
    assert.is_nil(log:find("canary", 1, true))
    local lines = select(2, log:gsub("\n", ""))
    assert.is_true(lines >= 1 and lines <= 5, log)
  end)
end)
