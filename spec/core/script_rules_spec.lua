-- Loading: the order of rules, and what is said about those that cannot be loaded.
local core = require "core.script"
local rules_directory = require "spec.support.rules_directory"

local open, complaint = rules_directory.open, rules_directory.complaint

local function a_rule(name, more)
  return ("return rule { name = %q, about = 'x', apply = function() end, %s }"):format(name, more or "")
end

local function names(script)
  local list = {}
  for i, r in ipairs(script:rules()) do list[i] = r.name end
  return list
end

describe("core.script rules", function()
  it("run by phase, then by the names of their files, hidden files left out", function()
    local script = open {
      ["b.lua"] = a_rule "b", ["a.lua"] = a_rule("a", "phase = 'enrich'"), ["Z.lua"] = a_rule "Z",
      ["10_x.lua"] = a_rule("x", "phase = 'route'"), [".hidden.lua"] = "error 'never'", ["notes.txt"] = "no Lua",
      ["c.lua"] = "return { " .. ("rule { name = 'c1', about = 'x', apply = print, phase = 'redact' },"):rep(1)
        .. " rule { name = 'c0', about = 'x', apply = print, phase = 'redact' } }",
      ["folder/inner.lua"] = "error 'never'",
    }
    assert.same({ "Z", "b", "a", "c1", "c0", "x" }, names(script))
    local first = script:rules()[1]
    assert.truthy(first.file:find "/Z%.lua$")
    assert.same({ "x", "shape", 0, 0, 0, 0 },
      { first.about, first.phase, first.matched, first.dropped, first.routed, first.failed })
  end)

  it("may be none", function()
    assert.same({}, open({}):rules())
    assert.same({}, assert(core.open {}):rules())
  end)

  for _, case in ipairs {
    { "a syntax error", "return rule {\n name = = 3 }", "/a.lua:2: unexpected symbol near '='" },
    { "an error while it is read", "\nlocal x = nil + 1", "/a.lua:2: attempt to perform arithmetic on a nil value" },
    { "an unknown key", a_rule("a", "whne = {}"), '/a.lua:1: a: a rule has no "whne"; did you mean "when"?' },
    { "an unknown phase", a_rule("a", "phase = 'redcat'"),
      '/a.lua:1: a: there is no phase "redcat"; did you mean "redact"?' },
    { "no name", "return rule { about = 'x', apply = print }", "/a.lua:1: a rule has a name of letters" },
    { "no reason to be", "return rule { name = 'a', apply = print }", "/a.lua:1: a: a rule says in `about`" },
    { "no apply", "return rule { name = 'a', about = 'x' }", "/a.lua:1: a: a rule has a function `apply`" },
    { "an unknown field", "\n\n" .. a_rule("a", "when = { evnt = 'su' }"),
      '/a.lua:3: when: there is no field "evnt"; did you mean "event"?' },
    { "an unknown field inside", a_rule("a", "when = { subject = { uidd = 0 } }"),
      '/a.lua:1: when.subject: there is no field "subject.uidd"; did you mean "uid"?' },
    { "a field inside a value", a_rule("a", "when = { path = { x = 1 } }"), "when.path: there is no field" },
    { "an unknown event", a_rule("a", "when = { event = 'execv' }"),
      '/a.lua:1: when.event: there is no event "execv"; did you mean "exec' },
    { "an unknown event among others", a_rule("a", "when = { event = { 'su', 'shh' } }"),
      'when.event: there is no event "shh"; did you mean "ssh"?' },
    { "a path with dots", a_rule("a", "when = { ['subject.uid'] = 0 }"), "named by a table inside" },
    { "an empty condition", a_rule("a", "when = { event = {} }"), "when.event: an empty table never holds" },
    { "a list and names in one", a_rule("a", "when = { subject = { 1, uid = 2 } }"),
      "a list (any of) and named fields" },
    { "tables in a list", a_rule("a", "when = { subject = { { uid = 2 } } }"), "a list holds values and matchers" },
    { "a list as when", a_rule("a", "when = { 'su' }"), "when names fields" },
    { "nothing returned", "local x = 1", "/a.lua: it returns no rule" },
    { "something else returned", "return { 1 }", "/a.lua: element 1 of what it returns is no rule" },
    { "a plain table returned", "return { name = 'a', about = 'x', apply = print }", "it returns no rule" },
    { "an unknown module", "local x = require 'os'", "/a.lua:1: there is no module 'os'" },
    { "a file that never ends", "while true do end", "used more than the 5000 ms" },
    { "bytecode", "\27Lua", "attempt to load a binary chunk" },
  } do
    local what, text, expected = table.unpack(case)
    if what == "bytecode" then text = "\27LuaT" end
    it("are refused for " .. what, function()
      local why = complaint { ["a.lua"] = text }
      assert.truthy(why:find(expected, 1, true), why)
    end)
  end

  it("have names of their own", function()
    local why = complaint { ["a.lua"] = a_rule "same", ["b.lua"] = a_rule "same" }
    assert.truthy(why:find('/b.lua: the name "same" is taken: a rule in a.lua has it', 1, true), why)
  end)

  it("may ask for fields that a rule declares as its own", function()
    local files = { ["b.lua"] = a_rule("b", "when = { team = 'blue' }") }
    assert.truthy(complaint(files):find('there is no field "team"', 1, true))
    files["a.lua"] = a_rule("a", "adds = { 'team', 'shift' }")
    assert.same({ "a", "b" }, names(open(files)))
    files["b.lua"] = a_rule("b", "when = { teams = 'blue' }")
    assert.truthy(complaint(files):find('did you mean "team"?', 1, true))
  end)

  it("take modules from folders below", function()
    local script = open {
      ["a.lua"] = "local names = require 'site.names' return rule { name = names.first, about = 'x', apply = print }",
      ["b.lua"] = "return require 'examples.noise'",
      ["site/names.lua"] = "require 'auditrecv.list' return { first = 'one' }",
      ["examples/noise.lua"] = a_rule "noise",
    }
    assert.same({ "one", "noise" }, names(script))
    for _, module in ipairs { "../x", "a..b", "/etc/passwd", ".a", "a.", "", "site.nothing" } do
      local why = complaint { ["a.lua"] = ("require %q"):format(module), ["site/names.lua"] = "return 1" }
      assert.truthy(why:find("there is no module", 1, true), why)
    end
    local why = complaint { ["a.lua"] = "require 'site.a'", ["site/a.lua"] = "return require 'site.a'" }
    assert.truthy(why:find("requires itself", 1, true), why)
  end)

  it("come from files that nobody else can write", function()
    for _, case in ipairs { { "o+w", "." }, { "o+w", "a.lua" }, { "o+w", "site" }, { "o+w", "site/m.lua" } } do
      local directory = rules_directory.make {
        ["a.lua"] = "require 'site.m' " .. a_rule "a", ["site/m.lua"] = "return 1",
      }
      assert(os.execute(("chmod %s %s/%s"):format(case[1], directory, case[2])))
      local script, why = core.open { directory = directory }
      assert.is_nil(script)
      assert.truthy(why:find("others can write this", 1, true), why)
    end
  end)

  it("are missed when their directory is", function()
    local script, why = core.open { directory = "/nowhere/at/all" }
    assert.is_nil(script)
    assert.truthy(why:find("/nowhere/at/all: No such file", 1, true), why)
  end)

  it("have a hash of names and bytes", function()
    local function hash(files) return open(files):hash() end
    local one = hash { ["a.lua"] = a_rule "a" }
    assert.truthy(one:find "^%x+$")
    assert.equal(64, #one)
    assert.equal(one, hash { ["a.lua"] = a_rule "a" })
    assert.is_not.equal(one, hash { ["b.lua"] = a_rule "a" })
    assert.is_not.equal(one, hash { ["a.lua"] = a_rule "b" })
    assert.is_not.equal(hash {}, one)
  end)

  it("can be opened beside those that run", function()
    local before = open {
      ["a.lua"] = "return rule { name = 'a', about = 'x', apply = function() return rule.drop 'one' end }" }
    local after = open {
      ["a.lua"] = "return rule { name = 'a', about = 'x', apply = function() return rule.drop 'two' end }" }
    local bytes = a_record.bytes {}
    assert.equal("one", before:run(bytes).reason)
    assert.equal("two", after:run(bytes).reason)
    before:close()
    assert.equal("two", after:run(bytes).reason)
  end)
end)
