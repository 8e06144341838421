-- json: reads JSON for specs, to the letter: integers stay integers; a repeated key, bad UTF-8, raw control characters
-- and rubbish at the end are errors; null is json.null, and lists can be told from objects (json.is_list). It writes
-- JSON, too.

local json = { null = setmetatable({}, { __name = "null", __tostring = function() return "null" end }) }

local list_mark = { __name = "list" }

--- Is this value a JSON list? (An empty table of Lua cannot tell by itself.)
---@param value any
---@return boolean
function json.is_list(value) return getmetatable(value) == list_mark end

local escapes = {
  ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
}

local function fail(at, what) error({ json_error = ("%s at byte %d"):format(what, at) }, 0) end

-- Two escaped halves of a surrogate pair, as utf8.char writes them, are one character.
local function join_halves(a, b, c, d)
  local high, low = (a:byte() & 0x0F) << 6 | b:byte() & 0x3F, (c:byte() & 0x0F) << 6 | d:byte() & 0x3F
  return utf8.char(0x10000 + (high << 10) + low)
end

local function unescape(text, at)
  text = text:gsub("\\(.)(%x?%x?%x?%x?)", function(c, hex)
    if c ~= "u" then return (escapes[c] or fail(at, "bad escape")) .. hex end
    return utf8.char(#hex == 4 and tonumber(hex, 16) or fail(at, "bad escape"))
  end)
  return (text:gsub("\xED([\xA0-\xAF])([\x80-\xBF])\xED([\xB0-\xBF])([\x80-\xBF])", join_halves))
end

local function read_string(text, at)
  local from, scan, to = at + 1, at + 1
  repeat
    to = text:find('["\\%c]', scan) or fail(at, "string without end")
    local c = text:byte(to)
    if c < 32 then fail(to, "control character in a string") end
    scan = to + (c == 92 and 2 or 1)
  until c == 34
  local raw = text:sub(from, to - 1)
  return raw:find("\\", 1, true) and unescape(raw, at) or raw, to + 1
end

local words = { t = { "true", true }, f = { "false", false }, n = { "null", json.null } }

local read_value

local function skip(text, at) return (text:find("[^ \t\r\n]", at)) or #text + 1 end

local function read_list(text, at, depth)
  local list = setmetatable({}, list_mark)
  at = skip(text, at + 1)
  if text:byte(at) == 93 then return list, at + 1 end
  while true do
    list[#list + 1], at = read_value(text, at, depth)
    at = skip(text, at)
    local c = text:byte(at)
    if c == 93 then return list, at + 1 end
    if c ~= 44 then fail(at, "comma or ] expected") end
    at = skip(text, at + 1)
  end
end

local function read_object(text, at, depth)
  local object = {}
  at = skip(text, at + 1)
  if text:byte(at) == 125 then return object, at + 1 end
  while true do
    if text:byte(at) ~= 34 then fail(at, "name expected") end
    local name, behind = read_string(text, at)
    if object[name] ~= nil then fail(at, ("duplicate field '%s'"):format(name)) end
    at = skip(text, behind)
    if text:byte(at) ~= 58 then fail(at, "colon expected") end
    object[name], at = read_value(text, skip(text, at + 1), depth)
    at = skip(text, at)
    local c = text:byte(at)
    if c == 125 then return object, at + 1 end
    if c ~= 44 then fail(at, "comma or } expected") end
    at = skip(text, at + 1)
  end
end

local function read_number(text, at)
  local number = text:match("^-?%d+", at) or fail(at, "value expected")
  if number:find("^-?0%d") then fail(at, "number with a leading zero") end
  local fraction = text:match("^%.%d+", at + #number) or ""
  local exponent = text:match("^[eE][+-]?%d+", at + #number + #fraction) or ""
  local whole = number .. fraction .. exponent
  local value = fraction == "" and exponent == "" and math.tointeger(number) or tonumber(whole)
  return value, at + #whole
end

function read_value(text, at, depth)
  if depth > 1000 then fail(at, "too deep") end
  local c = text:sub(at, at)
  if c == '"' then return read_string(text, at) end
  if c == "{" then return read_object(text, at, depth + 1) end
  if c == "[" then return read_list(text, at, depth + 1) end
  local word = words[c]
  if word then
    if text:sub(at, at + #word[1] - 1) ~= word[1] then fail(at, "value expected") end
    return word[2], at + #word[1]
  end
  return read_number(text, at)
end

--- The value of a JSON text, or nil and what is wrong with it.
---@param text string
---@return any value
---@return string? problem
function json.decode(text)
  local good, bad = utf8.len(text, 1, -1, true)
  if not good then return nil, "bad UTF-8 at byte " .. bad end
  local ok, value, at = pcall(read_value, text, skip(text, 1), 0)
  if not ok then
    if type(value) ~= "table" then error(value, 0) end
    return nil, value.json_error
  end
  at = skip(text, at)
  if at <= #text then return nil, "rubbish at byte " .. at end
  return value
end

--- JSON of plain values, lists, and tables, their names sorted. An empty table is an object unless json.list made it.
---@param value any
---@return string
function json.encode(value)
  if value == json.null then return "null" end
  if type(value) == "string" then
    return '"' .. value:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
  end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  if #value > 0 or json.is_list(value) then
    for i, inner in ipairs(value) do parts[i] = json.encode(inner) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for name, inner in pairs(value) do parts[#parts + 1] = json.encode(tostring(name)) .. ":" .. json.encode(inner) end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

--- Marks a table as a list, also when it is empty.
---@param values table
---@return table
function json.list(values) return setmetatable(values, list_mark) end

return json
