-- `when`: asked in C of the record, in C of a changed doc, and in Lua by auditrecv.rule; the three agree.
local core = require "core.script"
local corpus = require "spec.support.corpus"
local json = require "spec.support.json"
local rule = require "auditrecv.rule"
local rules_directory = require "spec.support.rules_directory"

local open = rules_directory.open

core.log(2, "error")

local conditions = {
  "{ event = 'execve' }", "{ event = { 'su', 'kill', 'cron_invoke' } }",
    "{ event = 'execve', subject = { uid = 1001 } }",
  "{ subject = { uid = 0 } }", "{ subject = { uid = { 0, 1001 }, terminal = { ip = '198.51.100.7' } } }",
  "{ ['return'] = -1 }", "{ ['return'] = 0.0 }", "{ ['return'] = 0.5 }", "{ errno = 'eperm', outcome = 'failure' }",
  "{ path = rule.prefix '/etc/' }", "{ path = rule.suffix '.tmp' }", "{ path = rule.contains 'pass' }",
  "{ path = { rule.prefix '/etc/', '/tmp/scratch', rule.suffix 'key' } }", "{ path = rule.no '/etc/passwd' }",
  "{ path = rule.no { rule.prefix '/etc', rule.prefix '/tmp' } }", "{ path = rule.present }", "{ path = rule.absent }",
  "{ path = { '/etc', '/etc/passwd', rule.prefix '/tmp/s' } }", "{ path = { 'passwd', rule.contains 'c/sh' } }",
  "{ exec_args = { '-', '-l', rule.prefix '--' } }",
  "{ subject = rule.absent }", "{ subject = { terminal = rule.present } }",
    "{ subject = { terminal = { dev = rule.absent } } }",
  "{ exec_args = 'ls' }", "{ exec_args = { 'ls', 'x' } }", "{ exec_args = rule.prefix '-' }",
    "{ exec_args = rule.no '-l' }",
  "{ exec_args = rule.present }", "{ text = 'one' }", "{ text = rule.contains '\\\\' }",
    "{ args = { signal = 'sigkill' } }",
  "{ args = { a = 8 } }", "{ args = { op = rule.present } }", "{ args = { ['new file mode'] = '100600' } }",
  "{ exec_env = { A = '1' } }", "{ exec_env_more = rule.present }", "{ exec_env_more = 'NOEQUALS' }",
  "{ process = { pid = 777 } }", "{ attributes = { uid = 0 }, target_path = rule.present }",
    "{ zonename = rule.no 'global' }",
  "{ privs = { Effective = 'basic' } }", "{ socket = { remote_port = rule.at_least(400) } }",
  "{ socket = { remote_port = rule.at_most(442) } }", "{ subject = { uid = rule.at_least(0) } }",
    "{ event_id = rule.at_most(23) }",
  "{ modifier = 'fe' }", "{ modifier = rule.absent, event = rule.no 'su' }", "{ more = rule.present }",
  "{ more = { path = rule.present } }", "{ more = { text = 'x' } }", "{ tags = 'x' }", "{ tags = rule.absent }",
  "{ zonealias = rule.no 'x' }", "{ damaged = rule.present }", "{ escaped = rule.present }", "{ escaped = 'path' }",
  "{ unknown_token = rule.at_least(0) }", "{ acl = { type = rule.present } }", "{ path = 5 }", "{ event_id = '23' }",
  "{ path = rule.no(rule.no(rule.prefix '/etc')) }", "{ event_id = { 23, 'x', rule.at_least(6000) } }",
  "{ path = { rule.absent, '/etc/passwd' } }", "{ text = { '', rule.suffix 'ee' } }", "{ path = rule.prefix '' }",
  "{ path = true }", "{ sequence = rule.no { 5, rule.at_least(7) } }",
  "function(doc) return doc.event == 'su' end",
    "{ subject = { uid = function(uid) return uid == 0 end }, event = 'su' }",
  "{ exec_args = function(list) return list and #list == 2 end }",
}

local function one_each(prefix, body)
  local files = { ["0.lua"] = prefix }
  for i, when in ipairs(conditions) do
    files[("%03d.lua"):format(i)] =
      ("return rule { name = 'r%d', about = 'x', when = %s, apply = function(doc) %s end }"):format(i, when, body)
  end
  return files
end

local function matched(script)
  local counts = {}
  for _, r in ipairs(script:rules()) do
    local i = r.name:match "^r(%d+)$"
    if i then counts[tonumber(i)] = r.matched end
  end
  return counts
end

local asked_in_lua = {}
for i, when in ipairs(conditions) do
  asked_in_lua[i] = load("local rule = ... return " .. when)(rule)
end

describe("when in core.script", function()
  local records = corpus.records()
  local nothing = "return rule { name = 'z', about = 'x', apply = function() end }"
  local everything = "return rule { name = 'z', about = 'x', apply = function(doc) for k in pairs(doc) do end end }"
  for _, way in ipairs {
    { "asked of the record", open(one_each(nothing, "")) },
    { "asked of a doc that was made whole", open(one_each(everything, "")) },
    { "asked of a doc made at once", open(one_each(nothing, ""), { eager = true }) },
  } do
    it(way[1] .. " is what auditrecv.rule says", function()
      local before = matched(way[2])
      for _, record in ipairs(records) do
        assert.equal("index", way[2]:run(record[2]).verdict)
        local now, doc = matched(way[2]), json.decode(core.plain(record[2]))
        for i, when in ipairs(asked_in_lua) do
          assert.equal(rule.asks(when, doc) and 1 or 0, now[i] - before[i],
            ("%s for %s: %s"):format(conditions[i], record[1], core.plain(record[2])))
        end
        before = now
      end
    end)
  end

  local bytes = a_record.bytes { event = "execve", path = "/a", subject = { uid = 5 } }
  local function fires(first, when, more)
    local script = open {
      ["1.lua"] = ("return rule { name = 'one', about = 'x', adds = { 'mine' }, apply = function(doc) %s end }")
        :format(first),
      ["2.lua"] = ("return rule { name = 'two', about = 'x', when = %s, apply = function(doc) %s end }"):format(when,
        more or ""),
    }
    script:run(bytes)
    return script:rules()[2].matched == 1
  end

  for _, case in ipairs {
    { "a field that was set", "doc.path = '/b'", "{ path = '/b' }", true },
    { "a field that was changed away", "doc.path = '/b'", "{ path = '/a' }", false },
    { "a field that was taken out", "doc.path = nil", "{ path = rule.absent }", true },
    { "a field inside that was changed", "doc.subject.uid = 0", "{ subject = { uid = 0 } }", true },
    { "an event that was renamed", "doc.event = 'other'", "{ event = 'execve' }", false },
    { "a field that was only read", "local x = doc.path", "{ path = '/a' }", true },
    { "tags that were set", "doc.tags = { 'a', 'b' }", "{ tags = 'b' }", true },
    { "zonealias that was set", "doc.zonealias = 'o-a'", "{ zonealias = rule.prefix 'o-' }", true },
    { "an own field", "doc.mine = 5", "{ mine = 5 }", true },
    { "an own field, a float", "doc.mine = 5.0", "{ mine = 5 }", true },
    { "an own field, a boolean", "doc.mine = true", "{ mine = true }", true },
    { "an own field, another boolean", "doc.mine = true", "{ mine = false }", false },
    { "an own object", "doc.mine = { a = { b = 'c' } }", "{ mine = { a = { b = 'c' } } }", true },
    { "an own list of objects", "doc.mine = { { a = 1 }, { a = 2 } }", "{ mine = { a = 2 } }", true },
    { "a circle", "doc.mine = {} doc.mine[1] = doc.mine", "{ mine = { a = 2 } }", false },
    { "a rule that changes and fails", "doc.path = '/b' error 'x'", "{ path = '/b' }", true },
  } do
    it("sees " .. case[1], function() assert.equal(case[4], fires(case[2], case[3])) end)
  end

  it("does not enter Lua for a record that no rule wants", function()
    local script = open {
      ["a.lua"] = "return rule { name = 'a', about = 'x', when = { event = 'su' }, apply = print }" }
    script:run(bytes)
    assert.equal(0, script:work().entered)
    assert.equal(0, script:rules()[1].matched)
    script:run(a_record.bytes { event = "su" })
    assert.equal(1, script:work().entered)
  end)

  it("calls a function only when all else holds", function()
    local script = open { ["a.lua"] = [[return rule { name = 'a', about = 'x', apply = print,
      when = { event = 'su', path = function() error 'asked' end } }]] }
    script:run(bytes)
    assert.same({ 0, 0 }, { script:work().entered, script:rules()[1].failed })
    script:run(a_record.bytes { event = "su" })
    assert.same({ 1, 1 }, { script:work().entered, script:rules()[1].failed })
  end)

  -- Work, not time: the paths asked of a record, and the conditions asked rule by rule.
  local function work(count, when)
    local files = {}
    for i = 1, count do
      files[("%03d.lua"):format(i)] =
        ("return rule { name = 'r%d', about = 'x', when = %s, apply = print }"):format(i, when:gsub("%$", tostring(i)))
    end
    local script = open(files)
    local before = script:work()
    script:run(bytes)
    local after = script:work()
    assert.equal(0, after.entered)
    return after.probes - before.probes + after.conditions - before.conditions
  end
  for _, when in ipairs {
    "{ event = 'su' }", "{ event = 'su', subject = { uid = $ } }", "{ subject = { uid = 1000 + $ } }",
    "{ event = 'execve', path = '/nowhere/$' }", "{ zonename = 'zone-$', path = rule.prefix '/x' }",
    "{ event = 'su', path = rule.prefix '/$' }", "{ args = { name = $ } }",
  } do
    it("costs with 300 rules what it costs with one: " .. when, function()
      assert.equal(work(1, when), work(300, when))
    end)
  end
end)
