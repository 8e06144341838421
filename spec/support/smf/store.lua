-- store: the state of a fake host, kept in a file between two commands.
local store = {}

local function write(value, out, indent)
  if type(value) ~= "table" then
    out[#out + 1] = ("%q"):format(value)
    return
  end
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  out[#out + 1] = "{\n"
  for _, key in ipairs(keys) do
    out[#out + 1] = ("%s[%q] = "):format(indent, key)
    write(value[key], out, indent .. " ")
    out[#out + 1] = ",\n"
  end
  out[#out + 1] = indent .. "}"
end

--- A value as text; the same value gives the same text.
function store.text(value)
  local out = {}
  write(value, out, " ")
  return table.concat(out)
end

function store.load(folder) return dofile(folder .. "/state.lua") end

function store.save(folder, state)
  local file = assert(io.open(folder .. "/state.new", "w"))
  file:write("return ", store.text(state), "\n")
  file:close()
  assert(os.rename(folder .. "/state.new", folder .. "/state.lua"))
end

return store
