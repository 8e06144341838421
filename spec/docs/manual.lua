-- manual: the parts of the manual that are made from the program, so that they cannot say anything else than it does.
--
--   make spec SPEC=spec/docs            tells whether they are up to date
--   RENEW=1 make spec SPEC=spec/docs    writes them anew
--
-- In a man page such a part stands between `.\" made from NAME` and `.\" end`.

local manual = {}

-- What stands below the help of a setting whose default does not tell its type.
local kinds = { ["True or false."] = "true or false", ["A list of texts."] = "List of texts" }

--- Settings as the sample file tells them: { path, default, range, help }, and tables { path, help, table }.
---@param sample string
---@return table
function manual.settings(sample)
  local list, path, comment = {}, {}, {}
  local function dotted(name)
    local steps = table.move(path, 1, #path, 1, {})
    steps[#steps + 1] = name
    return table.concat(steps, ".")
  end
  for line in sample:match("return {\n(.*)}\n$"):gmatch "([^\n]*)\n" do
    -- a list of tables that has no elements is commented out as a whole
    line = line:gsub("^(\t+)%-%-(\t)", "%1%2"):gsub("^\t+%-%-$", "")
      :gsub("^(\t+)%-%- ([%w_]+ = { {)$", "%1%2"):gsub("^(\t+)%-%- (} },)$", "%1%2")
    local text = line:match "^%s*(.*)$"
    local table_name, opened = text:match "^([%w_]+) = ({ ?{?)$"
    local name, default = text:match "^%-%- ([%w_]+) = (.*),$"
    if table_name then
      list[#list + 1] = { path = dotted(table_name), table = true, help = table.concat(comment, " ") }
      path[#path + 1] = table_name .. (opened == "{ {" and ".N" or "")
      comment = {}
    elseif text:find "^}" then
      path[#path] = nil
    elseif name then
      local range
      local last = comment[#comment]
      if last:find "^From .+ to .+%.$" or last:find '^One of ".+%.$' or kinds[last] then
        range = table.remove(comment):sub(1, -2)
      end
      list[#list + 1] = { path = dotted(name), default = default, range = not kinds[last] and range or nil,
        kind = kinds[last], help = table.concat(comment, " ") }
      comment = {}
    elseif text:find "^%-%- " then
      comment[#comment + 1] = text:sub(4)
    else
      assert(text == "", "what is this line of the sample? " .. line)
    end
  end
  return list
end

local function kind(setting)
  local default, range = setting.default, setting.range
  if setting.kind then return setting.kind end
  if range and range:find "^One of" then return "Text" end
  if range and range:find " seconds$" then return "Number" end
  if range then return "Whole number" end
  if default == "true" or default == "false" then return "true or false" end
  return default == "{}" and "List of texts" or "Text"
end

-- Breaks a line between words so that it has at most 78 columns.
local function wrapped(line)
  local out, column = {}, 0
  for word in line:gmatch "%S+" do
    local starts = column == 0 or column + 1 + #word > 78
    if column > 0 then out[#out + 1] = starts and "\n" or " " end
    out[#out + 1] = word
    column = (starts and 0 or column + 1) + #word
  end
  return table.concat(out)
end

-- One sentence a line, as mdoc wants it; nothing that roff would take for its own.
local function prose(text)
  text = text:gsub("\\", "\\e"):gsub("([%w%)\"]%.) (%u)", "%1\n%2"):gsub("[^\n]+", wrapped)
  return (("\n" .. text):gsub("\n([.'])", "\n\\&%1"):sub(2))
end

--- The settings as mdoc.
---@param sample string
---@return string
function manual.settings_mdoc(sample)
  local out, open = {}, false
  local function put(...) out[#out + 1] = table.concat { ... } end
  local function close() if open then put ".El" open = false end end
  for _, s in ipairs(manual.settings(sample)) do
    if s.table then
      close()
      put(".Ss ", s.path)
      put(prose(s.help))
    else
      local top = not s.path:find(".", 1, true)
      if top and open then close() end
      if not open then
        if top then put(".Ss ", s.path) end
        put ".Bl -tag -width Ds"
        open = true
      end
      put(".It Va ", s.path)
      local first = kind(s)
      if s.range then first = first .. ", " .. s.range:gsub("^%u", string.lower) end
      put(prose(first), ".")
      put(s.default == "nil" and "Not set by default." or "Default: " .. prose(s.default) .. ".")
      put ".br"
      put(prose(s.help))
      if top then close() end
    end
  end
  close()
  return table.concat(out, "\n") .. "\n"
end

--- The fields of a document as mdoc; rows as the program has them: { path, type, list, keyed, from, about }.
---@param rows table
---@return string
function manual.fields_mdoc(rows)
  local out = { ".Bl -tag -width Ds" }
  for _, row in ipairs(rows) do
    local what = row.type
    if row.keyed then what = "object with names from the record: " .. what end
    if row.list then what = "list of " .. what end
    out[#out + 1] = (".It Va %s Pq %s; %s"):format(row.path, what, row.from)
    out[#out + 1] = prose(row.about)
  end
  out[#out + 1] = ".El"
  return table.concat(out, "\n") .. "\n"
end

-- Words in backticks are code; in a text they stand in quotes. The mark becomes a backslash, behind prose().
local function quoted(text) return (text:gsub("`([^`]+)`", "\1(oq%1\1(cq")) end
local function unmarked(text) return (text:gsub("\1", "\\")) end

-- A comment as mdoc: text, and code where lines are indented.
local function comment_mdoc(lines, put)
  local text, code, paragraph = {}, {}, false
  local function flush()
    if #text > 0 then put(unmarked(prose(quoted(table.concat(text, " "))))) end
    while code[#code] == "" do code[#code] = nil end
    if #code > 0 then
      put ".Bd -literal -offset indent"
      for _, line in ipairs(code) do put((line:gsub("\\", "\\e"):gsub("^[.']", "\\&%0"))) end
      put ".Ed"
    end
    text, code = {}, {}
  end
  for _, line in ipairs(lines) do
    local indented = line:match "^    (.*)$"
    if indented or line == "" and #code > 0 then
      if #text > 0 then flush() end
      paragraph = false
      code[#code + 1] = indented or ""
    elseif line == "" then
      flush()
      paragraph = true
    else
      if #code > 0 then flush() end
      if paragraph and #text == 0 then put ".Pp" end
      paragraph = false
      text[#text + 1] = line
    end
  end
  flush()
end

-- "fun(text: string, most?: integer)" -> "(text, most)"
local function names_of(type_text)
  local inside = type_text:match "^fun(%b())"
  return inside and (inside:gsub("%??: [^,)]+", ""))
end

-- The described functions and values of one module: { name, arguments, lines }, and the comment of the module itself.
local function described(source)
  local own = source:match "\nreturn ([%w_]+)\n?$" or source:match "\nreturn setmetatable%(([%w_]+),"
  local entries, about, lines, typed = {}, nil, {}, nil
  for line in source:gmatch "([^\n]*)\n" do
    local text = line:match "^%-%-%- ?(.*)$"
    local name, arguments = line:match("^function " .. own .. "%.([%w_]+)(%b())")
    name = name or line:match("^" .. own .. "%.([%w_]+) = ")
    local parameter, what = line:match "^%-%-%-@param ([%w_]+)%??%s+%S+%s%s+(.+)$"
    if parameter then
      lines[#lines + 1] = ("`%s`: %s."):format(parameter, (what:gsub("%.$", "")))
    elseif line:find "^%-%-%-@" then
      typed = line:match "^%-%-%-@type (.*)$" or typed or ""
    elseif text then
      lines[#lines + 1] = text
    else
      if name and #lines > 0 then
        entries[#entries + 1] = { name = name, arguments = arguments or typed and names_of(typed), lines = lines }
      elseif not about and not typed and #lines > 0 and (line == "" or line == "local " .. own .. " = {}") then
        about = lines
      end
      lines, typed = {}, nil
    end
  end
  return entries, about or {}
end

--- The library of rules as mdoc, from its own comments.
---@param modules table list of { name = "auditrecv.rule", source = … }
---@return string
function manual.library_mdoc(modules)
  local out = {}
  local function put(line) out[#out + 1] = line end
  for _, module in ipairs(modules) do
    local short = module.name:match "[%w_]+$"
    local entries, about = described(module.source)
    put(".Ss " .. module.name)
    comment_mdoc(about, put)
    put ".Bl -tag -width Ds"
    for _, entry in ipairs(entries) do
      put((".It Li %s.%s%s"):format(short, entry.name, entry.arguments or ""))
      comment_mdoc(entry.lines, put)
    end
    put ".El"
  end
  return table.concat(out, "\n") .. "\n"
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
end

--- What stands in a page between the marks of a made part, and what should; with RENEW=1 it is written first.
---@param page string path of the man page
---@param name string of the part
---@param wanted string
---@return string is
function manual.part(page, name, wanted)
  local text = read(page)
  local from = ('.\\" made from %s\n'):format(name)
  local _, at = text:find(from, 1, true)
  local last = at and text:find('.\\" end\n', at, true)
  assert(last, page .. " has no part made from " .. name)
  if os.getenv "RENEW" then
    write(page, text:sub(1, at) .. wanted .. text:sub(last))
    return wanted
  end
  return text:sub(at + 1, last - 1)
end

--- The same for a whole file.
---@param path string
---@param wanted string
---@return string is
function manual.whole(path, wanted)
  if os.getenv "RENEW" then write(path, wanted) end
  return read(path)
end

--- The first line in which two texts differ, in words; nil when they are the same.
---@param wanted string
---@param is string
---@return string?
function manual.difference(wanted, is)
  local theirs, number = is:gmatch "[^\n]*\n", 0
  for line in wanted:gmatch "[^\n]*\n" do
    number = number + 1
    local other = theirs() or "its end\n"
    if line ~= other then return ("line %d should be\n%sbut is\n%sRENEW=1 mends it"):format(number, line, other) end
  end
  local more = theirs()
  return more and "something is behind its end: " .. more
end

manual.read = read
return manual
