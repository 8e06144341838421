-- Builds BSM bytes for specs: tokens, records, trails, and damage.
--
--   local bsm = require "spec.support.bsm_build"
--   bsm.record {
--     event = "execve", time = { 1700000000, 250000001 },
--     bsm.path "/usr/bin/ls",
--     bsm.exec_args { "ls", "-l" },
--     bsm.subject64 { audit_id = 1001, terminal = { ip = "198.51.100.7", remote_port = 51234, local_port = 22 } },
--     bsm.return64 { 0, 0 },
--     bsm.zonename "global",
--   }
--
-- A token is a string of bytes (see bsm_tokens), so is a record, so is a trail: they can be joined, cut and compared.
-- Offsets count from 0, as they do in a hex dump.

local pack = require "spec.support.bsm_pack"
local names = require "spec.support.bsm_names"
local tokens = require "spec.support.bsm_tokens"

local u8, u16, u32, u64 = pack.u8, pack.u16, pack.u32, pack.u64

local bsm = setmetatable({}, { __index = tokens })

bsm.str, bsm.strs, bsm.address = pack.str, pack.strs, pack.address

local modifier_bits = { rd = 0x0001, wr = 0x0002, sp = 0x0080, fp = 0x0100, na = 0x4000, fe = 0x8000 }

local function modifier_of(modifier)
  if type(modifier) ~= "table" then return modifier or 0 end
  local bits = 0
  for _, name in ipairs(modifier) do bits = bits | assert(modifier_bits[name], name) end
  return bits
end

-- id, word of the two times, whether the host's address is there
local header_forms = {
  header32    = { 0x14, u32, false },
  header32_ex = { 0x15, u32, true },
  header64    = { 0x74, u64, false },
  header64_ex = { 0x79, u64, true },
}

local known_fields = {
  event = true, time = true, form = true, host = true, version = true, modifier = true,
  seq = true, trailer = true, length = true,
}

--- A record: header, the tokens of the list part, and, where asked for, sequence and trailer.
--- `event` name or number; `time` { seconds, fraction }; `form` header32, header32_ex, header64 (default) or
--- header64_ex (default where `host`, an address, is given); `version` 2; `modifier` number or list of names;
--- `seq` the kernel's counter; `trailer` true or a length of its own; `length` to lie about the length.
---@param t table
---@return string
function bsm.record(t)
  for key in pairs(t) do
    assert(math.type(key) == "integer" or known_fields[key], "a record has no field " .. tostring(key))
  end
  local form = assert(header_forms[t.form or (t.host and "header64_ex" or "header64")], "unknown form of header")
  local id, time_word, with_host = table.unpack(form)
  local seconds, fraction = table.unpack(t.time or { 1700000000, 0 })
  local version = t.version or 2
  local rest = u8(version) .. u16(names.event(t.event, version)) .. u16(modifier_of(t.modifier))
    .. (with_host and pack.taddr(t.host or "192.0.2.25") or "") .. time_word(seconds) .. time_word(fraction or 0)
    .. table.concat(t) .. (t.seq and tokens.seq(t.seq) or "")
  local length = 5 + #rest + (t.trailer and 7 or 0)
  local trailer = ""
  if t.trailer then trailer = tokens.trailer(t.trailer == true and length or t.trailer) end
  return u8(id) .. u32(t.length or length) .. rest .. trailer
end

--- A trail: a file token, the records of the list part, a file token. `previous` and `next` are the names of the
--- neighbours (default none); `false` leaves the token out, as in a file that is still open, or OpenBSM's.
--- `time` { seconds, fraction } of the first token, `closed` of the last; `form` file32 (default) or file64.
---@param t table
---@return string
function bsm.trail(t)
  local file = tokens[t.form or "file32"]
  local first = t.time or { 1700000000, 0 }
  local parts = {}
  if t.previous ~= false then parts[1] = file { time = first, name = t.previous } end
  table.move(t, 1, #t, #parts + 1, parts)
  if t.next ~= false then parts[#parts + 1] = file { time = t.closed or first, name = t.next } end
  return table.concat(parts)
end

--- The text of bytes: `bsm.hex("\1\xFF")` is "01ff".
---@param bytes string
---@return string
function bsm.hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

--- The bytes of hex text; blanks, line ends and leading `0010:` offsets of a dump are passed over.
---@param text string
---@return string
function bsm.from_hex(text)
  text = text:gsub("%x+:", "")
  assert(not text:find("[^%x%s]"), "not hex text")
  return (text:gsub("%s+", ""):gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

-- Damage

--- Without the last `count` bytes.
---@param bytes string
---@param count integer
---@return string
function bsm.cut(bytes, count)
  assert(count <= #bytes, "cannot cut more than there is")
  return bytes:sub(1, #bytes - count)
end

--- Other bytes in place of those at an offset.
---@param bytes string
---@param offset integer
---@param replacement string
---@return string
function bsm.patch(bytes, offset, replacement)
  assert(offset + #replacement <= #bytes, "patch runs out of the bytes")
  return bytes:sub(1, offset) .. replacement .. bytes:sub(offset + #replacement + 1)
end

--- The bits of `mask` (default: all) turned round in one byte.
---@param bytes string
---@param offset integer
---@param mask? integer
---@return string
function bsm.flip(bytes, offset, mask)
  return bsm.patch(bytes, offset, string.char(bytes:byte(offset + 1) ~ (mask or 0xFF)))
end

--- A record whose header tells another length.
---@param record string
---@param length integer
---@return string
function bsm.with_length(record, length)
  return bsm.patch(record, 1, u32(length))
end

return bsm
