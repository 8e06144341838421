-- Assertions about what a rule answered: a verdict as `auditrecv.rule` makes it, or nothing for "carry on".
--
--   assert.dropped(verdict)            assert.dropped(verdict, "cron bookkeeping")
--   assert.routed(verdict)             assert.routed(verdict, "audit-logins")
--   assert.kept(verdict)               nothing was answered, or a route

local assert = require "luassert"
local say = require "say"

local function shown(verdict)
  if type(verdict) ~= "table" then return tostring(verdict) end
  return ("%s (%s)"):format(tostring(verdict.verdict), tostring(verdict.reason or verdict.index))
end

local function about(what, field)
  return function(state, arguments)
    local verdict, expected = arguments[1], arguments[2]
    state.failure_message = say("assertion." .. what, {
      expected and ("%s: %s"):format(what, expected) or what, shown(verdict),
    })
    if type(verdict) ~= "table" or verdict.verdict ~= field[1] then return false end
    return expected == nil or verdict[field[2]] == expected
  end
end

local function kept(state, arguments)
  local verdict = arguments[1]
  state.failure_message = "Expected the record to be kept, but the rule answered: " .. shown(verdict)
  return verdict == nil or type(verdict) == "table" and verdict.verdict == "route"
end

say:set("assertion.dropped", "Expected the record to be %s\nbut the rule answered: %s")
say:set("assertion.routed", "Expected the record to be %s\nbut the rule answered: %s")
assert:register("assertion", "dropped", about("dropped", { "drop", "reason" }), "assertion.dropped")
assert:register("assertion", "routed", about("routed", { "route", "index" }), "assertion.routed")
assert:register("assertion", "kept", kept)
