-- fake_index: the documents of a fake server, and why it would refuse one.
--
-- settings.check: "strict" (repeated keys are found, too), "none", or the faster default
-- settings.mapping: { ["subject.uid"] = "long", args = "flattened", … }: values that do not fit are refused; kinds are
--   long, boolean, ip, date, date_nanos, keyword, object, nested, flattened
-- settings.auto_create = false: an index has to be there; settings.keep = "ids": documents themselves are not kept
local json = require "spec.support.json"
local rules = require "spec.support.fake_rules"
local cjson = require("cjson").new()

cjson.decode_invalid_numbers(false)

local A_TIME = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:[0-5]%d" .. "%.?" .. ("%d?"):rep(9) .. "Z$"

local fake_index = {}

local function bad_index_name(name)
  if name ~= name:lower() then return "must be lowercase" end
  if name:find('[ "*\\<|,>/?#:]') then
    return 'must not contain the following characters [ , \", *, \\, <, |, ,, >, /, ?]'
  end
  if name:find("^[-_+]") then return "must not start with '_', '-', or '+'" end
  if #name > 255 then return ("index name is too long, (%d > 255)"):format(#name) end
  return nil
end

local function is_object(value) return type(value) == "table" and value ~= json.null and not json.is_list(value) end

-- Does a value, alone or in a list, fit a kind of field? Returns the fault and the value to quote.
local function misfit(kind, value)
  if value == json.null then return nil end
  if json.is_list(value) then
    for _, inner in ipairs(value) do
      local fault, quoted = misfit(kind, inner)
      if fault then return fault, quoted, true end
    end
    return nil
  end
  local object = is_object(value)
  if kind == "object" or kind == "nested" then
    return not object and "object_expected" or nil, tostring(value), false
  end
  if kind == "flattened" then return not object and "wrong_value" or nil, tostring(value) end
  if object then return "wrong_value", "{}" end
  local fits = true
  if kind == "long" then
    fits = value == "" or math.type(value) == "integer" or math.type(value) == "float" and math.abs(value) < 2.0 ^ 63
      or type(value) == "string" and math.tointeger(tonumber(value)) ~= nil
  elseif kind == "boolean" then
    fits = value == true or value == false or value == "true" or value == "false" or value == ""
  elseif kind == "ip" then
    fits = type(value) == "string" and (value:find("^%d+%.%d+%.%d+%.%d+$") or value:find("^[%x:]+:[%x:.]*$")) ~= nil
  elseif kind == "date" or kind == "date_nanos" then
    fits = math.type(value) == "integer" or type(value) == "string" and value:find(A_TIME) ~= nil
  elseif kind == "keyword" and #tostring(value) > 32766 then
    return "immense_term", "…"
  end
  return not fits and "wrong_value" or nil, tostring(value)
end

local function unmappable(state, item)
  local paths = state.mapped_paths
  local document = item:document()
  for _, path in ipairs(paths) do
    local value = rules.field_of(document, path)
    if value ~= nil then
      local kind = state.settings.mapping[path]
      local fault, quoted, listed = misfit(kind, value)
      if fault then return fault, { field = path, value = quoted, kind = kind, listed = listed } end
    end
  end
  return nil
end

local function unreadable(state, item)
  local source = item.source
  if source == "" then return "empty_document" end
  if state.settings.check == "none" then return nil end
  if not source:find("^%s*{") then return json.decode(source) == nil and "broken_json" or "not_an_object" end
  if state.settings.check ~= "strict" then
    return not (utf8.len(source, 1, -1, true) and pcall(cjson.decode, source)) and "broken_json" or nil
  end
  local value, problem = json.decode(source)
  if value ~= nil then
    item.decoded = value
    return nil
  end
  local name = problem:match("duplicate field '(.*)'")
  return name and "duplicate_key" or "broken_json", { field = name }
end

--- The fault of an item by the state of things, or nil: it can be stored.
---@param state table
---@param item table
---@return string|table|nil fault
---@return table? more what the fault's words need
function fake_index.fault(state, item)
  local index = state.indices[item.index]
  if item.id == "" then return "missing_id" end
  if item.type and item.type ~= "_doc" and state.flavour.elastic then
    return { status = 400, type = "illegal_argument_exception",
      reason = ("Rejecting mapping update to [%s] as the final mapping would have more than 1 type: [_doc, %s]")
        :format(item.index, item.type) }
  end
  if not index then
    local because = bad_index_name(item.index)
    if because then return "bad_index_name", { because = because } end
    if state.settings.auto_create == false then return "no_auto_create" end
  end
  local fault, more = unreadable(state, item)
  if fault then return fault, more end
  if state.mapped_paths then
    fault, more = unmappable(state, item)
    if fault then return fault, more end
  end
  if item.action == "create" and index and index.documents[item.id] then return "exists" end
  return nil
end

--- Stores a document; the item gets its version and sequence number, and an id where it has none.
---@param state table
---@param item table
function fake_index.store(state, item)
  local index = state.indices[item.index]
  if not index then
    index = { documents = {}, versions = {}, seq = 0 }
    state.indices[item.index] = index
  end
  if not item.id then
    state.made_ids = state.made_ids + 1
    item.id = ("made%016d"):format(state.made_ids)
  end
  if not index.documents[item.id] then
    local n = state.stored + 1
    state.stored, state.order_index[n], state.order_id[n] = n, item.index, item.id
  else
    index.versions[item.id] = (index.versions[item.id] or 1) + 1
  end
  index.documents[item.id] = state.settings.keep == "ids" and "{}" or item.source
  item.version, item.seq = index.versions[item.id] or 1, index.seq
  index.seq = index.seq + 1
end

return fake_index
