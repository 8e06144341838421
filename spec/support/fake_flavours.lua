-- fake_flavours: in what the families of Elasticsearch and OpenSearch differ when they answer.

local flavours = {}

-- types: items tell _type; took_first: order of the members; product: the header that says who answers;
-- parts: a cut gzip body is indexed as far as it goes; root: GET / is there in the bare distribution.
local function elastic(name, number, says)
  says.name, says.number, says.elastic = name, number, true
  says.product = { "X-elastic-product", "Elasticsearch" }
  says.rejected = "es_rejected_execution_exception"
  return says
end

local function opensearch(name, number, says)
  says.name, says.number = name, number
  says.took_first, says.root = true, true
  says.rejected = "rejected_execution_exception"
  says.content_type = "application/json; charset=UTF-8"
  return says
end

local families = {
  E7 = elastic("E7", "7.17.29", {
    types = true, took_first = true, root = true, drops_unknown = true,
    content_type = "application/json; charset=UTF-8",
  }),
  E8 = elastic("E8", "8.19.5", { chunked = true, content_type = "application/json", newer = true }),
  E9 = elastic("E9", "9.2.0", { chunked = true, content_type = "application/json", newer = true, parts = true }),
  O1 = opensearch("O1", "1.3.20", { types = true, drops_unknown = true }),
  O2 = opensearch("O2", "2.19.1", {}),
  O3 = opensearch("O3", "3.4.0", { product = { "X-OpenSearch-Version", "OpenSearch/3.4.0 (opensearch)" } }),
}

--- E7, E8, E9, O1, O2 or O3
---@param name string
---@return table
function flavours.get(name)
  return families[name] or error("no flavour is called " .. tostring(name), 2)
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

--- A JSON string.
---@param text string
---@return string
function flavours.quote(text)
  return '"' .. text:gsub('[%c"\\]', function(c) return escapes[c] or ("\\u%04x"):format(c:byte()) end) .. '"'
end
local quote = flavours.quote

--- An error as JSON. `error`: { type =, reason = (false: null), caused_by = { type =, reason = }, where = true,
--- extra = JSON of further members }, or { text = … } for a plain string.
---@param flavour table
---@param error table
---@param index? string
---@return string
function flavours.error_json(flavour, error, index)
  if error.text then return quote(error.text) end
  local parts = { '"type":' .. quote(error.type), '"reason":' .. (error.reason and quote(error.reason) or "null") }
  if error.caused_by then
    local type, reason = quote(error.caused_by.type), quote(error.caused_by.reason)
    parts[3] = ('"caused_by":{"type":%s,"reason":%s}'):format(type, reason)
  end
  if error.where and index then
    local uuid, shard = '"index_uuid":"uMKPGf3oRoGX6nMj6OEltQ"', '"shard":"0"'
    local name = '"index":' .. quote(index)
    parts[#parts + 1] = table.concat(flavour.elastic and { uuid, shard, name } or { name, shard, uuid }, ",")
  end
  if error.extra then parts[#parts + 1] = error.extra end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- The body of an answer that is an error as a whole.
---@param flavour table
---@param status integer
---@param error table as for error_json; { text = … }: a plain string
---@return string
function flavours.whole_error(flavour, status, error)
  local one = flavours.error_json(flavour, error)
  if error.text then return ('{"error":%s,"status":%d}'):format(one, status) end
  return ('{"error":{"root_cause":[%s],%s,"status":%d}'):format(one, one:sub(2), status)
end

--- The headers of an answer, in the server's order and spelling.
---@param flavour table
---@param content_type? string|false false: none
---@return table
function flavours.headers(flavour, content_type)
  local headers = {}
  if flavour.product then headers[1] = flavour.product end
  if content_type ~= false then headers[#headers + 1] = { "content-type", content_type or flavour.content_type } end
  return headers
end

return flavours
