-- Rules as plain Lua, without the daemon. That `when` means here what it means there: spec/core/script_when_spec.lua.
local rule = require "auditrecv.rule"

local function a_rule(changes)
  local t = { name = "a", about = "x", apply = function() end }
  for key, value in pairs(changes or {}) do t[key] = value end
  return t
end

describe("auditrecv.rule", function()
  it("makes a rule that can be run", function()
    local noise = rule(a_rule {
      when = { event = "cron_invoke", subject = { uid = 0 } },
      apply = function(doc) return rule.drop(doc.event .. " is noise") end,
    })
    assert.dropped(noise.run(a_record { event = "cron_invoke" }), "cron_invoke is noise")
    assert.is_nil(noise.run(a_record { event = "cron_invoke", subject = { uid = 5 } }))
    assert.same({ "a", "x", "shape" }, { noise.name, noise.about, noise.phase })
  end)

  it("takes every record without when", function()
    assert.routed(rule(a_rule { phase = "route", apply = function() return rule.route "x" end }).run(a_record()), "x")
  end)

  it("may ask in Lua", function()
    local asked = rule(a_rule { when = function(doc) return doc.path == "/x" end,
      apply = function() return rule.drop "x" end })
    assert.dropped(asked.run(a_record { path = "/x" }))
    assert.kept(asked.run(a_record()))
  end)

  for _, case in ipairs {
    { "an unknown key", { whne = {} }, 'a: a rule has no "whne"; did you mean "when"?' },
    { "a key that is a number", { [1] = 1 }, 'a: a rule has no "[1]"' },
    { "an unknown phase", { phase = "shap" }, 'there is no phase "shap"; did you mean "shape"?' },
    { "a phase that is no text", { phase = 1 }, 'there is no phase "1"' },
    { "a name with blanks", { name = "a b" }, "a rule has a name of letters" },
    { "no about", { about = "" }, "about" },
    { "no function", { apply = 1 }, "function `apply`" },
    { "when that is a text", { when = "su" }, "when is a table or a function, not a string" },
    { "when that is a matcher", { when = rule.present }, "when is a table or a function" },
    { "an empty list", { when = { event = {} } }, "when.event: an empty table never holds" },
    { "a list with holes", { when = { event = { "a", nil, "b", [7] = "c" } } }, "when.event: " },
    { "a mixed table", { when = { subject = { "x", uid = 1 } } }, "when.subject: a list (any of) and named fields" },
    { "a function in a list", { when = { path = { print } } },
      "when.path: a list holds values and matchers, not a function" },
    { "no of a table", { when = { path = rule.no { uid = 1 } } }, "rule.no wants a value" },
    { "adds that is a text", { adds = "x" }, "adds is a list" },
    { "adds with dots", { adds = { "a.b" } }, "adds is a list" },
  } do
    it("refuses " .. case[1], function()
      local ok, why = pcall(rule, a_rule(case[2]))
      assert.is_false(ok)
      assert.truthy(why:find(case[3], 1, true), why)
    end)
  end

  it("refuses what is no table, where it stands", function()
    local ok, why = pcall(function() rule "x" end)
    assert.is_false(ok)
    assert.truthy(why:find("rule_spec.lua:%d+: rule wants a table"), why)
  end)

  it("wants reasons, indices, texts and numbers", function()
    for _, wrong in ipairs {
      function() rule.drop() end, function() rule.drop "" end, function() rule.route() end,
        function() rule.prefix() end,
      function() rule.at_least "x" end, function() rule.no() end,
    } do
      local ok, why = pcall(wrong)
      assert.is_false(ok)
      assert.truthy(why:find "rule_spec.lua:%d+:", why)
    end
  end)
end)

describe("auditrecv.nearest", function()
  local nearest = require "auditrecv.nearest"
  for _, case in ipairs { { "evnt", "event" }, { "subjct", "subject" }, { "", "path" }, { "event", "event" } } do
    it(("takes %q for %q"):format(case[1], case[2]), function()
      assert.equal(case[2], nearest.to(case[1], { "event", "path", "subject" }))
    end)
  end
  it("has nothing to offer out of nothing", function() assert.is_nil(nearest.to("x", {})) end)
end)
