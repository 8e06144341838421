-- Primitive encodings of BSM: big-endian integers, strings with their NUL, addresses, terminal ids.
-- Everything here turns a Lua value into a string of bytes; nothing keeps state.

local pack = {}

local function check(ok, message, ...)
  if not ok then error(message:format(...), 4) end
end

--- An integer of `bits` bits; negative numbers are written in two's complement.
---@param value integer
---@param bits integer 8, 16, 32 or 64
---@return string
local function word(value, bits)
  value = math.tointeger(value)
  check(value, "integer expected")
  if bits < 64 then
    check(value >= -(1 << (bits - 1)) and value < (1 << bits), "%d does not fit in %d bits", value, bits)
    value = value & ((1 << bits) - 1)
    return string.pack(">I" .. bits // 8, value)
  end
  return string.pack(">i8", value)
end

function pack.u8(value) return word(value, 8) end
function pack.u16(value) return word(value, 16) end
function pack.u32(value) return word(value, 32) end
function pack.u64(value) return word(value, 64) end

--- A `str`: length with the NUL counted, bytes, NUL. A table spells out oddities:
--- `{ "text", nul = false }` leaves the NUL out, `{ "text", length = 99 }` lies about the length.
---@param text string|table
---@return string
function pack.str(text)
  local bytes, nul, length = text, "\0", nil
  if type(text) == "table" then
    bytes, length = text[1], text.length
    if text.nul == false then nul = "" end
  end
  check(type(bytes) == "string", "text expected, got %s", type(bytes))
  bytes = bytes .. nul
  check(length or #bytes <= 0xFFFF, "text of %d bytes does not fit a string token", #bytes)
  return word(length or #bytes, 16) .. bytes
end

--- `strs`: a 32-bit count, then NUL-terminated strings. `list.count` lies about the count.
---@param list table
---@return string
function pack.strs(list)
  local parts = { word(list.count or #list, 32) }
  for i, text in ipairs(list) do
    check(type(text) == "string" and not text:find("\0", 1, true), "string %d must be text without NUL", i)
    parts[i + 1] = text .. "\0"
  end
  return table.concat(parts)
end

local function ipv4(text)
  local a, b, c, d = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if not a then return nil end
  check(tonumber(a) < 256 and tonumber(b) < 256 and tonumber(c) < 256 and tonumber(d) < 256,
    "%q is no address", text)
  return string.char(a, b, c, d)
end

local function groups(text)
  local parts = {}
  for group in text:gmatch("[^:]+") do
    local tail = ipv4(group)
    if not tail then
      check(group:match("^%x%x?%x?%x?$"), "%q is no group of an IPv6 address", group)
      tail = string.pack(">I2", tonumber(group, 16))
    end
    parts[#parts + 1] = tail
  end
  return table.concat(parts)
end

local function ipv6(text)
  local front, back = text:match("^(.-)::(.*)$")
  local head = groups(front or text)
  if not front then
    check(#head == 16, "%q is no address", text)
    return head
  end
  local tail = groups(back)
  check(#head + #tail <= 14, "%q is no address", text)
  return head .. ("\0"):rep(16 - #head - #tail) .. tail
end

--- Address bytes, 4 or 16 of them, from text; bytes of either length may be given as `{ bytes = "…" }`.
---@param address string|table
---@return string
function pack.address(address)
  if type(address) == "table" then return address.bytes end
  return ipv4(address) or ipv6(address)
end

--- Address bytes that must be IPv4.
---@param address string
---@return string
function pack.addr4(address)
  local bytes = pack.address(address)
  check(#bytes == 4, "%s is not an IPv4 address", tostring(address))
  return bytes
end

--- A `taddr`: 32-bit type (4 or 16), then the address. `{ type = 5, bytes = "…" }` lies about the type.
---@param address string|table
---@return string
function pack.taddr(address)
  local bytes = pack.address(address)
  return word(type(address) == "table" and address.type or #bytes, 32) .. bytes
end

local function swap16(value)
  return (value & 0xFF) << 8 | value >> 8
end

--- A port as the writer leaves it where illumos hands a network-order port to its integer writer:
--- swapped on x86, natural on SPARC.
---@param port integer
---@param order? "x86"|"sparc" default "x86"
---@return integer
function pack.swapped_port(port, order)
  check(order == nil or order == "x86" or order == "sparc", "order is x86 or sparc")
  return order == "sparc" and port or swap16(port)
end

-- How the login word N sits in a 64-bit port; the forms of terminal ids that systems write.
local login_forms = {
  plain    = function(n) return n end,
  sign     = function(n) return n & 0x80000000 ~= 0 and n | 0xFFFFFFFF << 32 or n end,
  expanded = function(n) return (n >> 18) << 32 | (n & 0x3FFFF) end,
}

local function port_word(terminal, bits)
  if terminal.port then return terminal.port end
  if terminal.major then
    if bits == 64 then return terminal.major << 32 | terminal.minor end
    return terminal.major << 18 | terminal.minor
  end
  if not terminal.remote_port then return 0 end
  local remote, near = terminal.remote_port, terminal.local_port
  if terminal.form == "solaris11" then return remote << 32 | near end
  if terminal.form == "openbsm" then return remote end
  local n = pack.swapped_port(remote, terminal.order) << 16 | pack.swapped_port(near, terminal.order)
  if bits == 32 then return n end
  local form = login_forms[terminal.form or "plain"]
  check(form, "form is plain, sign, expanded, solaris11 or openbsm")
  return form(n)
end

--- The port word and address of a subject or process token.
--- `terminal` is one of
---   nil                                            no terminal
---   { ip =, local_port =, remote_port = }          network login; `form` and `order` ("x86", "sparc") as
---                                                  bsm writers differ: plain, sign, expanded, solaris11, openbsm
---   { ip =, major =, minor = }                     device
---   { ip =, port = }                               the raw port word
---@param terminal? table
---@param bits integer 32 or 64
---@param extended boolean with a typed address
---@return string
function pack.terminal(terminal, bits, extended)
  terminal = terminal or {}
  local ip = terminal.ip or "0.0.0.0"
  local address
  if extended then address = pack.taddr(ip) else address = pack.addr4(ip) end
  return word(port_word(terminal, bits), bits) .. address
end

return pack
