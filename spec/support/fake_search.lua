-- fake_search: as much of searching as specs and the demo need: _search and _count by q=field:value or a query of
-- match_all, term, match, ids, exists, and bool of these; sorted by storing, or by one field; _refresh; GET of one
-- document; DELETE of an index.
local bulk = require "spec.support.fake_bulk"
local flavours = require "spec.support.fake_flavours"
local json = require "spec.support.json"
local rules = require "spec.support.fake_rules"

local quote = flavours.quote

local fake_search = {}

local function holds(found, wanted)
  if json.is_list(found) then
    for _, value in ipairs(found) do if holds(value, wanted) then return true end end
    return false
  end
  return found ~= nil and found ~= json.null and tostring(found) == tostring(wanted)
end

local matches

local function all_match(queries, hit)
  if not json.is_list(queries) then queries = { queries } end
  for _, query in ipairs(queries) do if not matches(query, hit) then return false end end
  return true
end

local kinds = {
  match_all = function() return true end,
  ids = function(says, hit)
    for _, id in ipairs(says.values) do if id == hit.id then return true end end
    return false
  end,
  exists = function(says, hit) return rules.field_of(hit.document, says.field) ~= nil end,
  bool = function(says, hit)
    for _, name in ipairs { "filter", "must" } do
      if says[name] and not all_match(says[name], hit) then return false end
    end
    if says.must_not then
      for _, query in ipairs(json.is_list(says.must_not) and says.must_not or { says.must_not }) do
        if matches(query, hit) then return false end
      end
    end
    return true
  end,
}
function kinds.term(says, hit)
  local field, wanted = next(says)
  if type(wanted) == "table" then wanted = wanted.value or wanted.query end
  return holds(rules.field_of(hit.document, field:gsub("%.keyword$", "")), wanted)
end
kinds.match = kinds.term

function matches(query, hit)
  local kind, says = next(query)
  local test = kinds[kind] or error("this fake knows no query called " .. tostring(kind), 0)
  return test(says, hit)
end

local function by_pattern(pattern)
  if pattern == "" or pattern == "_all" then pattern = "*" end
  local list = {}
  for part in pattern:gmatch("[^,]+") do
    list[#list + 1] = "^" .. part:gsub("[%-%.%+]", "%%%0"):gsub("%*", ".*") .. "$"
  end
  return function(name)
    for _, one in ipairs(list) do if name:find(one) then return true end end
    return false
  end
end

local function hits_of(state, pattern, query)
  local wanted, list = by_pattern(pattern), {}
  for i = 1, state.stored do
    local index, id = state.order_index[i], state.order_id[i]
    if wanted(index) then
      local source = state.indices[index].documents[id]
      local hit = { index = index, id = id, source = source, document = json.decode(source) or {} }
      if matches(query, hit) then list[#list + 1] = hit end
    end
  end
  return list
end

local function query_of(request, body)
  local field, value = (request.query.q or ""):match('^([^:]+):"?([^"]*)"?$')
  if field then return { term = { [field] = value } } end
  return body.query or { match_all = {} }
end

local function sort_hits(hits, sort)
  if not sort then return end
  local one = json.is_list(sort) and sort[1] or sort
  local field, order
  if type(one) == "table" then
    field, order = next(one)
    if type(order) == "table" then order = order.order end
  else
    field, order = one:match("^([^:]+):?(.*)$")
  end
  local sign = order == "desc"
  table.sort(hits, function(a, b)
    local x, y = tostring(rules.field_of(a.document, field)), tostring(rules.field_of(b.document, field))
    if sign then return x > y end
    return x < y
  end)
end

--- Answers a search or the like; nil when the page is something else.
---@param state table
---@param request table
---@return table?
function fake_search.page(state, request)
  local path, method = request.path, request.method
  local function ok(body) return { status = 200, headers = flavours.headers(state.flavour), body = body } end
  local pattern, what = path:match("^/([^/]*)/?(_%a+)$")
  if what == "_refresh" then return ok '{"_shards":{"total":2,"successful":1,"failed":0}}' end
  if what == "_search" or what == "_count" then
    local body = request.body ~= "" and json.decode(request.body) or {}
    local hits = hits_of(state, pattern, query_of(request, body))
    if what == "_count" then return ok(('{"count":%d}'):format(#hits)) end
    sort_hits(hits, body.sort or request.query.sort)
    local parts, from = {}, body.from or tonumber(request.query.from or 0)
    for i = from + 1, math.min(#hits, from + (body.size or tonumber(request.query.size or 10))) do
      local hit = hits[i]
      parts[#parts + 1] = ('{"_index":%s,"_id":%s,"_score":1.0,"_source":%s}'):format(quote(hit.index), quote(hit.id),
        hit.source)
    end
    return ok(('{"took":1,"timed_out":false,"hits":{"total":{"value":%d,"relation":"eq"},"max_score":1.0,"hits":[%s]}}')
      :format(#hits, table.concat(parts, ",")))
  end
  local index, id = path:match("^/([^_/][^/]*)/_doc/(.+)$")
  if index and method == "GET" then
    local source = state.indices[index] and state.indices[index].documents[id]
    if source then
      return ok(('{"_index":%s,"_id":%s,"found":true,"_source":%s}'):format(quote(index), quote(id), source))
    end
    return { status = 404, headers = flavours.headers(state.flavour),
      body = ('{"_index":%s,"_id":%s,"found":false}'):format(quote(index), quote(id)) }
  end
  index = path:match("^/([^_/][^/]*)$")
  if index and method == "DELETE" then
    if not state.indices[index] then
      return bulk.failure(state.flavour, 404,
        { type = "index_not_found_exception", reason = ("no such index [%s]"):format(index) })
    end
    local n = 0
    for i = 1, state.stored do
      if state.order_index[i] ~= index then
        n = n + 1
        state.order_index[n], state.order_id[n] = state.order_index[i], state.order_id[i]
      end
    end
    state.stored, state.indices[index] = n, nil
    return ok '{"acknowledged":true}'
  end
  return nil
end

return fake_search
