-- fake_rules: when does something go wrong? Rules are plain data, so that they can be sent to a running fake; a script
-- may use functions besides. A rule strikes a whole bulk request (it has `answer`) or items (it has `fault` or `mix`),
-- under all of its conditions:
--
--   nth = 3 or { 1, 3 }        bulk requests counted from 1 since the start or the last reset of the rules
--   from = 2, to = 5           a range of them
--   more_than = 100            the request has more items than that
--   bytes_over = 100000        its body, unpacked, is longer than that
--   request_contains = "text"  somewhere in its body
--   gzip = true or false       its body was packed, or not
--   position = 1 or { 1, 4 }   the item's place in the request, from 1; negative: from the end
--   id = "…", index = "…"      of the item; like_id, like_index: a Lua pattern
--   contains = "text"          in the item's document
--   has = "subject.uid"        the document has this field, nested or with dots
--   test = function            in a script: asked with the request, or with the item and the request
--   times = 2                  strikes so often and never again
--   every = 3                  strikes each third time that the conditions hold
--
-- What it does:
--
--   answer = { … }             see fake_bulk
--   fault = "wrong_value"      a name of fake_faults, or an error in full; field =, value =, kind =, because = go with
--                              it; stored = true: the document is stored all the same
--   mix = { { 80 }, { 15, "rejected" }, { 5, "wrong_value" } }   one of them by chance, by weight; without a name: none

local fake_rules = {}

local known = {
  nth = true, from = true, to = true, more_than = true, bytes_over = true, request_contains = true, gzip = true,
  position = true, id = true, index = true, like_id = true, like_index = true, contains = true, has = true, test = true,
  times = true, every = true, answer = true, fault = true, mix = true, field = true, value = true, kind = true,
  because = true, stored = true,
}

local function any_of(wanted)
  if type(wanted) ~= "table" then return function(value) return value == wanted end end
  local set = {}
  for _, value in ipairs(wanted) do set[value] = true end
  return function(value) return set[value] end
end

-- Each condition makes a question out of its argument.
local of_request = {
  nth = function(wanted)
    local is = any_of(wanted)
    return function(request) return is(request.number) end
  end,
  from = function(first) return function(request) return request.number >= first end end,
  to = function(last) return function(request) return request.number <= last end end,
  more_than = function(count) return function(request) return request.count > count end end,
  bytes_over = function(count) return function(request) return #request.unpacked > count end end,
  request_contains = function(text)
    return function(request) return request.unpacked:find(text, 1, true) ~= nil end
  end,
  gzip = function(wanted) return function(request) return request.packed == wanted end end,
}

local function field_of(document, path)
  if type(document) ~= "table" then return nil end
  if document[path] ~= nil then return document[path] end
  for at in path:gmatch("()%.") do
    local inner = document[path:sub(1, at - 1)]
    local found = field_of(inner, path:sub(at + 1))
    if found ~= nil then return found end
  end
  return nil
end
fake_rules.field_of = field_of

local of_item = {
  position = function(wanted)
    local is = any_of(wanted)
    return function(item, request) return is(item.position) or is(item.position - request.count - 1) end
  end,
  id = function(wanted)
    local is = any_of(wanted)
    return function(item) return is(item.id) end
  end,
  index = function(wanted)
    local is = any_of(wanted)
    return function(item) return is(item.index) end
  end,
  like_id = function(pattern) return function(item) return item.id and item.id:find(pattern) ~= nil end end,
  like_index = function(pattern) return function(item) return item.index:find(pattern) ~= nil end end,
  contains = function(text) return function(item) return item.source:find(text, 1, true) ~= nil end end,
  has = function(path) return function(item) return field_of(item:document(), path) ~= nil end end,
}

local function questions(rule, table_of)
  local list = {}
  for name, make in pairs(table_of) do
    if rule[name] ~= nil then list[#list + 1] = make(rule[name]) end
  end
  return list
end

local function hold(list, ...)
  for i = 1, #list do if not list[i](...) then return false end end
  return true
end

local function strikes(rule)
  if rule.times and rule.struck >= rule.times then return false end
  rule.held = rule.held + 1
  if rule.every and rule.held % rule.every ~= 0 then return false end
  rule.struck = rule.struck + 1
  return true
end

--- Makes rules ready to be asked: { requests = …, items = … }.
---@param list table
---@return table
function fake_rules.compile(list)
  local compiled = { requests = {}, items = {} }
  for i, says in ipairs(list) do
    for name in pairs(says) do
      if not known[name] then error(("rule %d has no condition or deed called %s"):format(i, tostring(name)), 0) end
    end
    local for_items = says.fault ~= nil or says.mix ~= nil
    if for_items == (says.answer ~= nil) then error(("rule %d wants an answer, or a fault or mix"):format(i), 0) end
    local rule = {
      says = says, times = says.times, every = says.every, held = 0, struck = 0,
      of_request = questions(says, of_request), of_item = questions(says, of_item),
    }
    if says.test then table.insert(for_items and rule.of_item or rule.of_request, says.test) end
    table.insert(for_items and compiled.items or compiled.requests, rule)
  end
  return compiled
end

--- What to answer to a request as a whole, or nil.
---@param rules table compiled
---@param request table number, count, unpacked, packed
---@return table?
function fake_rules.answer(rules, request)
  for _, rule in ipairs(rules.requests) do
    if hold(rule.of_request, request) and strikes(rule) then return rule.says.answer end
  end
  return nil
end

--- The rules for items that may strike in this request.
---@param rules table compiled
---@param request table
---@return table[]
function fake_rules.for_items(rules, request)
  local list = {}
  for _, rule in ipairs(rules.items) do
    if hold(rule.of_request, request) then list[#list + 1] = rule end
  end
  return list
end

local function by_chance(mix)
  local total = 0
  for _, entry in ipairs(mix) do total = total + entry[1] end
  local at = math.random() * total
  for _, entry in ipairs(mix) do
    at = at - entry[1]
    if at < 0 then return entry[2] end
  end
  return mix[#mix][2]
end

--- The fault of an item, and the rule that says it; nil when none does.
---@param list table[] of for_items
---@param item table
---@param request table
---@return string|table|nil fault
---@return table? says
function fake_rules.fault(list, item, request)
  for _, rule in ipairs(list) do
    if hold(rule.of_item, item, request) and strikes(rule) then
      local fault = rule.says.fault
      if rule.says.mix then fault = by_chance(rule.says.mix) end
      if fault then return fault, rule.says end
      return nil
    end
  end
  return nil
end

return fake_rules
