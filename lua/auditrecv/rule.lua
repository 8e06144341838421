--- Rules: what they look like, how `when` is asked, and the verdicts that they return.
---
---     local rule = require "auditrecv.rule"
---
---     return rule {
---       name  = "cron_noise",
---       about = "cron's own bookkeeping repeats every minute and says nothing new",
---       when  = { event = "cron_invoke", ["return"] = 0, subject = { uid = 0 } },
---       apply = function() return rule.drop "cron bookkeeping" end,
---     }
---
--- The daemon compiles `when` and asks it in C; what stands here is the same in Lua, so that a rule can be tried in a
--- spec without the daemon: `the_rule.run(a_record { … })`.

local nearest = require "auditrecv.nearest"

---@alias auditrecv.phase "shape"|"enrich"|"redact"|"route"

---@class auditrecv.verdict
---@field verdict "drop"|"route"
---@field reason? string
---@field index? string

---@class auditrecv.matcher
---@field matcher string
---@field value any

---@class auditrecv.rule
---@field name string   letters, digits, `_`, `-`, `.`; shown in tags, counters and logs
---@field about string  one line: why this rule is here
---@field when? table|fun(doc: table): any   all records when it is not given
---@field apply fun(doc: table): auditrecv.verdict?
---@field phase? auditrecv.phase   `shape` when it is not given
---@field adds? string[]  fields of its own that it gives to documents, so that `when` of later rules may name them
---@field run fun(doc: table): auditrecv.verdict?  asks `when` and applies: for specs

---@overload fun(described: auditrecv.rule): auditrecv.rule
local rule = {}

local KEYS = { "name", "about", "when", "apply", "phase", "adds" }
local PHASES = { "shape", "enrich", "redact", "route" }

local known, phases = {}, {}
for _, key in ipairs(KEYS) do known[key] = true end
for _, phase in ipairs(PHASES) do phases[phase] = true end

-- The mark of a matcher; the daemon knows it by this table.
local Matcher = { __name = "matcher" }
local Rule = { __name = "rule" }
rule.Matcher, rule.Rule = Matcher, Rule

local function matcher(kind, value)
  return setmetatable({ matcher = kind, value = value }, Matcher)
end

local function text_matcher(kind)
  return function(text)
    if type(text) ~= "string" then error(("rule.%s wants a text, not a %s"):format(kind, type(text)), 2) end
    return matcher(kind, text)
  end
end

local function number_matcher(kind)
  return function(number)
    if type(number) ~= "number" then error(("rule.%s wants a number, not a %s"):format(kind, type(number)), 2) end
    return matcher(kind, number)
  end
end

--- The text begins with this.
---@type fun(text: string): auditrecv.matcher
rule.prefix = text_matcher "prefix"
--- The text ends with this.
---@type fun(text: string): auditrecv.matcher
rule.suffix = text_matcher "suffix"
--- The text has this somewhere in it (plain text, no pattern).
---@type fun(text: string): auditrecv.matcher
rule.contains = text_matcher "contains"
--- The number is this or more.
---@type fun(number: number): auditrecv.matcher
rule.at_least = number_matcher "at_least"
--- The number is this or less.
---@type fun(number: number): auditrecv.matcher
rule.at_most = number_matcher "at_most"
--- The field is there, whatever it holds.
---@type auditrecv.matcher
rule.present = matcher "present"
--- The field is not there.
---@type auditrecv.matcher
rule.absent = matcher "absent"

--- The condition does not hold: `rule.no "root"`, `rule.no { 0, 1 }`, `rule.no(rule.prefix "/tmp/")`. It is also true
--- of a field that is not there.
---@param condition any
---@return auditrecv.matcher
function rule.no(condition)
  if condition == nil then error("rule.no wants a condition", 2) end
  return matcher("no", condition)
end

--- The record goes no further; the reason is counted and shown.
---@param reason string
---@return auditrecv.verdict
function rule.drop(reason)
  if type(reason) ~= "string" or reason == "" then error("rule.drop wants a reason", 2) end
  return { verdict = "drop", reason = reason }
end

--- The document goes to this index. For rules of the phase `route`; the first that routes decides.
---@param index string  lower case, at most 255 bytes
---@return auditrecv.verdict
function rule.route(index)
  if type(index) ~= "string" or index == "" then error("rule.route wants the name of an index", 2) end
  return { verdict = "route", index = index }
end

local function is_matcher(value)
  return type(value) == "table" and getmetatable(value) == Matcher
end

-- What kind of condition a value of `when` is; nil and why when it is none.
local function kind_of(condition)
  local kind = type(condition)
  if kind == "string" or kind == "number" or kind == "boolean" then return "value" end
  if kind == "function" then return "function" end
  if kind ~= "table" then return nil, "a " .. kind .. " is no condition" end
  if is_matcher(condition) then return "matcher" end
  if next(condition) == nil then return nil, "an empty table never holds" end
  local texts, numbers = 0, 0
  for key in pairs(condition) do
    if type(key) == "string" then texts = texts + 1 else numbers = numbers + 1 end
  end
  if texts > 0 and numbers > 0 then return nil, "a list (any of) and named fields in one table" end
  if texts > 0 then return "nested" end
  for i = 1, numbers do
    if condition[i] == nil then return nil, "a list with holes" end
  end
  return "list"
end

local function fault(path, reason)
  return ("when%s: %s"):format(path ~= "" and "." .. path or "", reason)
end

local check

local function check_list(list, path)
  for _, element in ipairs(list) do
    local kind, why = kind_of(element)
    if kind == "function" or kind == "nested" or kind == "list" then
      why = "a list holds values and matchers, not a " .. (kind == "function" and kind or "table")
    end
    if why then return fault(path, why) end
    why = check(element, path)
    if why then return why end
  end
end

function check(condition, path)
  local kind, why = kind_of(condition)
  if not kind then return fault(path, why) end
  if kind == "list" then return check_list(condition, path) end
  if kind == "matcher" and condition.matcher == "no" then
    kind, why = kind_of(condition.value)
    if kind == "nested" or kind == "function" then why = "rule.no wants a value, a list or a matcher" end
    if why then return fault(path, why) end
    return check(condition.value, path)
  end
  if kind ~= "nested" then return end
  for key, inner in pairs(condition) do
    why = check(inner, path == "" and key or path .. "." .. key)
    if why then return why end
  end
end

local function check_when(when)
  local kind = type(when)
  if kind == "nil" or kind == "function" then return end
  if kind ~= "table" or is_matcher(when) then return "when is a table or a function, not a " .. kind end
  local shape, why = kind_of(when)
  if shape == "list" then why = "when names fields: when = { event = … }" end
  return why and fault("", why) or check(when, "")
end

-- Every value at a path: lists are looked into.
local function each_value(value, path, depth, visit)
  if type(value) ~= "table" then return depth > #path and value ~= nil and visit(value) or false end
  if depth <= #path and value[path[depth]] ~= nil then
    return each_value(value[path[depth]], path, depth + 1, visit)
  end
  for _, element in ipairs(value) do
    if each_value(element, path, depth, visit) then return true end
  end
  return false
end

local tests = {
  prefix = function(value, text) return type(value) == "string" and value:sub(1, #text) == text end,
  suffix = function(value, text) return type(value) == "string" and (text == "" or value:sub(-#text) == text) end,
  contains = function(value, text) return type(value) == "string" and value:find(text, 1, true) ~= nil end,
  at_least = function(value, number) return type(value) == "number" and value >= number end,
  at_most = function(value, number) return type(value) == "number" and value <= number end,
}

local function at(doc, path)
  local value = doc
  for _, step in ipairs(path) do
    if type(value) ~= "table" then return nil end
    value = value[step]
  end
  return value
end

local function is_there(value, path, depth)
  if depth > #path then return value ~= nil end
  if type(value) ~= "table" then return false end
  if value[path[depth]] ~= nil then return is_there(value[path[depth]], path, depth + 1) end
  for _, element in ipairs(value) do
    if is_there(element, path, depth) then return true end
  end
  return false
end

local function holds(condition, doc, path)
  if type(condition) == "function" then return condition(at(doc, path)) and true or false end
  if is_matcher(condition) then
    local kind = condition.matcher
    if kind == "no" then return not holds(condition.value, doc, path) end
    if kind == "present" then return is_there(doc, path, 1) end
    if kind == "absent" then return not is_there(doc, path, 1) end
    return each_value(doc, path, 1, function(value) return tests[kind](value, condition.value) end)
  end
  if type(condition) ~= "table" then
    return each_value(doc, path, 1, function(value) return value == condition end)
  end
  if #condition > 0 then
    for _, one in ipairs(condition) do
      if holds(one, doc, path) then return true end
    end
    return false
  end
  for key, inner in pairs(condition) do
    local below = table.move(path, 1, #path, 1, {})
    below[#below + 1] = key
    if not holds(inner, doc, below) then return false end
  end
  return true
end

--- Does this `when` hold for a document? Nothing given holds always.
---@param when? table|fun(doc: table): any
---@param doc table
---@return boolean
function rule.asks(when, doc)
  if when == nil then return true end
  if type(when) == "function" then return when(doc) and true or false end
  return holds(when, doc, {})
end

local function check_adds(adds)
  if adds == nil then return end
  if type(adds) ~= "table" then return "adds is a list of names of fields" end
  for _, name in ipairs(adds) do
    if type(name) ~= "string" or not name:find "^[%a_][%w_]*$" then
      return "adds is a list of names of fields: letters, digits and _"
    end
  end
end

local function complaint(t)
  if type(t) ~= "table" then return "rule wants a table, not a " .. type(t) end
  for key in pairs(t) do
    if not known[key] then
      local word = type(key) == "string" and key or "[" .. tostring(key) .. "]"
      return ("a rule has no %q; did you mean %q?"):format(word, nearest.to(word, KEYS))
    end
  end
  if type(t.name) ~= "string" or not t.name:find "^[%w_.-]+$" then
    return "a rule has a name of letters, digits, _, - and ."
  end
  if type(t.about) ~= "string" or t.about == "" then return "a rule says in `about` what it is for" end
  if type(t.apply) ~= "function" then return "a rule has a function `apply`" end
  if t.phase ~= nil and not phases[t.phase] then
    return ("there is no phase %q; did you mean %q?"):format(tostring(t.phase), nearest.to(tostring(t.phase), PHASES))
  end
  return check_adds(t.adds) or check_when(t.when)
end

--- The rule that a table describes, or nil and what is wrong with it.
---@param t table
---@return auditrecv.rule?
---@return string?
function rule.new(t)
  local why = complaint(t)
  if why then return nil, type(t) == "table" and type(t.name) == "string" and t.name .. ": " .. why or why end
  local made = {}
  for _, key in ipairs(KEYS) do made[key] = t[key] end
  made.phase = t.phase or "shape"
  function made.run(doc)
    if rule.asks(made.when, doc) then return made.apply(doc) end
  end
  return setmetatable(made, Rule)
end

return setmetatable(rule, {
  __call = function(_, t)
    local made, why = rule.new(t)
    return made or error(why, 2)
  end,
})
