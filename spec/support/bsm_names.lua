-- The project's name tables (core/bsm/tables/*.tsv), read the other way round: from a name to its number.

local names = {}

local here = debug.getinfo(1, "S").source:match("^@(.*)spec/support/bsm_names%.lua$") or ""
names.tables = here .. "core/bsm/tables/"

-- Rows as tables by column; the last comment before the first row names the columns.
local function rows(file)
  local list, columns = {}, nil
  for line in io.lines(names.tables .. file) do
    local fields = {}
    for field in (line:gsub("^#", "") .. "\t"):gmatch("([^\t]*)\t") do fields[#fields + 1] = field end
    if line:sub(1, 1) == "#" then
      columns = fields
    elseif line ~= "" then
      local row = {}
      for i, name in ipairs(columns) do row[name] = fields[i] end
      list[#list + 1] = row
    end
  end
  return list
end

-- One index per file, built when it is first asked for: system -> name -> number.
local indices = {}

local function index(file, fill)
  if not indices[file] then
    local by_system = {}
    for _, row in ipairs(rows(file)) do
      fill(row, function(systems, name, number)
        for system in systems:gmatch("[^,]+") do
          by_system[system] = by_system[system] or {}
          by_system[system][name] = by_system[system][name] or math.tointeger(tonumber(number))
        end
      end)
    end
    indices[file] = by_system
  end
  return indices[file]
end

local function lookup(by_system, order, name)
  for _, system in ipairs(order) do
    local number = (by_system[system] or {})[name]
    if number then return number end
  end
  for _, known in pairs(by_system) do
    if known[name] then return known[name] end
  end
  return nil
end

-- In which rows a record of a header version looks for its event.
local event_order = {
  [1]  = { "darwin1", "openbsm" },
  [2]  = { "illumos", "omnios", "smartos", "solaris" },
  [3]  = { "tsol", "solaris" },
  [4]  = { "tsol", "solaris" },
  [10] = { "openbsm", "darwin" },
  [11] = { "openbsm", "darwin" },
}

--- The number of an event named as documents name it (`execve`); a number passes through.
---@param name string|integer
---@param version? integer header version, default 2
---@return integer
function names.event(name, version)
  if math.type(name) == "integer" then return name end
  local by_system = index("audit_event.tsv", function(row, add)
    add(row.systems, row.symbol:lower():gsub("^aue_", ""), row.number)
  end)
  return lookup(by_system, event_order[version or 2] or event_order[2], name)
    or error("no event is called " .. tostring(name), 3)
end

--- The error byte of a return token: a number, an errno name (`eperm`), `"0"` or `"failure"` (255).
---@param name string|integer
---@param version? integer
---@return integer
function names.errno(name, version)
  if math.type(name) == "integer" then return name end
  if name == "failure" then return 255 end
  if math.tointeger(tonumber(name)) then return math.tointeger(tonumber(name)) end
  local by_system = index("errno.tsv", function(row, add) add(row.system, row.name:lower(), row.number) end)
  local order = (version or 2) >= 10 and { "openbsm", "illumos" } or { "illumos" }
  return lookup(by_system, order, name) or error("no error is called " .. tostring(name), 3)
end

--- The number of a signal named as documents name it (`sigkill`).
---@param name string|integer
---@return integer
function names.signal(name)
  if math.type(name) == "integer" then return name end
  local by_system = index("signals.tsv", function(row, add) add(row.system, row.name:lower(), row.number) end)
  return lookup(by_system, { "illumos" }, name) or error("no signal is called " .. tostring(name), 3)
end

--- The mask of a list of audit classes (`{ "lo", "ex" }`); hex text (`"0x80"`) stands for bits without a name.
---@param list string[]
---@return integer
function names.classes(list)
  local by_system = index("classes.tsv", function(row, add) add(row.system, row.name, row.mask) end)
  local mask = 0
  for _, name in ipairs(list) do
    mask = mask | (name == "no" and 0 or lookup(by_system, { "illumos" }, name) or math.tointeger(tonumber(name))
      or error("no class is called " .. tostring(name), 3))
  end
  return mask
end

return names
