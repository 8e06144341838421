-- embed.lua LUADIR: writes the C source that holds every Lua file below LUADIR, in the order of their names.
--
-- Bytes are written as numbers: no limit on the length of a literal, and nothing to escape.

local root = assert(arg[1], "usage: embed.lua LUADIR")

local function files()
  local list = {}
  local find = assert(io.popen(("find '%s' -name '*.lua' -type f"):format(root)))
  for path in find:lines() do list[#list + 1] = path end
  assert(find:close())
  table.sort(list)
  return list
end

local function module_name(path)
  return (path:sub(#root + 2):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local function write_bytes(name, bytes)
  io.write(("static const unsigned char %s[] = {"):format(name))
  for i = 1, #bytes do
    if i % 20 == 1 then io.write "\n\t" end
    io.write(bytes:byte(i), ",")
  end
  io.write "\n};\n\n"
end

io.write "/* Made from lua/ by core/script/embed.lua. */\n#include \"script/embed.h\"\n\n"
local rows = {}
for i, path in ipairs(files()) do
  local file = assert(io.open(path, "rb"))
  local bytes = file:read "a"
  file:close()
  assert(load(bytes, "@" .. path, "t", {}))
  write_bytes("file_" .. i, bytes)
  rows[i] = ("\t{ \"%s\", (const char *)file_%d, sizeof(file_%d) },\n"):format(module_name(path), i, i)
end
io.write("const struct embedded embedded_modules[] = {\n", table.concat(rows), "};\n\n",
  "const size_t embedded_count = sizeof(embedded_modules) / sizeof(embedded_modules[0]);\n")
