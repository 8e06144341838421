local core = require "core.script"

describe("core.script fault text", function()
  for _, case in ipairs {
    { "keeps what Lua says about a rule's variables", "a.lua:3: attempt to index a nil value (field 'subject')", false,
      "a.lua:3: attempt to index a nil value (field 'subject')" },
    { "cuts what is quoted and no name", "a.lua:3: invalid conversion '%secret word' to 'format'", false,
      "a.lua:3: invalid conversion '…' to 'format'" },
    { "cuts double quotes too", 'a.lua:3: near "hunter 2"', false, 'a.lua:3: near "…"' },
    { "cuts what is quoted to no end", "a.lua:3: near 'hunter2", false, "a.lua:3: near '…" },
    { "keeps the place only of a rule's own words", "site/x.lua:12: hunter2", true,
      "site/x.lua:12: it raised an error of its own (its words are logged at level debug)" },
    { "keeps nothing of own words without place", "hunter2", true,
      "it raised an error of its own (its words are logged at level debug)" },
    { "does not take a record's words for a place", "see /a b.lua:1: hunter2", true,
      "it raised an error of its own (its words are logged at level debug)" },
  } do
    it(case[1], function() assert.equal(case[4], core.fault_text(case[2], case[3])) end)
  end

  it("says so when the error is no text", function()
    assert.equal("it raised an error that is no text", core.fault_text(nil, false))
  end)

  it("is short", function() assert.is_true(#core.fault_text(("x"):rep(5000), false) <= 300) end)
end)
