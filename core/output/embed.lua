-- embed.lua DIR: writes the C source that holds the index templates of DIR, one for each family of servers.
--
-- Bytes are written as numbers: no limit on the length of a literal, and nothing to escape.

local root = assert(arg[1], "usage: embed.lua DIR")

io.write "/* Made from etc/template/ by core/output/embed.lua. */\n#include \"output/template.h\"\n\n"
for _, family in ipairs { "elasticsearch", "opensearch", "opensearch-1" } do
  local file = assert(io.open(root .. "/" .. family .. ".json", "rb"))
  local bytes = file:read "a"
  file:close()
  local name = "template_" .. family:gsub("%-", "_")
  io.write(("static const unsigned char %s_bytes[] = {"):format(name))
  for i = 1, #bytes do
    if i % 20 == 1 then io.write "\n\t" end
    io.write(bytes:byte(i), ",")
  end
  io.write(("\n};\n\nconst struct str %s = { (const char *)%s_bytes, sizeof(%s_bytes) };\n\n"):format(name, name, name))
end
