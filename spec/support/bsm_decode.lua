-- What a record becomes, for specs: decoded twice, as JSON and as a table, which have to be the same to the
-- byte; given as the table.

local core = require "core.bsm"
local build = require "spec.support.bsm_build"

local decode = {}

local escapes = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
}

local function text(s)
  return '"' .. s:gsub('[%c"\\]', function(c)
    return escapes[c] or c ~= "\127" and ("\\u%04x"):format(c:byte()) or c
  end) .. '"'
end

---The JSON of a table that core.bsm made, whose metatables tell lists from objects and keep the order of names.
local function json(value)
  if math.type(value) == "integer" then return tostring(value) end
  if type(value) == "string" then return text(value) end
  local meta, parts = getmetatable(value), {}
  if meta.kind == "list" then
    for i, v in ipairs(value) do parts[i] = json(v) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for i, name in ipairs(meta.order) do parts[i] = text(name) .. ":" .. json(value[name]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

decode.json = json

---@param bytes string a record
---@param options? table see spec/support/binding/bsm.c
---@return table document
function decode.document(bytes, options)
  local document, written = core.table(bytes, options), core.json(bytes, options)
  if not utf8.len(written) then error("not valid UTF-8: " .. written, 2) end
  if json(document) ~= written then
    error("two ways, two documents:\n" .. json(document) .. "\n" .. written, 2)
  end
  return document
end

---The document of a record of these tokens; `t` as for bsm_build.record, which is an execve of version 2 if it
---does not say else.
---@param t table
---@param options? table
---@return table document
function decode.record(t, options)
  t.event = t.event or "execve"
  return decode.document(build.record(t), options)
end

---The document of a record with one token only.
---@param token string
---@param version? integer
---@param options? table
---@return table document
function decode.token(token, version, options)
  return decode.record({ event = 15, version = version, form = "header32", time = { 1700000000, 0 }, token }, options)
end

---Without what every record has, so that a spec can say all that a token gives.
---@param document table
---@return table
function decode.rest(document)
  local rest = {}
  for name, value in pairs(document) do rest[name] = value end
  for _, name in ipairs { "time", "version", "event", "event_id", "outcome" } do rest[name] = nil end
  return rest
end

return decode
