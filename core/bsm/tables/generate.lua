-- Makes the name tables of the bsm room: reads the .tsv files of a folder, writes C.
--
--     lua5.4 core/bsm/tables/generate.lua core/bsm/tables > .build/gen/bsm.c
--
-- Names are the senders' own symbols in lower case; only events lose their prefix AUE_.

local folder = assert(arg[1], "which folder holds the tables?")

---Calls f with the columns of each row of a table.
---@param name string file name without .tsv
---@param f fun(...: string)
local function each(name, f)
  for line in io.lines(folder .. "/" .. name .. ".tsv") do
    if line ~= "" and line:sub(1, 1) ~= "#" then
      local columns = {}
      for column in (line .. "\t"):gmatch("([^\t]*)\t") do columns[#columns + 1] = column end
      f(table.unpack(columns))
    end
  end
end

---A C initializer of a struct str.
local function str(name)
  return ('{ "%s", %d }'):format(name, #name)
end

local function printf(format, ...)
  print(format:format(...))
end

printf '/* Made by core/bsm/tables/generate.lua from the tables beside it. */'
printf '#include "bsm/names_tables.h"\n'

-- Events. In each column of enum event_column the first system in its order that has the number names it.
local columns = {
  { "ILLUMOS", "illumos", "omnios", "smartos", "solaris" },
  { "SMARTOS", "smartos", "illumos", "omnios", "solaris" },
  { "TSOL", "tsol", "solaris", "illumos" },
  { "DARWIN1", "darwin1", "openbsm" },
  { "OPENBSM", "openbsm", "darwin" },
  { "APPLE", "darwin", "openbsm" },
}
local anywhere = { "illumos", "solaris", "openbsm", "darwin", "omnios", "smartos", "tsol", "darwin1" }

local by_system, numbers, name_set = {}, {}, {}
each("audit_event", function(number, symbol, systems)
  number = tonumber(number)
  numbers[number] = true
  local name = symbol:gsub("^AUE_", ""):lower()
  name_set[name] = true
  for system in systems:gmatch("[^,]+") do
    by_system[system] = by_system[system] or {}
    by_system[system][number] = by_system[system][number] or name
  end
end)

local names, name_index = {}, {}
for name in pairs(name_set) do names[#names + 1] = name end
table.sort(names)
for i, name in ipairs(names) do name_index[name] = i end

local function event_name(column, number)
  for i = 2, #column do
    local name = by_system[column[i]][number]
    if name then return name end
  end
  for _, system in ipairs(anywhere) do
    local name = by_system[system][number]
    if name then return name end
  end
end

printf "/* 0 is no name; from 1 on in the order of their bytes. */"
printf "const struct str names_events[] = {\n\t{ \"\", 0 },"
for _, name in ipairs(names) do printf("\t%s,", str(name)) end
printf "};"
printf("const size_t names_event_total = %d;\n", #names)

-- Two steps: the number's high byte chooses a page, the low byte a cell. Page 0 is the empty one.
local pages, page_index = { ("0,"):rep(256) }, { [("0,"):rep(256)] = 0 }
printf "const uint8_t names_event_page[EVENT_COLUMNS][256] = {"
for _, column in ipairs(columns) do
  local line = {}
  for high = 0, 255 do
    local cells = {}
    for low = 0, 255 do
      local number = high * 256 + low
      cells[#cells + 1] = (numbers[number] and name_index[event_name(column, number)] or 0) .. ","
    end
    local page = table.concat(cells)
    if not page_index[page] then
      page_index[page] = #pages
      pages[#pages + 1] = page
    end
    if page_index[page] > 0 then line[#line + 1] = ("[%d] = %d"):format(high, page_index[page]) end
  end
  printf("\t[EVENT_%s] = { %s },", column[1], table.concat(line, ", "))
end
assert(#pages <= 256, "too many pages")
printf "};\n"
printf "const uint16_t names_event_cell[][256] = {"
for _, page in ipairs(pages) do printf("\t{ %s },", page) end
printf "};\n"

---Writes an array of names by number, a row for each system: number -> name.
local function by_number(file, variable, rows, size)
  local name = {}
  each(file, function(system, number, symbol)
    name[system] = name[system] or {}
    name[system][tonumber(number)] = symbol:lower()
  end)
  printf("const struct str %s[2][%d] = {", variable, size)
  for i, system in ipairs(rows) do
    local sorted = {}
    for number in pairs(name[system]) do sorted[#sorted + 1] = number end
    table.sort(sorted)
    printf("\t[%d] = {", i - 1)
    for _, number in ipairs(sorted) do printf("\t\t[%d] = %s,", number, str(name[system][number])) end
    printf "\t},"
  end
  printf "};\n"
end
by_number("errno", "names_errnos", { "illumos", "openbsm" }, 256)
by_number("signals", "names_signals", { "illumos", "bsd" }, 128)

-- The small tables: rows by value, so that bits come out in ascending order.
local lists = {}
local function row(list, value, symbol)
  local rows = lists[list]
  if not rows then
    rows = {}
    lists[#lists + 1] = list
    lists[list] = rows
  end
  for _, r in ipairs(rows) do
    if r.value == value then return end
  end
  rows[#rows + 1] = { value = value, name = symbol:lower() }
end

each("flags", function(name, system, value, symbol)
  value = math.tointeger(tonumber(value))
  if system ~= "openbsm" then row("NAMES_" .. name:upper(), value, symbol) end
  if system == "openbsm" then row("NAMES_" .. name:upper() .. "_OPENBSM", value, symbol) end
end)
each("classes", function(system, mask, name)
  row(system == "illumos" and "NAMES_CLASS" or "NAMES_CLASS_OPENBSM", math.tointeger(tonumber(mask)), name)
end)
each("sockets", function(system, kind, number, name)
  local list = { illumos = "NAMES_SOCKET_%s", openbsm = "NAMES_SOCKET_%s_OPENBSM" }
  row((list[system] or "NAMES_SOCKET_%s_KERNEL"):format(kind:upper()), tonumber(number), name)
end)

for i, list in ipairs(lists) do
  table.sort(lists[list], function(a, b) return a.value < b.value end)
  printf("static const struct names_row rows_%d[] = {", i)
  for _, r in ipairs(lists[list]) do printf("\t{ %d, %s },", r.value, str(r.name)) end
  printf "};"
end
printf "\nconst struct names_rows names_lists[NAMES_LISTS] = {"
for i, list in ipairs(lists) do printf("\t[%s] = { rows_%d, %d },", list, i, #lists[list]) end
printf "};\n"

local failures = {}
each("failures", function(_, number, name, text)
  failures[#failures + 1] = { number = tonumber(number), name = name:lower(), text = text or "" }
end)
table.sort(failures, function(a, b) return a.number < b.number end)
printf "const struct names_failure names_failures[] = {"
for _, f in ipairs(failures) do printf("\t{ %d, %s, %s },", f.number, str(f.name), str(f.text)) end
printf "};"
printf("const size_t names_failure_total = %d;", #failures)
