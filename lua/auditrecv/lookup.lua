--- Lookups: what others know about a record, asked in a straight line.
---
---     local lookup = require "auditrecv.lookup"
---
---     lookup.source {
---       name = "vm", service = "vmapi", path = "/vms/{key}", key = "uuid",
---       fields = { "alias", "owner_uuid" },
---     }
---
---     -- later, in the apply of any rule
---     local vm = lookup.vm(doc.zonename)
---     if vm then doc.zonealias = vm.alias end
---
--- A known answer costs little more than a table access. Where none is known yet the record waits, and others go on;
--- past the deadline the answer is nil (with "missing" as a second value) and the document gets the tag
--- `lookup_missing:vm`. That there is none is an answer too: nil, without tag. A key of nil, or one that has not the
--- form of the source's keys, is not asked: nil. Answers can be read, walked over with `pairs` and put into the
--- document, and not be changed; `lookup.copy` makes a table of one's own. Ask in `apply`, or in functions that it
--- calls; not in `when`, nor in a function that is handed to `string.gsub` or `table.sort`.

-- What lookup.source hands to the program is a JSON object of these members; those marked ? may not be there, every
-- other one always is, defaults filled in. The same declaration is the same text, to the byte.
--
--   name        text      [a-z][a-z0-9_]*, at most 40 bytes; stands in tags, counters and the log
--   service     text      which service or file of the settings is asked, [A-Za-z0-9_.-]+, at most 64 bytes
--   key         text      form of keys: "uuid" (lower case, 36 bytes, 8-4-4-4-12), "address" (IPv4 or IPv6), "text"
--                         (1 to 256 bytes, valid UTF-8, no control characters). A key of another form: nothing, and
--                         nobody is asked. Written into a URL, each byte but [A-Za-z0-9._~-] as %XX.
--   path      ? text      what to ask a service for one key: "/vms/{key}"; begins with "/", holds {key} once, and no
--                         blanks or control characters
--   fields    ? [text]    paths of what is kept of an answer, "alias", "tags.role"; names parted by dots. They keep
--                         their nesting: {"tags":{"role":…}}. Without it the whole answer is kept.
--   at        ? text      path of the object that `fields` starts from, in the answer to one key: "account" for
--                         {"roles":{},"account":{…}}
--   keep        integer   seconds for which an answer is good
--   keep_none   integer   seconds for which the lack of one is good
--   stale       integer   seconds beyond keep for which an old answer is still given while it is asked for again
--   none        [{status, ?code}]  answers that say that there is none: HTTP status, and where code (text) is given,
--                         only with a JSON body that has this "code"
--   not_ready   [{status, ?code}]  answers of a service that is starting: missing, asked again soon, and no failure of
--                         it. What is neither 200 nor in these lists is a failure. Looked at before `none`.
--   key_field   [text]    where an element of a list says its key: paths as in fields, where a step "*" is every name
--                         or element: "uuid", "sysinfo.Network Interfaces.*.ip4addr". The first path that leads to a
--                         text of the form of a key counts, with "*" all that it leads to. For files, and
--                         for batch and preload of form "list". A JSON file is a list of elements, or an object of key
--                         → element; a CSV file has a line of names first, and a column is a field.
--   batch     ? {path, separator, form, most}   many keys at once: path holds {keys} once, separator stands between
--                         them as it is; form "list": a JSON list of elements, "object": an object of key → element; a
--                         key that is not in the answer has none; most: keys in one request, 1 to 1000
--   preload   ? {path, form, page, ?marker, limit, every}   everything at start, and again each `every` seconds:
--                         page "one": a single request; "marker": {marker} in the path is "" at first, then `marker`
--                         with {last} replaced by the key of the page's last element, written for a URL; "offset":
--                         {offset} in the path is the number of elements read so far. {limit} is the number `limit`. A
--                         page without elements is the last, and for "offset" one with fewer than limit.
--   whole       boolean   preload has everything: a key that it did not have has none. True when there is a preload
--                         and neither path nor batch.
--
-- An element may be an object, or a text, number or boolean; a null is no answer. `fields` apply to objects.
-- A source needs one of path, batch, preload to be used with a service, and key_field to be used with a file.

local nearest = require "auditrecv.nearest"

-- In the program: { declare = function(json, name) → function(key), or nil and what is wrong; has = function(service)
-- → boolean }. A plain
-- `require`, as in specs, passes the name of the module.
local program = ...
if type(program) ~= "table" then program = nil end

---@class auditrecv.lookup.answer: { [string]: any }

---@class auditrecv.lookup.status
---@field status integer
---@field code? string  only with this `code` in the JSON body

---@class auditrecv.lookup.batch
---@field path string        with `{keys}`
---@field separator? string  between keys; "," when it is not given
---@field form? "list"|"object"  "list" when it is not given
---@field most? integer      keys in one request; 100 when it is not given

---@class auditrecv.lookup.preload
---@field path string       with `{limit}`, `{marker}`, `{offset}` as pages need them
---@field form? "list"|"object"
---@field page? "one"|"marker"|"offset"  "one" when it is not given
---@field marker? string    with `{last}`
---@field limit? integer    elements of a page; 500 when it is not given
---@field every? number     seconds; 3600 when it is not given

---@class auditrecv.lookup.description
---@field name string       `lookup.NAME(key)` asks it; lower-case letters, digits and `_`
---@field service string    name of a service of the settings
---@field path? string      what to ask for one key: "/vms/{key}"
---@field key? "uuid"|"address"|"text"  form of the keys; "text" when it is not given
---@field fields? string[]  what to keep of an answer; all of it when it is not given
---@field at? string        where in an answer the fields begin
---@field keep? integer     seconds that an answer is good for; 600 when it is not given
---@field keep_none? integer  seconds that the lack of one is good for; 60 when it is not given
---@field stale? integer    seconds beyond that in which an old answer is better than none; 3600 when it is not given
---@field none? (integer|auditrecv.lookup.status)[]  what says that there is none; { 404 } when it is not given
---@field not_ready? (integer|auditrecv.lookup.status)[]  what says that the service is starting
---@field key_field? string|string[]  where an element of a list or of a file has its key
---@field batch? auditrecv.lookup.batch
---@field preload? auditrecv.lookup.preload

---@class auditrecv.lookup
---@field [string] fun(key: string|integer|nil): any, string?
local lookup = {}

local SECONDS_MOST = 366 * 86400

-- Each reader takes a value and answers it as it is handed on, or nil and what it should have been.
local function text(pattern, most, should)
  return function(value)
    if type(value) == "string" and #value <= most and utf8.len(value) and value:find(pattern) then return value end
    return nil, should
  end
end

local function integer(least, most)
  local should = ("a whole number from %d to %d"):format(least, most)
  return function(value)
    local number = math.type(value) and math.tointeger(value)
    if number and number >= least and number <= most then return number end
    return nil, should
  end
end

local function one_of(...)
  local words = { ... }
  local should = 'one of "' .. table.concat(words, '", "') .. '"'
  return function(value)
    for _, word in ipairs(words) do
      if value == word then return word end
    end
    return nil, should
  end
end

-- A path of names, each at most 64 bytes; `*` only where stars are allowed.
local function field_path(stars)
  local should = "a path of names parted by dots, \"alias\" or \"tags.role\""
  return function(value)
    if type(value) ~= "string" or #value > 256 or not utf8.len(value) or value:find "%c" then return nil, should end
    for name in (value .. "."):gmatch "([^.]*)%." do
      if name == "" or #name > 64 or name == "*" and not stars then return nil, should end
    end
    return value
  end
end

local function list_of(read, most, should)
  return function(value)
    if type(value) ~= "table" or #value == 0 or #value > most then return nil, should end
    local list, count = {}, 0
    for _ in pairs(value) do count = count + 1 end
    if count ~= #value then return nil, should end
    for i, element in ipairs(value) do
      local why
      list[i], why = read(element)
      if list[i] == nil then return nil, why end
    end
    return list
  end
end

local function one_or_list(read, most, should)
  local list = list_of(read, most, should)
  return function(value) return list(type(value) == "string" and { value } or value) end
end

-- Where to ask: a path on the service, with these words in braces, the needed ones once.
local function url_path(needed, allowed)
  local should = 'a path like "/things/{' .. (needed or allowed[1]) .. '}"'
  return function(value)
    if type(value) ~= "string" or #value > 2048 or not value:find "^/[!-~]*$" or value:find "[\"<>\\^`|#]" then
      return nil, should
    end
    local count, known = 0, {}
    for _, word in ipairs(allowed) do known[word] = true end
    local rest = value:gsub("{(%a+)}", function(word)
      if word == needed then count = count + 1 end
      return known[word] and "" or nil
    end)
    if rest:find "[{}]" or needed and count ~= 1 then return nil, should end
    return value
  end
end

local statuses = list_of(function(value)
  local code
  local should = "a list of HTTP statuses, { 404 } or { { status = 404, code = \"NotFound\" } }"
  if type(value) == "table" then
    for key in pairs(value) do
      if key ~= "status" and key ~= "code" then return nil, should end
    end
    value, code = value.status, value.code
    if code ~= nil and (type(code) ~= "string" or #code > 64 or not code:find "^[!-~]+$") then return nil, should end
  end
  if math.type(value) ~= "integer" or value < 100 or value > 599 then return nil, should end
  return { status = value, code = code }
end, 16, "a list of HTTP statuses, { 404 }")

local forms = one_of("list", "object")

-- Members in the order in which they are handed on: name, reader, default; true: it has to be given.
local STATUS = { { "status" }, { "code" } }
local BATCH = {
  { "path", url_path("keys", { "keys" }), true },
  { "separator", text("^[!-~]+$", 32, "the text between two keys, like \",\" or \"&uuid=\""), "," },
  { "form", forms, "list" },
  { "most", integer(1, 1000), 100 },
}
local PRELOAD = {
  { "path", url_path(nil, { "limit", "marker", "offset" }), true },
  { "form", forms, "list" },
  { "page", one_of("one", "marker", "offset"), "one" },
  { "marker", text("{last}", 256, "what marks the place behind an element, with {last} for its key") },
  { "limit", integer(1, 100000), 500 },
  { "every", integer(10, SECONDS_MOST), 3600 },
}
local SOURCE = {
  { "name", text("^%l[%l%d_]*$", 40, "lower-case letters, digits and _, at most 40, a letter first"), true },
  { "service", text("^[%w_.-]+$", 64, "the name of a service of the settings"), true },
  { "key", one_of("uuid", "address", "text"), "text" },
  { "path", url_path("key", { "key" }) },
  { "fields", list_of(field_path(false), 64, "a list of at most 64 names, { \"alias\", \"owner_uuid\" }") },
  { "at", field_path(false) },
  { "keep", integer(1, SECONDS_MOST), 600 },
  { "keep_none", integer(0, SECONDS_MOST), 60 },
  { "stale", integer(0, SECONDS_MOST), 3600 },
  { "none", statuses, { { status = 404 } } },
  { "not_ready", statuses, {} },
  { "key_field", one_or_list(field_path(true), 8, "a name, or a list of at most 8 of them"), {} },
  { "batch", BATCH },
  { "preload", PRELOAD },
}

local function names_of(members)
  local names = {}
  for i, member in ipairs(members) do names[i] = member[1] end
  return names
end

-- What a table of these members says, or nil and the complaint.
local function read_members(value, members, where)
  if type(value) ~= "table" then return nil, ("%s is a table, not a %s"):format(where, type(value)) end
  local out, known = {}, {}
  for _, member in ipairs(members) do known[member[1]] = true end
  for key in pairs(value) do
    if not known[key] then
      local word = type(key) == "string" and key or "[" .. tostring(key) .. "]"
      return nil, ("%s has no %q; did you mean %q?"):format(where, word, nearest.to(word, names_of(members)))
    end
  end
  for _, member in ipairs(members) do
    local name, read, default = member[1], member[2], member[3]
    local given = value[name]
    if given == nil and default == true then return nil, ("%s has a %s"):format(where, name) end
    if given == nil then
      out[name] = default
    else
      local why
      if type(read) == "table" then
        out[name], why = read_members(given, read, name)
        if not out[name] then return nil, why end
      else
        out[name], why = read(given)
        if out[name] == nil then return nil, ("%s of %s is %s"):format(name, where, why) end
      end
    end
  end
  return out
end

local function check_preload(preload)
  local function uses(word) return preload.path:find("{" .. word .. "}", 1, true) ~= nil end
  local page = preload.page
  if page == "marker" and not (preload.marker and uses "marker") then
    return "a preload by markers has {marker} in its path, and says in `marker` what one looks like"
  end
  if page == "offset" and not uses "offset" then return "a preload by offset has {offset} in its path" end
  if page ~= "marker" and (uses "marker" or preload.marker) or page ~= "offset" and uses "offset" then
    return ("the preload is by page = %q, and its path or marker say something else"):format(page)
  end
end

local function check_source(source)
  local lists = source.batch and source.batch.form == "list" or source.preload and source.preload.form == "list"
  if lists and #source.key_field == 0 then
    return "an answer that is a list needs a key_field, which says where its elements have their key"
  end
  if not (source.path or source.batch or source.preload) and #source.key_field == 0 then
    return "a source has a path, a batch or a preload to ask a service, or a key_field for a file"
  end
  return source.preload and check_preload(source.preload)
end

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\" }

local function quoted(value)
  return '"' .. value:gsub('[%c"\\]', function(c) return ESCAPES[c] or ("\\u%04x"):format(c:byte()) end) .. '"'
end

local function encode(value, members)
  if type(value) == "string" then return quoted(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  if members then
    for _, member in ipairs(members) do
      local name, inner = member[1], member[2]
      if value[name] ~= nil then
        parts[#parts + 1] = quoted(name) .. ":" .. encode(value[name], type(inner) == "table" and inner or nil)
      end
    end
    return "{" .. table.concat(parts, ",") .. "}"
  end
  for i, element in ipairs(value) do parts[i] = encode(element, type(element) == "table" and STATUS or nil) end
  return "[" .. table.concat(parts, ",") .. "]"
end

local WHOLE = table.move(SOURCE, 1, #SOURCE, 1, {})
WHOLE[#WHOLE + 1] = { "whole" }

-- Answers for specs, and what has been declared: name → JSON.
local given, declared = {}, {}

-- How a source is asked without the program: of what the spec gave.
local function from_given(name)
  return function(key)
    if key == nil then return nil end
    if not given[name] then return nil, "missing" end
    return given[name][key]
  end
end

--- Declares a source, when the rules are loaded; answers the function that asks it, which from then on is also
--- `lookup.NAME`. What a description has, one by one: see LOOKUPS.
---@param description auditrecv.lookup.description
---@return fun(key: string|integer|nil): any, string?
function lookup.source(description)
  local source, why = read_members(description, SOURCE, "a source")
  why = why or check_source(source)
  local named = type(description) == "table" and type(description.name) == "string" and description.name .. ": " or ""
  if why then error("lookup.source: " .. named .. why, 2) end
  source.whole = source.preload ~= nil and not source.path and not source.batch
  local name, json = source.name, encode(source, WHOLE)
  if declared[name] == json then return lookup[name] end
  if declared[name] then
    error(("lookup.source: %sanother file declares a source of this name, in other words"):format(named), 2)
  end
  if lookup[name] ~= nil then
    error(("lookup.source: %sthe module has a function of this name"):format(named), 2)
  end
  local ask
  if program then ask, why = program.declare(json, name) else ask = from_given(name) end
  if why then error(("lookup.source: %s%s"):format(named, why), 2) end
  declared[name], lookup[name] = json, ask
  return ask
end

--- Do the settings name a service, or a file, of this name? A file of rules that needs one can say so:
--- `return lookup.has "vmapi" and rule { … }`.
---@param service string
---@return boolean
function lookup.has(service)
  if type(service) ~= "string" then error("lookup.has wants the name of a service", 2) end
  if program then return program.has(service) end
  return true
end

--- An answer as a table of one's own, to be changed at will; what is no table comes back as it is.
---@generic T
---@param answer T
---@return T
function lookup.copy(answer)
  if type(answer) ~= "table" then return answer end
  local copy = {}
  for key, value in pairs(answer) do copy[key] = lookup.copy(value) end
  return copy
end

if not program then
  --- For specs, outside of the program: what sources answer, `lookup.answers { vm = { [uuid] = { alias = "web" } } }`.
  ---@param answers table<string, table<string|integer, any>>
  function lookup.answers(answers) given = answers end
end

return lookup
