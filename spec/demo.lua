-- demo: how `make demo` shows documents: fields of one, or what differs between two.
--
--   lua5.4 spec/demo.lua show FILE FIELD,FIELD… NAME=JSON…           the first document of the file with these fields
--   lua5.4 spec/demo.lua compare BEFORE AFTER FIELD,FIELD… NAME=JSON…  the same of two files, line by line
--   lua5.4 spec/demo.lua count FILE TEXT                             how many lines hold the text
--
-- A document is never parsed further than to its fields: what is shown is what was written. COLOUR=1 colours it.

local colours = { dim = "\27[2m", name = "\27[36m", old = "\27[31m", new = "\27[32m", off = "\27[0m" }

local function coloured(colour, text)
  return os.getenv "COLOUR" == "1" and colours[colour] .. text .. colours.off or text
end

-- The end of the JSON value that begins at `at`.
local function value_end(line, at)
  local depth, inside = 0, false
  while true do
    local c = line:sub(at, at)
    if inside then
      if c == "\\" then at = at + 1 elseif c == '"' then inside = false end
    elseif c == '"' then
      inside = true
    elseif c == "{" or c == "[" then
      depth = depth + 1
    elseif c == "}" or c == "]" or c == "," then
      if depth == 0 then return at - 1 end
      if c ~= "," then depth = depth - 1 end
    elseif c == "" then
      error("not a document: " .. line)
    end
    at = at + 1
  end
end

-- name -> JSON of the fields of one line
local function fields(line)
  local found, at = {}, 2
  while true do
    local name, from = line:match('^"([%w_]+)":()', at)
    if not name then return found end
    local last = value_end(line, from)
    found[name] = line:sub(from, last)
    at = last + 2
  end
end

local function matches(found, conditions)
  for name, json in pairs(conditions) do if not (found[name] or ""):find(json, 1, true) then return false end end
  return true
end

local function first(path, conditions)
  for line in io.lines(path) do
    local found = fields(line)
    if matches(found, conditions) then return found end
  end
end

local function conditions_of(from)
  local conditions = {}
  for i = from, #arg do
    local name, json = arg[i]:match "^([^=]+)=(.*)$"
    conditions[name] = json
  end
  return conditions
end

-- Where the next line begins: behind the last comma that fits.
local function line_end(json, at)
  local behind = utf8.offset(json, 80, at)
  if not behind then return #json + 1 end
  local comma = json:sub(at, behind - 1):match ".*(),"
  return comma and comma > 20 and at + comma or behind
end

local function put(name, sign, colour, json)
  local at, head = 1, ("    %-14s %s "):format(name, sign)
  repeat
    local behind = line_end(json, at)
    io.write(coloured("name", head), coloured(colour, json:sub(at, behind - 1)), "\n")
    at, head = behind, (" "):rep(21)
  until at > #json
end

local modes = {}

function modes.show()
  local found = assert(first(arg[2], conditions_of(4)), "no such document")
  for name in arg[3]:gmatch "[^,]+" do
    if found[name] then put(name, " ", "off", found[name]) end
  end
end

function modes.compare()
  local before, after = first(arg[2], conditions_of(5)), first(arg[3], conditions_of(5))
  assert(before, "no such document")
  after = after or {}
  for name in arg[4]:gmatch "[^,]+" do
    if before[name] == after[name] then
      if before[name] then put(name, " ", "dim", before[name]) end
    else
      if before[name] then put(name, "-", "old", before[name]) end
      if after[name] then put(before[name] and "" or name, "+", "new", after[name]) end
    end
  end
end

function modes.count()
  local n = 0
  for line in io.lines(arg[2]) do if line:find(arg[3], 1, true) then n = n + 1 end end
  print(n)
end

modes[arg[1]]()
