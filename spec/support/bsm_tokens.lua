-- Every token of BSM in every form, as a string of bytes; see bsm_build for the way to records and trails.
--
-- Tokens that hold one thing take it plainly:      path "/etc/passwd"   seq(7)
-- Tokens that hold a list take the list:           exec_args { "ls", "-l" }   newgroups { 10, 14 }
-- Tokens with an order that everybody knows:       return64 { "eperm", -1 }   arg32 { 2, "mode", 0x1ED }
-- Tokens with many fields take them by name, with believable defaults:   attr64 { mode = "100644", node = 4711 }

local pack = require "spec.support.bsm_pack"
local names = require "spec.support.bsm_names"

local u8, u16, u32, u64, str, strs = pack.u8, pack.u16, pack.u32, pack.u64, pack.str, pack.strs

local token = {}

--- Raw bytes as a token: `raw(0x37, "\1\2")`.
---@param id integer
---@param body? string
---@return string
function token.raw(id, body) return u8(id) .. (body or "") end

-- 1. Between records, and the end of a record

local function file(id, time_word)
  return function(t)
    local seconds, fraction = table.unpack(t.time)
    return u8(id) .. time_word(seconds) .. time_word(fraction or 0) .. str(t.name or "")
  end
end

--- `{ time = { seconds, fraction }, name = "" }`
token.file32 = file(0x11, u32)
token.file64 = file(0x78, u64)

--- The record's length, as the header has it. `magic` may be wrong.
function token.trailer(length, magic) return u8(0x13) .. u16(magic or 0xB105) .. u32(length) end

-- 2. Who

local function identity(id, bits, extended)
  return function(t)
    t = t or {}
    local audit_id = t.audit_id or 1001
    local uid = t.uid or audit_id
    local gid = t.gid or 10
    return u8(id) .. u32(audit_id) .. u32(uid) .. u32(gid) .. u32(t.ruid or uid) .. u32(t.rgid or gid)
      .. u32(t.pid or 4242) .. u32(t.session_id or 2718281828) .. pack.terminal(t.terminal, bits, extended)
  end
end

--- `{ audit_id, uid, gid, ruid, rgid, pid, session_id, terminal }`, named as in documents; what is left out follows
--- from what is there (uid from audit_id, ruid from uid, rgid from gid). `terminal`: see bsm_pack.terminal.
token.subject32 = identity(0x24, 32, false)
token.subject64 = identity(0x75, 64, false)
token.subject32_ex = identity(0x7A, 32, true)
token.subject64_ex = identity(0x7C, 64, true)
token.process32 = identity(0x26, 32, false)
token.process64 = identity(0x77, 64, false)
token.process32_ex = identity(0x7B, 32, true)
token.process64_ex = identity(0x7D, 64, true)

--- `{ uid, "name" }`
function token.user(t) return u8(0x36) .. u32(t[1]) .. str(t[2]) end

local function id_list(id, width)
  return function(list)
    local parts = { u8(id), width and u16(list.count or #list) or "" }
    for i = 1, width and #list or 16 do parts[#parts + 1] = u32(list[i] or 0) end
    return table.concat(parts)
  end
end

--- A list of group ids; `groups` is the obsolete token of sixteen slots.
token.newgroups = id_list(0x3B, 16)
token.groups = id_list(0x34, nil)

--- `{ "Permitted", "proc_exec,proc_fork" }`
function token.priv(t) return u8(0x38) .. str(t[1]) .. str(t[2]) end

--- `{ true, "file_dac_read" }`: used with success, or not
function token.upriv(t) return u8(0x39) .. u8(t[1] and 1 or 0) .. str(t[2]) end

--- `{ "effective", "aslr,noexecstack" }`
function token.secflags(t) return u8(0x62) .. str(t[1]) .. str(t[2]) end

--- `{ type = 0x41, classification = 4, compartments = bytes }`
function token.label(t)
  local compartments = t.compartments or ("\0"):rep(32)
  return u8(0x33) .. u8(t.type or 0x41) .. u8(#compartments // 4) .. u16(t.classification or 0) .. compartments
end

--- A list of 64-bit words; the top two bits of the first say how many there are, and are set here.
function token.rights(words)
  local parts = { u8(0x83), u64((#words - 2) << 62 | words[1]) }
  for i = 2, #words do parts[#parts + 1] = u64(words[i]) end
  return table.concat(parts)
end

-- 3. Outcome

--- `{ error, value }`; the error is a number or a name (`"eperm"`, `"failure"`)
function token.return32(t) return u8(0x27) .. u8(names.errno(t[1], t.version)) .. u32(t[2]) end
function token.return64(t) return u8(0x72) .. u8(names.errno(t[1], t.version)) .. u64(t[2]) end

--- `{ status, value }`
function token.exit(t) return u8(0x52) .. u32(t[1]) .. u32(t[2]) end

-- 4. Text

local function text(id) return function(value) return u8(id) .. str(value) end end

token.path = text(0x23)
token.text = text(0x28)
token.fmri = text(0x20)
token.uauth = text(0x3F)
token.zonename = text(0x60)
token.wsid = text(0x17)
token.xatom = text(0x40)

local function list(id) return function(values) return u8(id) .. strs(values) end end

--- Lists of strings without lengths; `count = n` among them lies about the number.
token.path_attr = list(0x25)
token.exec_args = list(0x3C)
token.exec_env = list(0x3D)
token.krb5_principal = list(0xEE)
token.cert_hash = list(0xEF)

--- `{ args = { … }, env = { … } }`
function token.cmd(t)
  local parts = { u8(0x51) }
  for _, side in ipairs { t.args or {}, t.env or {} } do
    parts[#parts + 1] = u16(#side)
    for _, value in ipairs(side) do parts[#parts + 1] = str(value) end
  end
  return table.concat(parts)
end

function token.opaque(bytes) return u8(0x29) .. u16(#bytes) .. bytes end

-- 5. Numbers

--- `{ number, "name", value }`
function token.arg32(t) return u8(0x2D) .. u8(t[1]) .. u32(t[3]) .. str(t[2]) end
function token.arg64(t) return u8(0x71) .. u8(t[1]) .. u64(t[3]) .. str(t[2]) end

local print_as = { binary = 0, octal = 1, decimal = 2, hex = 3, string = 4 }
local unit_of = { byte = 0, short = 1, int = 2, long = 3 }
local unit_format = { [0] = "I1", "I2", "I4", "i8" }

--- `{ print = "hex", unit = "byte", 0, 0, 0, 1 }`; with `bytes` in place of the values they are taken as they are,
--- with `order = "little"` the values are written as an OpenBSM sender on x86 does.
function token.data(t)
  local how = print_as[t.print] or t.print or 3
  local unit = unit_of[t.unit] or t.unit or 0
  local bytes, count = t.bytes, t.bytes and #t.bytes >> unit or #t
  if not bytes then
    local parts = {}
    for i = 1, #t do parts[i] = string.pack((t.order == "little" and "<" or ">") .. unit_format[unit], t[i]) end
    bytes = table.concat(parts)
  end
  return u8(0x21) .. u8(how) .. u8(unit) .. u8(t.count or count) .. bytes
end

local function number(id) return function(value) return u8(id) .. u32(value) end end

token.seq = number(0x2F)
token.liaison = number(0x3A)
token.access_mask = number(0x16)

-- 6. Files and what guards them

local function mode_of(mode)
  if type(mode) == "string" then return tonumber(mode, 8) end
  return mode or 0x81A4
end

local function attribute(id, node_word, dev_word)
  return function(t)
    t = t or {}
    return u8(id) .. u32(mode_of(t.mode)) .. u32(t.uid or 0) .. u32(t.gid or 0) .. u32(t.fsid or 65538)
      .. node_word(t.node or 4211) .. dev_word(t.dev or -1)
  end
end

--- `{ mode = "100644" or a number, uid, gid, fsid, node, dev }`; `attr` is the one of before Solaris 7
token.attr = attribute(0x31, u32, u32)
token.attr32 = attribute(0x3E, u64, u32)
token.attr64 = attribute(0x73, u64, u64)

--- `{ type, id, permissions }`
function token.acl(t) return u8(0x30) .. u32(t[1]) .. u32(t[2]) .. u32(t[3]) end

--- `{ who =, mask =, flags =, type = }`
function token.ace(t)
  return u8(0x35) .. u32(t.who or -1) .. u32(t.mask or 0) .. u16(t.flags or 0) .. u16(t.type or 0)
end

local ipc_types = { msg = 1, sem = 2, shm = 3 }

--- `{ "shm", id }`
function token.ipc(t) return u8(0x22) .. u8(ipc_types[t[1]] or t[1]) .. u32(t[2]) end

--- `{ uid, gid, creator_uid, creator_gid, mode, seq, key }`
function token.ipc_perm(t)
  return u8(0x32) .. u32(t.uid or 0) .. u32(t.gid or 0) .. u32(t.creator_uid or 0) .. u32(t.creator_gid or 0)
    .. u32(mode_of(t.mode)) .. u32(t.seq or 0) .. u32(t.key or 0)
end

-- 7. Network

function token.in_addr(address) return u8(0x2A) .. pack.addr4(address) end
function token.in_addr_ex(address) return u8(0x7E) .. pack.taddr(address) end
function token.iport(port) return u8(0x2C) .. u16(port) end
function token.host(address) return u8(0x70) .. pack.addr4(address) end

--- An IPv4 header: `{ source =, destination =, protocol =, length =, ttl =, … }`
function token.ip(t)
  return u8(0x2B) .. u8(t.version or 0x45) .. u8(t.tos or 0) .. u16(t.length or 20) .. u16(t.id or 0)
    .. u16(t.offset or 0) .. u8(t.ttl or 64) .. u8(t.protocol or 6) .. u16(t.checksum or 0)
    .. pack.addr4(t.source) .. pack.addr4(t.destination)
end

--- illumos: `{ family =, port =, ip =, order = "x86" }`; on x86 both come out swapped.
function token.socket(t)
  local address = pack.addr4(t.ip)
  if t.order ~= "sparc" then address = address:reverse() end
  return u8(0x2E) .. u16(t.family or 2) .. u16(pack.swapped_port(t.port, t.order)) .. address
end

--- OpenBSM: `{ type =, local_port =, local_ip =, remote_port =, remote_ip = }`
function token.socket_openbsm(t)
  return u8(0x2E) .. u16(t.type or 2) .. u16(t.local_port) .. pack.addr4(t.local_ip)
    .. u16(t.remote_port) .. pack.addr4(t.remote_ip)
end

--- `{ domain =, type =, local_ip =, local_port =, remote_ip =, remote_port =, order = }`. The order is "x86" (illumos:
--- ports swapped), "sparc", or "openbsm" (natural too). Without addresses: the short form of other domains.
function token.socket_ex(t)
  local head = u8(0x7F) .. u16(t.domain or 2) .. u16(t.type or 2)
  if not t.local_ip then return head end
  local near, far = pack.address(t.local_ip), pack.address(t.remote_ip)
  local order = t.order == "openbsm" and "sparc" or t.order
  return head .. u16(t.address_type or #near) .. u16(pack.swapped_port(t.local_port, order)) .. near
    .. u16(pack.swapped_port(t.remote_port, order)) .. far
end

--- `{ family =, port =, ip = }`
function token.sockinet32(t) return u8(0x80) .. u16(t.family or 2) .. u16(t.port) .. pack.addr4(t.ip) end
function token.sockinet128(t) return u8(0x81) .. u16(t.family or 28) .. u16(t.port) .. pack.address(t.ip) end

--- `{ family =, path = }`; `nul = false` as in old data at full length
function token.sockunix(t)
  return u8(0x82) .. u16(t.family or 1) .. t.path .. (t.nul == false and "" or "\0")
end

--- `{ remote_port =, local_port =, ip = }`; another `kind` has no layout and writes only itself
function token.tid(t)
  if t.kind and t.kind ~= 1 then return u8(0x61) .. u8(t.kind) end
  return u8(0x61) .. u8(1) .. u16(t.remote_port) .. u16(t.local_port) .. pack.taddr(t.ip)
end

-- 8. X window system: `{ id, uid }`; `version = 3` writes the numbers of Trusted Solaris 2.5

local function x_resource(id, tsol_id)
  return function(t) return u8(t.version == 3 and tsol_id or id) .. u32(t[1]) .. u32(t[2]) end
end

token.xcolormap = x_resource(0x44, 0x74)
token.xcursor = x_resource(0x45, 0x75)
token.xfont = x_resource(0x46, 0x76)
token.xgc = x_resource(0x47, 0x77)
token.xpixmap = x_resource(0x48, 0x78)
token.xwindow = x_resource(0x4A, 0x7A)

--- `{ id, uid, "WM_NAME" }`
function token.xproperty(t)
  return u8(t.version == 3 and 0x79 or 0x49) .. u32(t[1]) .. u32(t[2]) .. str(t[3])
end

--- `{ client }`
function token.xclient(t) return u8(t.version == 3 and 0x7B or 0x4B) .. u32(t[1]) end

--- `{ "PRIMARY", "STRING", "data" }`
function token.xselect(t) return u8(0x43) .. str(t[1]) .. str(t[2]) .. str(t[3]) end

-- 9. OpenBSM and Apple

local function uuid_bytes(value)
  local hex = value:gsub("-", "")
  assert(#hex == 32, "a UUID has 32 hex digits")
  return (hex:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

local function with_uuid(id)
  return function(t) return u8(id) .. u8(t[1]) .. uuid_bytes(t[3]) .. str(t[2]) end
end

--- `{ number, "name", "00112233-4455-…" }`
token.arg_uuid = with_uuid(0x84)
token.return_uuid = with_uuid(0x85)

--- `{ signer_type, signing_id, signing_id_truncated, team_id, team_id_truncated, cdhash = bytes }`
function token.identity(t)
  return u8(0xED) .. u32(t.signer_type or 1) .. str(t.signing_id or "") .. u8(t.signing_id_truncated or 0)
    .. str(t.team_id or "") .. u8(t.team_id_truncated or 0) .. u16(#(t.cdhash or "")) .. (t.cdhash or "")
end

return token
