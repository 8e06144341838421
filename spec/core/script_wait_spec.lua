-- Records whose rules wait: others go on meanwhile, each gets its own answer, and none is lost.
local core = require "core.script"
local fake_asker = require "spec.support.fake_asker"
local json = require "spec.support.json"
local rules_directory = require "spec.support.rules_directory"

core.log(2, "error")

local SOURCES = [[local lookup = require "auditrecv.lookup"
  local vm = lookup.source { name = "vm", service = "vmapi", path = "/vms/{key}" }
  local login = lookup.source { name = "login", service = "mahi", path = "/x/{key}" } ]]

local function a_rule(name, body, more)
  return SOURCES .. ("return rule { name = %q, about = 'x', phase = 'enrich', %s "):format(name, more or "")
    .. "apply = function(doc) " .. body .. " end }"
end

local function open(body, asker, options)
  options = options or {}
  options.asker = asker
  return rules_directory.open(type(body) == "table" and body or { ["a.lua"] = a_rule("zone", body) }, options)
end

local function a_zone(name) return a_record.bytes { path = "/p/" .. name, zonename = name } end

-- Runs what was woken, in its order; the results.
local function go_on(script)
  local results = {}
  for i, held in ipairs(script:woken()) do results[i] = script:resume(held) end
  return results
end

local function doc_of(result) return json.decode(result.json) end

local ALIAS = "doc.zonealias = (vm(doc.zonename) or {}).alias or 'nobody'"

describe("core.script waits", function()
  it("for an answer, writes nothing before it comes, and goes on where it stopped", function()
    local asker = fake_asker.new()
    local script = open("doc.before = true " .. ALIAS .. " doc.after = doc.path", asker)
    local result = script:run(a_zone "one")
    assert.same({ "waits", nil, 1 }, { result.verdict, result.json, script:waiting() })
    asker:know("vm", "one", { alias = "web" })
    assert.equal(1, asker:tell(script, "vm", "one"))
    local doc = doc_of(go_on(script)[1])
    assert.same({ true, "web", "/p/one", 0 }, { doc.before, doc.zonealias, doc.after, script:waiting() })
    assert.same({ 1, 1 }, { script:rules()[1].matched, script:work().records })
  end)

  it("and the document is that of one who did not", function()
    local cold, warm = fake_asker.new(), fake_asker.new()
    warm:know("vm", "one", { alias = "web" })
    local body = "local p = doc.path " .. ALIAS .. " doc.tags = { 'x' } doc.path = p .. '/more' doc.own = { p }"
    local waiting, other = open(body, cold), open(body, warm)
    waiting:run(a_zone "one")
    cold:know("vm", "one", { alias = "web" })
    cold:tell(waiting, "vm", "one")
    assert.equal(other:run(a_zone "one").json, go_on(waiting)[1].json)
  end)

  it("while others overtake, and each gets its own answer", function()
    local asker = fake_asker.new()
    local script = open(ALIAS, asker)
    asker:know("vm", "three", { alias = "third" })
    assert.equal("waits", script:run(a_zone "one").verdict)
    assert.equal("waits", script:run(a_zone "two").verdict)
    assert.same({ "third", "/p/three" }, { doc_of(script:run(a_zone "three")).zonealias,
      doc_of(script:run(a_zone "three")).path })
    asker:know("vm", "two", { alias = "second" })
    asker:tell(script, "vm", "two")
    local doc = doc_of(go_on(script)[1])
    assert.same({ "second", "/p/two" }, { doc.zonealias, doc.path })
    asker:know("vm", "one", { alias = "first" })
    asker:tell(script, "vm", "one")
    doc = doc_of(go_on(script)[1])
    assert.same({ "first", "/p/one", 0 }, { doc.zonealias, doc.path, script:waiting() })
  end)

  it("many for one answer", function()
    local asker = fake_asker.new()
    local script = open(ALIAS, asker)
    for i = 1, 1000 do
      assert.equal("waits", script:run(a_record.bytes { path = "/" .. i, zonename = "one" }).verdict)
    end
    asker:know("vm", "one", { alias = "web" })
    assert.equal(1000, asker:tell(script, "vm", "one"))
    for i, result in ipairs(go_on(script)) do
      local doc = doc_of(result)
      assert.same({ "web", "/" .. i }, { doc.zonealias, doc.path })
    end
    assert.same({ 0, 1000 }, { script:waiting(), script:rules()[1].matched })
  end)

  it("until the deadline: nil, and a tag", function()
    local asker = fake_asker.new()
    local script = open(ALIAS, asker)
    script:run(a_zone "one")
    asker:say("vm", "one", "missing")
    asker:tell(script, "vm", "one")
    local result = go_on(script)[1]
    assert.same({ "nobody", { "lookup_missing:vm" }, true },
      { doc_of(result).zonealias, doc_of(result).tags, result.incomplete })
    assert.is_nil(script:run(a_record.bytes { path = "/", zonename = "one" }).json:find("rule_failed", 1, true))
  end)

  it("and never twice for one question, should its answer be gone again", function()
    local asker = fake_asker.new()
    local script = open(ALIAS, asker)
    script:run(a_zone "one")
    asker:tell(script, "vm", "one")
    assert.equal("nobody", doc_of(go_on(script)[1]).zonealias)
  end)

  it("several times, one after the other", function()
    local asker = fake_asker.new()
    local script = open([[local v = vm(doc.zonename)
      doc.zonealias = (login(v.owner) or "unknown") .. "-" .. v.alias]], asker)
    script:run(a_zone "one")
    script:run(a_zone "two")
    asker:know("vm", "one", { alias = "web", owner = "o1" })
    asker:tell(script, "vm", "one")
    assert.equal("waits", go_on(script)[1].verdict)
    asker:say("login", "o2", "nothing")
    asker:know("vm", "two", { alias = "db", owner = "o2" })
    asker:tell(script, "vm", "two")
    assert.equal("unknown-db", doc_of(go_on(script)[1]).zonealias)
    asker:know("login", "o1", "racing")
    asker:tell(script, "login", "o1")
    assert.same({ "racing-web", 0, 3 }, { doc_of(go_on(script)[1]).zonealias, script:waiting(), script:work().waited })
  end)

  it("a bounded number of times", function()
    local asker = fake_asker.new()
    local script = open("for i = 1, 100 do vm('k' .. i) end", asker)
    script:run(a_zone "one")
    local rounds = 0
    repeat
      rounds = rounds + 1
      asker:tell(script, "vm", "k" .. rounds)
      local result = go_on(script)[1]
    until result.verdict ~= "waits"
    assert.same({ 16, 0 }, { rounds, script:waiting() })
  end)

  it("in several rules, phase by phase, and writes its document once", function()
    for _, phase in ipairs { "shape", "enrich", "redact", "route" } do
      local asker = fake_asker.new()
      local function ask(name)
        return (a_rule(name, "doc." .. name .. " = vm(doc.zonename .. '" .. name .. "')"):gsub("'enrich'",
          "'" .. phase .. "'"))
      end
      local script = open({ ["a.lua"] = ask "a", ["b.lua"] = ask "b", ["c.lua"] = a_rule("c", "doc.c = doc.b",
        "when = { zonename = 'one' },"):gsub("'enrich'", "'" .. phase .. "'") }, asker)
      assert.equal("waits", script:run(a_zone "one").verdict)
      asker:know("vm", "onea", "A")
      asker:tell(script, "vm", "onea")
      assert.same({ "waits", nil }, { go_on(script)[1].verdict })
      asker:know("vm", "oneb", "B")
      asker:tell(script, "vm", "oneb")
      local result = go_on(script)[1]
      local doc = doc_of(result)
      assert.same({ "index", "A", "B", "B", nil }, { result.verdict, doc.a, doc.b, doc.c, doc.tags }, phase)
    end
  end)

  it("and is dropped or routed by what it learns", function()
    local asker = fake_asker.new()
    local script = open({
      ["a.lua"] = a_rule("drop", "if vm(doc.zonename) == 'drop' then return rule.drop 'not wanted' end"),
      ["b.lua"] = (a_rule("route", "return rule.route('zone-' .. vm(doc.zonename .. '2'))")
        :gsub("'enrich'", "'route'")),
    }, asker)
    script:run(a_zone "one")
    script:run(a_zone "two")
    asker:know("vm", "one", "drop")
    asker:know("vm", "two", "keep")
    asker:tell(script, "vm", "two")
    asker:tell(script, "vm", "one")
    local results = go_on(script)
    assert.same({ "waits", "drop", "drop", "not wanted", nil }, { results[1].verdict, results[2].verdict,
      results[2].rule, results[2].reason, results[2].json })
    asker:know("vm", "two2", "b")
    asker:tell(script, "vm", "two2")
    local result = go_on(script)[1]
    assert.same({ "index", "zone-b", "audit-2026-03-01" }, { result.verdict, result.index, result.default_index })
    local rules = script:rules()
    assert.same({ 2, 1, 1, 1 }, { rules[1].matched, rules[1].dropped, rules[2].matched, rules[2].routed })
  end)

  it("also inside of pcall, xpcall, iterators, metamethods and closing variables", function()
    local asker = fake_asker.new()
    local script = open([[
      local got = {}
      local ok, value = pcall(function() return vm 'a' end)
      got[1] = ok and value
      ok, value = xpcall(function() return vm 'b' end, error)
      got[2] = ok and value
      for v in function(_, last) if not last then return vm 'c' end end do got[3] = v end
      local function ask(_, key) return vm(key) end
      local t = setmetatable({}, { __index = ask, __call = ask })
      got[4], got[5] = t.d, t 'e'
      do local x <close> = setmetatable({}, { __close = function() got[6] = vm 'f' end }) end
      ok, value = pcall(function() error({ vm 'g' }) end)
      got[7] = not ok and value[1]
      doc.got = got]], asker)
    local result = script:run(a_zone "one")
    for key in ("abcdefg"):gmatch "." do
      assert.equal("waits", result.verdict, key)
      asker:know("vm", key, key)
      asker:tell(script, "vm", key)
      result = go_on(script)[1]
    end
    assert.same({ "a", "b", "c", "d", "e", "f", "g" }, doc_of(result).got)
  end)
end)

describe("core.script does not wait", function()
  for what, body in pairs {
    ["in a function of `when`"] = false,
    ["in string.gsub"] = "return (('x'):gsub('.', function() vm 'a' end))",
    ["in table.sort"] = "table.sort({ 1, 2 }, function() vm 'a' end)",
    ["in a comparison in table.sort"] =
      "local m = { __lt = function() return vm 'a' end } table.sort { setmetatable({}, m), setmetatable({}, m) }",
    ["in tostring"] = "tostring(setmetatable({}, { __tostring = function() return vm 'a' end }))",
  } do
    it(what .. ": an error that says so, whether the answer is there or not", function()
      for _, known in ipairs { true, false } do
        local asker = fake_asker.new()
        if known then asker:know("vm", "a", "A") end
        local script = open({ ["a.lua"] = body and a_rule("bad", "doc.why = select(2, pcall(function() " .. body
          .. " end)) error()") or a_rule("bad", "", "when = function() return vm 'a' end,") }, asker)
        local result = script:run(a_zone "one")
        local doc = doc_of(result)
        assert.same({ "index", { "rule_failed:bad" }, 0 }, { result.verdict, doc.tags, #asker.asked })
        if body then assert.truthy(doc.why:find("lookup.vm cannot wait here: ask in a rule's apply", 1, true)) end
      end
    end)
  end

  it("when nobody can be woken: missing, but asked", function()
    local asker = fake_asker.new()
    local script = open(ALIAS, asker, { waits = false })
    local result = script:run(a_zone "one")
    assert.same({ "index", "nobody", true, 1 }, { result.verdict, doc_of(result).zonealias, result.incomplete,
      asker:count("vm", "one") })
    asker:know("vm", "one", { alias = "web" })
    assert.equal("web", doc_of(script:run(a_zone "one")).zonealias)
  end)

  it("when as many as may wait already", function()
    local asker = fake_asker.new()
    local script = open(ALIAS, asker, { max_waiting = 2 })
    script:run(a_zone "one")
    script:run(a_zone "two")
    local result = script:run(a_zone "three")
    assert.same({ "index", { "lookup_missing:vm" }, 2 }, { result.verdict, doc_of(result).tags, script:waiting() })
    asker:tell(script, "vm", "one")
    go_on(script)
    assert.equal("waits", script:run(a_zone "three").verdict)
  end)

  it("when half of the heap is taken", function()
    local asker = fake_asker.new()
    local script = open("local hold = ('x'):rep(40000) .. doc.zonename " .. ALIAS .. " doc.n = #hold", asker,
      { max_heap = 4 << 20 })
    local waits = 0
    repeat
      local result = script:run(a_zone("z" .. waits))
      if result.verdict == "waits" then waits = waits + 1 end
    until result.verdict ~= "waits"
    assert.is_true(waits > 20 and waits < 60, "waits: " .. waits)
    assert.same({ waits, 0 }, { script:waiting(), script:work().rebuilt })
    for i = 0, waits - 1 do
      asker:know("vm", "z" .. i, { alias = "a" .. i })
      asker:tell(script, "vm", "z" .. i)
    end
    for i, result in ipairs(go_on(script)) do
      assert.same({ "a" .. i - 1, nil }, { doc_of(result).zonealias, doc_of(result).tags })
    end
  end)
end)

describe("core.script: a record that waited", function()
  it("and whose rule fails then: tagged, and the next rule has its turn", function()
    local asker = fake_asker.new()
    local script = open({ ["a.lua"] = a_rule("bad", "doc.a = 1 vm(doc.zonename) error 'x'"),
      ["b.lua"] = a_rule("good", "doc.b = vm(doc.zonename)") }, asker)
    script:run(a_zone "one")
    asker:know("vm", "one", "web")
    asker:tell(script, "vm", "one")
    local doc = doc_of(go_on(script)[1])
    assert.same({ 1, "web", { "rule_failed:bad" } }, { doc.a, doc.b, doc.tags })
    assert.same({ 1, 0 }, { script:rules()[1].failed, script:rules()[2].failed })
    -- And a rule that fails first and waits in the next.
    script = open({ ["a.lua"] = a_rule("bad", "error 'x'"), ["b.lua"] = a_rule("good", "doc.b = vm(doc.path)") }, asker)
    script:run(a_zone "two")
    script:run(a_zone "three")
    asker:know("vm", "/p/two", "2")
    asker:tell(script, "vm", "/p/two")
    doc = doc_of(go_on(script)[1])
    assert.same({ "2", { "rule_failed:bad" }, "two" }, { doc.b, doc.tags, doc.zonename })
  end)

  it("and whose rule fails then while it redacts: withheld", function()
    local asker = fake_asker.new()
    local script = open({ ["a.lua"] = (a_rule("mask", "vm(doc.zonename) error 'x'"):gsub("'enrich'", "'redact'")) },
      asker)
    script:run(a_zone "one")
    asker:tell(script, "vm", "one")
    local result = go_on(script)[1]
    assert.same({ "withheld", "mask", { "withheld", "rule_failed:mask" } },
      { result.verdict, result.rule, doc_of(result).tags })
    assert.is_nil(result.json:find("/p/one", 1, true))
  end)

  it("and whose rule leaves what cannot be written: once more, with a look after each rule", function()
    local asker = fake_asker.new()
    local script = open({ ["a.lua"] = a_rule("good", "doc.a = vm(doc.zonename)"),
      ["b.lua"] = a_rule("bad", "doc.b = print") }, asker)
    script:run(a_zone "one")
    asker:know("vm", "one", "web")
    asker:tell(script, "vm", "one")
    local doc = doc_of(go_on(script)[1])
    assert.same({ "web", { "rule_failed:bad" } }, { doc.a, doc.tags })
  end)

  it("has its CPU time counted over all its turns", function()
    local asker = fake_asker.new()
    local script = open({ ["a.lua"] = a_rule("slow", [[
      for i = 1, 14 do
        vm('k' .. i)
        local n = 0
        for j = 1, 1500000 do n = n + j end
      end
      doc.done = true]]), ["b.lua"] = a_rule("next", "doc.next = true") }, asker, { time_limit = 30 })
    local result, round = script:run(a_zone "one"), 0
    while result.verdict == "waits" do
      round = round + 1
      asker:tell(script, "vm", "k" .. round)
      result = go_on(script)[1]
    end
    local doc = doc_of(result)
    assert.is_true(round > 1, "one turn took too long")
    assert.same({ nil, true }, { doc.done, doc.next })
    assert.equal("rule_failed:slow", doc.tags[#doc.tags])
  end)

  it("and loops then: ended like any other", function()
    local asker = fake_asker.new()
    local script = open("vm(doc.zonename) while true do pcall(function() while true do end end) end", asker,
      { time_limit = 20 })
    script:run(a_zone "one")
    script:run(a_zone "two")
    asker:tell(script, "vm", "one")
    assert.same({ "lookup_missing:vm", "rule_failed:zone" }, doc_of(go_on(script)[1]).tags)
    asker:tell(script, "vm", "two")
    assert.same({ "lookup_missing:vm", "rule_failed:zone" }, doc_of(go_on(script)[1]).tags)
  end)

  it("keeps its fields to itself: another rule that kept its document sees no other record in it", function()
    local asker = fake_asker.new()
    local script = open({ ["a.lua"] = SOURCES .. [[local kept
      return rule { name = "keeper", about = "x", apply = function(doc)
        if kept then
          doc.seen = { tostring(kept.path), tostring(kept.event), tostring(next(kept)) }
          doc.wrote = pcall(function() kept.mine = "from " .. doc.zonename end)
        end
        if doc.zonename == "one" then kept = doc vm "x" kept = nil end
      end }]] }, asker)
    script:run(a_zone "one")
    local doc = doc_of(script:run(a_zone "two"))
    assert.same({ { "nil", "nil", "zonename" }, false }, { doc.seen, doc.wrote })
    asker:tell(script, "vm", "x")
    doc = doc_of(go_on(script)[1])
    assert.same({ "/p/one", "one", nil }, { doc.path, doc.zonename, doc.mine })
  end)
end)

describe("core.script: a wait", function()
  it("that is abandoned asks no more, and its place is free", function()
    local asker = fake_asker.new()
    local script = open(ALIAS, asker, { max_waiting = 1 })
    local held = script:run(a_zone "one").held
    script:abandon(held)
    assert.same({ 0, 1 }, { script:waiting(), asker.forgotten })
    assert.equal("waits", script:run(a_zone "two").verdict)
    asker:know("vm", "two", { alias = "web" })
    assert.equal(1, asker:tell(script, "vm", "two"))
    assert.equal("web", doc_of(go_on(script)[1]).zonealias)
    assert.has_error(function() script:resume(held) end)
  end)

  it("that is abandoned after it was told", function()
    local asker = fake_asker.new()
    local script = open(ALIAS, asker)
    local held = script:run(a_zone "one").held
    asker:tell(script, "vm", "one")
    script:abandon(held)
    assert.same({ 0, 0 }, { script:waiting(), asker.forgotten })
    assert.equal("waits", script:run(a_zone "two").verdict)
  end)

  it("is abandoned when the script closes", function()
    local asker = fake_asker.new()
    local script = open(ALIAS, asker)
    for i = 1, 10 do script:run(a_zone("z" .. i)) end
    asker:tell(script, "vm", "z1")
    script:close()
    assert.equal(9, asker.forgotten)
  end)

  it("is not ended by the answer to an older question, nor by one that comes twice", function()
    local asker = fake_asker.new()
    local script = open("doc.a = vm(doc.zonename) doc.b = vm(doc.path)", asker)
    script:run(a_zone "one")
    local first = asker.tickets["vm/one"][1]
    asker:know("vm", "one", "A")
    script:tell(first)
    script:tell(first)
    local woken = script:woken()
    assert.equal(1, #woken)
    assert.equal("waits", script:resume(woken[1]).verdict)
    -- It waits for its second question now: what comes for the first is not heard.
    script:tell(first)
    assert.same({}, script:woken())
    assert.equal("waits", script:resume(woken[1]).verdict)
    asker:know("vm", "/p/one", "B")
    asker:tell(script, "vm", "/p/one")
    local doc = doc_of(go_on(script)[1])
    assert.same({ "A", "B" }, { doc.a, doc.b })
    -- Its place is used again, by another record: the same.
    script:run(a_zone "two")
    script:tell(first)
    assert.same({}, script:woken())
    asker:tell(script, "vm", "two")
    assert.equal("waits", go_on(script)[1].verdict)
  end)

  it("is not ended by an answer to an older question, however many were asked since at its place", function()
    local asker = fake_asker.new()
    local script = open(ALIAS, asker)
    script:run(a_zone "first")
    local stale = asker.tickets["vm/first"][1]
    asker:know("vm", "first", { alias = "a" })
    asker:tell(script, "vm", "first")
    go_on(script)
    for i = 1, 300 do
      script:run(a_zone("z" .. i))
      script:tell(stale)
      assert.same({}, script:woken())
      asker:know("vm", "z" .. i, { alias = "b" })
      asker:tell(script, "vm", "z" .. i)
      assert.equal(1, #go_on(script))
    end
  end)

  it("outlives its Lua state: the record begins anew on the next one", function()
    local asker = fake_asker.new()
    local script = open({
      ["a.lua"] = a_rule("hoard", "hoard = hoard or {} if doc.zonename == 'bad' then for i = 1, 100 do "
        .. "hoard[#hoard + 1] = ('x'):rep(1 << 20) .. i end end"),
      ["b.lua"] = a_rule("zone", "doc.times = (doc.times or 0) + 1 doc.a = vm(doc.zonename) doc.b = vm(doc.path)"),
    }, asker, { max_heap = 12 << 20, time_limit = 2000 })
    for i = 1, 20 do assert.equal("waits", script:run(a_zone("z" .. i)).verdict) end
    asker:know("vm", "z1", "A1")
    asker:tell(script, "vm", "z1")
    assert.equal("waits", go_on(script)[1].verdict)
    assert.same({ "rule_failed:hoard", "lookup_missing:vm" }, doc_of(script:run(a_zone "bad")).tags)
    assert.same({ 1, 20 }, { script:work().rebuilt, script:waiting() })
    for i = 1, 20 do
      asker:know("vm", "z" .. i, "A" .. i)
      asker:know("vm", "/p/z" .. i, "B" .. i)
      asker:tell(script, "vm", "z" .. i)
      asker:tell(script, "vm", "/p/z" .. i)
    end
    for i, result in ipairs(go_on(script)) do
      local doc = doc_of(result)
      assert.same({ "A" .. i, "B" .. i, 1, "/p/z" .. i, nil }, { doc.a, doc.b, doc.times, doc.path, doc.tags })
    end
    assert.same({ 0, 20 }, { script:waiting(), script:work().restarted })
  end)

  it("outlives its Lua state also when it is its own rule that had it thrown away", function()
    local asker = fake_asker.new()
    local script = open([[hoard = hoard or {}
      for i = 1, 45 do hoard[i] = ('x'):rep(100000) .. i end
      doc.ok = pcall(function() return ('y'):rep(10 << 20) end)
      doc.a = vm(doc.zonename)]], asker, { max_heap = 12 << 20, time_limit = 2000 })
    assert.equal("waits", script:run(a_zone "one").verdict)
    assert.same({ 1, 1 }, { script:work().rebuilt, script:waiting() })
    asker:know("vm", "one", "A")
    asker:tell(script, "vm", "one")
    local doc = doc_of(go_on(script)[1])
    assert.same({ "A", false, 1, 0 }, { doc.a, doc.ok, script:work().restarted, script:waiting() })
  end)

  it("of a record that has been begun anew may wait again, in the new state", function()
    local asker = fake_asker.new()
    local script = open({
      ["a.lua"] = a_rule("hoard", "hoard = hoard or {} if doc.zonename == 'bad' then for i = 1, 100 do "
        .. "hoard[#hoard + 1] = ('x'):rep(1 << 20) .. i end end", "when = { zonename = 'bad' },"),
      ["b.lua"] = a_rule("zone", "doc.a = vm(doc.zonename)", "when = { zonename = rule.no 'bad' },"),
    }, asker, { max_heap = 12 << 20, time_limit = 2000 })
    script:run(a_zone "one")
    script:run(a_zone "bad")
    asker:tell(script, "vm", "one")
    assert.equal("waits", go_on(script)[1].verdict)
    asker:know("vm", "one", "A")
    asker:tell(script, "vm", "one")
    assert.equal("A", doc_of(go_on(script)[1]).a)
    assert.same({ 1, 1, 2, 0 }, { script:work().rebuilt, script:work().restarted, script:work().waited,
      script:waiting() })
  end)

  it("takes memory for its record only: that of a thousand is given back", function()
    local asker = fake_asker.new()
    local script = open(ALIAS, asker, { max_waiting = 5000 })
    local function round()
      for i = 1, 2000 do script:run(a_zone("z" .. i)) end
      for i = 1, 2000 do asker:tell(script, "vm", "z" .. i) end
      go_on(script)
    end
    round()
    local least
    for _ = 1, 5 do
      round()
      for _ = 1, 200 do script:run(a_zone("z0")) script:abandon(script:run(a_zone("z0")).held) end
      least = math.min(least or math.huge, script:work().heap)
      for i = 1, 200 do asker:tell(script, "vm", "z0" .. i) end
    end
    assert.is_true(least < 4 << 20, "heap: " .. least)
    assert.equal(0, script:work().rebuilt)
  end)
end)

describe("core.script: records in any order", function()
  -- Records of a few zones and paths; rules that ask up to four times, one of them fails now and then.
  local rules = {
    ["a.lua"] = a_rule("one", [[doc.a = vm(doc.zonename)
      if doc.a == "drop" then return rule.drop "dropped" end
      doc.tags = { doc.path }]]),
    ["b.lua"] = a_rule("two", "doc.b = login(doc.a or 'x') if doc.zonename == 'z3' then error 'x' end doc.c = doc.path",
      "when = { zonename = { 'z1', 'z2', 'z3', 'z4' } },"),
    ["c.lua"] = (a_rule("three", "doc.path = vm(doc.path) or 'masked'"):gsub("'enrich'", "'redact'")),
    ["d.lua"] = (a_rule("four", "if doc.b then return rule.route('i-' .. doc.b) end"):gsub("'enrich'", "'route'")),
  }
  local answers = {}
  for i = 1, 5 do
    answers["vm/z" .. i] = i == 4 and "drop" or "a" .. i
    answers["login/a" .. i] = i ~= 2 and "b" .. i or nil
  end
  for i = 1, 6 do answers["vm//" .. i] = i ~= 3 and "p" .. i or nil end


  it("become the same documents as one by one", function()
    for seed = 1, 60 do
      math.randomseed(seed)
      local records = {}
      for i = 1, math.random(2, 40) do
        records[i] = a_record.bytes { path = "/" .. math.random(6), zonename = "z" .. math.random(5),
          subject = { pid = i } }
      end
      local function fill(asker, name)
        local source, key = name:match "^(%w+)/(.*)$"
        if answers[name] then asker:know(source, key, answers[name]) else asker:say(source, key, "nothing") end
        return source, key
      end
      -- One by one, everything known.
      local warm = fake_asker.new()
      for i = 1, 5 do
        fill(warm, "vm/z" .. i)
        fill(warm, "login/a" .. i)
      end
      for i = 1, 6 do fill(warm, "vm//" .. i) end
      local wanted, plain = {}, open(rules, warm)
      for i, bytes in ipairs(records) do
        local r = plain:run(bytes)
        wanted[i] = { r.verdict, r.rule, r.index, r.json }
      end
      -- In any order, nothing known; answers come when they like, and some are forgotten again.
      local cold, got, number, left = fake_asker.new(), {}, {}, #records
      local script, next_record, ready = open(rules, cold), 1, {}
      local function take(i, r)
        if r.verdict ~= "waits" then got[i], left = { r.verdict, r.rule, r.index, r.json }, left - 1 end
      end
      while left > 0 do
        local what = math.random(3)
        if what == 1 and next_record <= #records then
          local r = script:run(records[next_record])
          if r.held then number[r.held] = next_record end
          take(next_record, r)
          next_record = next_record + 1
        elseif what == 2 then
          local names = {}
          for name, tickets in pairs(cold.tickets) do
            if #tickets > 0 then names[#names + 1] = name end
          end
          table.sort(names)
          if #names > 0 then cold:tell(script, fill(cold, names[math.random(#names)])) end
          for _, held in ipairs(script:woken()) do table.insert(ready, math.random(#ready + 1), held) end
        elseif #ready > 0 then
          local held = table.remove(ready)
          take(number[held], script:resume(held))
        end
      end
      assert.same(wanted, got, "seed " .. seed)
      assert.equal(0, script:waiting())
      for i, rule in ipairs(plain:rules()) do
        local other = script:rules()[i]
        assert.same({ rule.matched, rule.dropped, rule.routed, rule.failed },
          { other.matched, other.dropped, other.routed, other.failed })
      end
      plain:close()
      script:close()
    end
  end)

  it("end exactly once, and none as another, however short memory is", function()
    -- Rules that take much, now and then far too much, and let their state grow.
    local greedy = { ["a.lua"] = a_rule("greedy", [[hoard = hoard or {}
      local much = {}
      for i = 1, #doc.path * 40 do much[i] = { i } end
      doc.a = vm(doc.zonename)
      if doc.path:find "7" then
        pcall(function() local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end end)
      end
      if doc.path:find "9" then hoard[#hoard + 1] = ('x'):rep(90000) .. #hoard end
      doc.b, doc.n = vm(doc.path), #much]]) }
    for seed = 1, 8 do
      math.randomseed(seed)
      local asker = fake_asker.new()
      local script = open(greedy, asker, { max_heap = (seed % 4 + 1) * 300000, time_limit = 2000, max_waiting = 30 })
      local number, ready, ended, count = {}, {}, {}, 200
      local function take(i, result)
        if result.verdict == "waits" then return end
        assert.is_nil(ended[i])
        local doc = doc_of(result)
        assert.same({ "/" .. i, "z" .. i % 7 }, { doc.path, doc.zonename })
        assert.is_true(doc.a == nil or doc.a == "A" .. i % 7, doc.a)
        assert.is_true(doc.b == nil or doc.b == "B" .. i, doc.b)
        ended[i] = true
      end
      local function wake_some(all)
        for name, tickets in pairs(asker.tickets) do
          if #tickets > 0 and (all or math.random(3) == 1) then
            local key = name:match "^vm/(.*)$"
            if math.random(4) > 1 then asker:know("vm", key, (key:gsub("^z", "A"):gsub("^/", "B"))) end
            asker:tell(script, "vm", key)
            if math.random(3) == 1 then asker:forget_answer("vm", key) end
          end
        end
        for _, held in ipairs(script:woken()) do table.insert(ready, math.random(#ready + 1), held) end
      end
      local function resume_one()
        local held = table.remove(ready)
        if held then take(number[held], script:resume(held)) end
      end
      for i = 1, count do
        local result = script:run(a_record.bytes { path = "/" .. i, zonename = "z" .. i % 7 })
        if result.held then number[result.held] = i end
        take(i, result)
        wake_some(false)
        resume_one()
      end
      while script:waiting() > 0 do
        wake_some(true)
        resume_one()
      end
      assert.same({ count, count }, { #ended, script:work().records })
      local work = script:work()
      assert.is_true(work.waited > 20, "waited " .. work.waited)
      assert.is_true(work.rebuilt > 0, "rebuilt " .. work.rebuilt)
      script:close()
    end
  end)
end)
