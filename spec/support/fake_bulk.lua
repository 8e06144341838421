-- fake_bulk: takes a _bulk request as a server does: reads it, stores what can be stored, says what became of each.
--
-- An `answer` of a rule may hold
--   fault = "busy"             a whole-request fault of fake_faults by name; or
--   status =, body =, content_type =, headers = { NAME = value }     an answer in full
--   fewer = n                  the last n items are left out
--   pad = n                    n blanks in front of the body
--   gzip = "broken"            the body says that it is packed, and is not
--   stored = true or false     are the documents taken all the same? (default: only when no status or fault is told)
--   delay, hang, drip, cut, reset, no_head, close      see fake_http
local zlib = require "zlib"

local faults = require "spec.support.fake_faults"
local flavours = require "spec.support.fake_flavours"
local index = require "spec.support.fake_index"
local json = require "spec.support.json"
local rules = require "spec.support.fake_rules"

local quote = flavours.quote

local fake_bulk = {}

local function failure(flavour, status, error, extra)
  local answer = {
    status = status, headers = flavours.headers(flavour, "application/json; charset=UTF-8"),
    body = flavours.whole_error(flavour, status, error),
  }
  for name, value in pairs(extra or {}) do answer[name] = value end
  return answer
end
fake_bulk.failure = failure

local function refuse(flavour, type, reason) return failure(flavour, 400, { type = type, reason = reason }) end

-- 1. The request as a whole

local parameters = {}
for name in ([[filter_path refresh timeout pipeline require_alias _source _source_includes _source_excludes routing
  wait_for_active_shards pretty human error_trace format]]):gmatch("%S+") do parameters[name] = true end

local function unknown_parameter(flavour, query)
  for name in pairs(query) do
    local known = parameters[name] or name == "include_source_on_error" and flavour.newer
      or name == "require_data_stream" and flavour.newer or name == "type" and flavour.types
    if not known then return name end
  end
  return nil
end

local function wrong_content_type(flavour, content_type)
  local plain = (content_type or ""):lower():match("^[^;]*"):gsub("%s+$", "")
  if plain == "application/json" or plain == "application/x-ndjson" then return nil end
  if flavour.elastic and plain:find("^application/vnd%.elasticsearch%+x?%-?n?d?json$") then return nil end
  return failure(flavour, 406, { text = ("Content-Type header [%s] is not supported"):format(content_type or "") })
end

--- Unpacks a body: the bytes and whether they are whole, or nil when the server would only close the connection.
---@param body string
---@param encoding? string
---@return string?
---@return boolean?
local function unpack_body(body, encoding)
  encoding = encoding and encoding:lower()
  if not encoding or encoding == "identity" then return body, true end
  if encoding ~= "gzip" and encoding ~= "x-gzip" and encoding ~= "deflate" then return body, true end
  local parts, at = {}, 1
  repeat
    local inflate = zlib.inflate(encoding == "deflate" and 15 or 31)
    local ok, bytes, whole, taken = pcall(inflate, at == 1 and body or body:sub(at))
    if not ok then
      if at > 1 then break end -- rubbish behind a good member
      return nil
    end
    parts[#parts + 1] = bytes
    if not whole then return table.concat(parts), false end
    at = at + taken
  until body:sub(at, at + 1) ~= "\x1f\x8b"
  return table.concat(parts), true
end

-- 2. Action lines

local function malformed(flavour, number, reason)
  return refuse(flavour, "illegal_argument_exception",
    ("Malformed action/metadata line [%d], %s"):format(number, reason))
end

local members = { _index = true, _id = true, _type = true, routing = true, op_type = true, version = true,
  version_type = true, pipeline = true, require_alias = true, if_seq_no = true, if_primary_term = true,
  dynamic_templates = true, list_executed_pipelines = true, require_data_stream = true, retry_on_conflict = true }

-- Any action line, the slow way: the item, or nil and the answer to the whole request.
local function parse_action(flavour, line, number)
  local action = json.decode(line)
  if action == nil then
    local type = flavour.newer and "x_content_parse_exception" or "json_parse_exception"
    return nil, refuse(flavour, type, "Unexpected end-of-input or character in an action line")
  end
  local name, meta = nil, nil
  if type(action) == "table" then name, meta = next(action) end
  if type(name) ~= "string" or type(meta) ~= "table" or meta == json.null then
    return nil, malformed(flavour, number, "expected START_OBJECT or END_OBJECT but found [VALUE_NULL]")
  end
  if name ~= "create" and name ~= "index" then
    assert(name ~= "delete" and name ~= "update", "this fake knows create and index only")
    if flavour.drops_unknown then return { dropped = true } end
    return nil, malformed(flavour, number, ("expected field [create], [delete], [index] or [update] but found [%s]")
      :format(name))
  end
  local item = { action = name }
  for key, value in pairs(meta) do
    local unknown = not members[key] or key == "_type" and not flavour.types
    if unknown then
      return nil, refuse(flavour, "illegal_argument_exception",
        ("Action/metadata line [%d] contains an unknown parameter [%s]"):format(number, key))
    end
    if type(value) == "table" and value ~= json.null then
      return nil, malformed(flavour, number,
        ("expected a simple value for field [%s] but found [START_OBJECT]"):format(key))
    end
    if value ~= json.null then
      if key == "_index" then item.index = value elseif key == "_id" then item.id = tostring(value)
      elseif key == "_type" then item.type = value end
    end
  end
  return item
end

local item_class = {}
item_class.__index = item_class

--- The decoded document; false when it is no object.
function item_class:document()
  if self.decoded == nil then
    local value = json.decode(self.source)
    self.decoded = type(value) == "table" and value ~= json.null and not json.is_list(value) and value or false
  end
  return self.decoded
end

-- All items, or nil and the answer to the whole request.
local function parse(flavour, body, default_index)
  local items, at, number, size = {}, 1, 0, #body
  local find, match, sub = string.find, string.match, string.sub
  while at <= size do
    local nl = find(body, "\n", at, true)
    number = number + 1
    if nl == at or nl == at + 1 and body:byte(at) == 13 then
      at = nl + 1
    else
      local line = sub(body, at, nl - 1)
      local name, id = match(line, '^{"create":{"_index":"([^"\\]+)","_id":"([^"\\]+)"}}$')
      local item, wrong
      if name then
        item = { action = "create", index = name, id = id }
      else
        item, wrong = parse_action(flavour, line, number)
        if not item then return nil, wrong end
        item.index = item.index or default_index
      end
      local doc_end = find(body, "\n", nl + 1, true)
      if not doc_end then break end -- an action without its document is passed over
      number = number + 1
      if not item.dropped then
        item.source = sub(body, nl + 1, doc_end - (body:byte(doc_end - 1) == 13 and 2 or 1))
        item.position = #items + 1
        items[#items + 1] = setmetatable(item, item_class)
      end
      at = doc_end + 1
    end
  end
  return items
end

local function validation(flavour, items)
  local faults_found = {}
  for _, item in ipairs(items) do
    if not item.index then
      faults_found[#faults_found + 1] = "index is missing"
    elseif item.id and #item.id > 512 then
      faults_found[#faults_found + 1] = ("id [%s] is too long, must be no longer than 512 bytes but was: %d")
        :format(item.id, #item.id)
    end
  end
  if #items == 0 then faults_found[1] = "no requests added" end
  if #faults_found == 0 then return nil end
  for i, text in ipairs(faults_found) do faults_found[i] = (" %d: %s;"):format(i, text) end
  return refuse(flavour, "action_request_validation_exception", "Validation Failed:" .. table.concat(faults_found))
end

-- 3. What is said

-- Which members an answer shows, from filter_path.
local function selection(filter_path)
  local show = {}
  if not filter_path then return { took = true, errors = true, items = true } end
  for path in filter_path:gmatch("[^,]+") do
    if path:sub(1, 1) == "-" then
      show.took, show.errors, show.items = show.took ~= false, show.errors ~= false, show.items == nil or show.items
      show[path:sub(2)] = false
    elseif path == "took" or path == "errors" then
      show[path] = true
    elseif path == "items" or path == "items.*" or path == "**" or path == "*" then
      show.items = true
    else
      local member, inner = path:match("^items%.%*%.([^.]+)%.?(.*)$")
      if member and show.items ~= true then
        show.items = show.items or {}
        local names = show.items[member]
        if inner == "" then
          show.items[member] = true
        elseif names ~= true then
          show.items[member] = names or {}
          show.items[member][inner] = true
        end
      end
    end
  end
  return show
end

local function error_member(flavour, error, item, wanted)
  if wanted == true then return flavours.error_json(flavour, error, item.index) end
  local part = { type = wanted.type and error.type, reason = wanted.reason and error.reason }
  local parts = {}
  if part.type then parts[1] = '"type":' .. quote(part.type) end
  if wanted.reason then parts[#parts + 1] = '"reason":' .. (part.reason and quote(part.reason) or "null") end
  if wanted.caused_by and error.caused_by then
    parts[#parts + 1] = ('"caused_by":{"type":%s,"reason":%s}'):format(quote(error.caused_by.type),
      quote(error.caused_by.reason))
  end
  return #parts > 0 and "{" .. table.concat(parts, ",") .. "}" or nil
end

local function item_json(state, item, show, forced)
  local flavour, parts = state.flavour, {}
  local function member(name, text)
    if text and (show == true or show[name]) then parts[#parts + 1] = ('"%s":%s'):format(name, text) end
  end
  member("_index", quote(item.index))
  if flavour.types then member("_type", quote(item.type or "_doc")) end
  member("_id", item.id and quote(item.id) or "null")
  if item.error then
    member("status", tostring(item.status))
    local wanted = show == true or show.error
    if wanted then member("error", error_member(flavour, item.error, item, wanted)) end
  else
    member("_version", tostring(item.version))
    member("result", item.version == 1 and '"created"' or '"updated"')
    if forced then member("forced_refresh", "true") end
    member("_shards", '{"total":2,"successful":1,"failed":0}')
    member("_seq_no", tostring(item.seq))
    member("_primary_term", "1")
    member("status", tostring(item.status))
  end
  if #parts == 0 then return nil end
  return ('{"%s":{%s}}'):format(item.action, table.concat(parts, ","))
end

local status_only = '{"create":{"status":201}}'

local function render(state, items, request, fewer)
  local show = state.selections[request.query.filter_path or ""]
  if not show then
    show = selection(request.query.filter_path)
    state.selections[request.query.filter_path or ""] = show
  end
  local refresh = request.query.refresh
  local forced = refresh == "" or refresh == "true"
  local parts, errors = {}, false
  for i = 1, #items - (fewer or 0) do
    local item = items[i]
    if item.error then errors = true end
    if show.items then
      if show.items ~= true and not item.error and item.status == 201 and item.action == "create"
        and show.items.status and not show.items._id and not show.items._index and not show.items.result then
        parts[#parts + 1] = status_only
      else
        parts[#parts + 1] = item_json(state, item, show.items, forced)
      end
    end
  end
  local took = show.took and '"took":3' or nil
  local told = show.errors and ('"errors":%s'):format(errors) or nil
  local members_told = {}
  if state.flavour.took_first then members_told[1] = took end
  members_told[#members_told + 1] = told
  if not state.flavour.took_first then members_told[#members_told + 1] = took end
  if show.items and #parts > 0 then
    members_told[#members_told + 1] = '"items":[' .. table.concat(parts, ",") .. "]"
  end
  return "{" .. table.concat(members_told, ",") .. "}"
end

-- 4. All of it

local function settle(state, items, request)
  local list = #state.rules.items > 0 and rules.for_items(state.rules, request) or nil
  for i = 1, #items do
    local item = items[i]
    if item.id then
      local key = item.index .. "\0" .. item.id
      state.attempts[key] = (state.attempts[key] or 0) + 1
    end
    local fault, more
    if list then fault, more = rules.fault(list, item, request) end
    local strikes = fault ~= nil
    if not fault then fault, more = index.fault(state, item) end
    if fault then
      local at = setmetatable({ index = item.index, id = item.id or "null" }, { __index = more })
      item.error = faults.item(state.flavour, fault, at)
      item.status = item.error.status
      if strikes and more.stored and not index.fault(state, item) then index.store(state, item) end
      state.counts[item.status] = (state.counts[item.status] or 0) + 1
    else
      index.store(state, item)
      item.status = item.version == 1 and 201 or 200
      state.created = state.created + 1
    end
  end
end

local behaviours = { "delay", "hang", "drip", "cut", "reset", "no_head", "close" }

local function told_answer(state, told, usual)
  local flavour, answer = state.flavour, usual
  if told.fault then
    local status, error = faults.whole(flavour, told.fault)
    answer = failure(flavour, status, error)
  elseif told.status or not usual then
    answer = { status = told.status or 200, headers = flavours.headers(flavour, told.content_type), body = "" }
  end
  if told.content_type ~= nil then answer.headers = flavours.headers(flavour, told.content_type) end
  for name, value in pairs(told.headers or {}) do table.insert(answer.headers, { name, value }) end
  if told.body then answer.body, answer.chunked = told.body, false end
  if told.pad then answer.body = (" "):rep(told.pad) .. answer.body end
  if told.gzip == "broken" then
    table.insert(answer.headers, { "content-encoding", "gzip" })
    answer.body = "\x1f\x8b\8\0\0\0\0\0\0\3" .. answer.body
  end
  for _, name in ipairs(behaviours) do answer[name] = told[name] end
  return answer
end

--- Answers a bulk request, and remembers what it stored.
---@param state table see fake_elasticsearch
---@param request table
---@param default_index? string of the path
---@return table answer
---@return integer items
function fake_bulk.answer(state, request, default_index)
  local flavour = state.flavour
  state.bulk_requests = state.bulk_requests + 1
  request.number = state.bulk_requests
  local refused = wrong_content_type(flavour, request.headers["content-type"])
  if refused then return refused, 0 end
  local name = unknown_parameter(flavour, request.query)
  if name then
    return refuse(flavour, "illegal_argument_exception",
      ("request [%s] contains unrecognized parameter: [%s]"):format(request.path, name)), 0
  end

  local encoding = request.headers["content-encoding"]
  local body, whole = unpack_body(request.body, encoding)
  if not body then return { status = 400, no_head = true, cut = 0 }, 0 end
  if #body > (state.settings.max_content_length or math.huge) then
    return { status = 413, headers = {}, body = "", close = true }, 0
  end
  if not whole and flavour.parts then body = body:match("^.*\n") or body end
  request.unpacked, request.packed = body, body ~= request.body

  local items, wrong
  if body == "" then
    wrong = refuse(flavour, "parse_exception", "request body is required")
  elseif body:byte(-1) ~= 10 then
    local status, error = faults.whole(flavour, "unterminated")
    wrong = failure(flavour, status, error)
  else
    items, wrong = parse(flavour, body, default_index)
    wrong = wrong or validation(flavour, items)
  end
  request.count = items and #items or 0

  local told = #state.rules.requests > 0 and rules.answer(state.rules, request) or nil
  if wrong then return told and told_answer(state, told, wrong) or wrong, request.count end
  local refuses = told and (told.status or told.fault)
  if told and (told.stored == false or refuses and not told.stored) then
    return told_answer(state, told, { status = 200, headers = flavours.headers(flavour), body = "" }), #items
  end
  settle(state, items, request)
  local answer = {
    status = 200, headers = flavours.headers(flavour), chunked = flavour.chunked,
    body = render(state, items, request, told and told.fewer),
  }
  return told and told_answer(state, told, answer) or answer, #items
end

return fake_bulk
