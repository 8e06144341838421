-- From a document back to a record: the tokens that an illumos host would have written, in the order in which it
-- writes them. Takes the words of documents (names of events, errors, signals, classes); what has no token of its own
-- is not written.

local bsm = require "spec.support.bsm_build"
local names = require "spec.support.bsm_names"

local FIRST_USER_EVENT, LAST_USER_EVENT = 6144, 32767

-- days from the epoch to the first day of a year of 366 or 365, by the civil calendar
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
end

local function time_of(text)
  local year, month, day, hour, minute, second, fraction = text:match(
    "^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)%.?(%d*)Z$")
  assert(year, "not a time: " .. text)
  local seconds = days(tonumber(year), tonumber(month), tonumber(day)) * 86400
    + tonumber(hour) * 3600 + tonumber(minute) * 60 + tonumber(second)
  return math.tointeger(seconds), math.tointeger(tonumber((fraction .. "000000000"):sub(1, 9)))
end

local function attributes(a)
  return bsm.attr64 {
    mode = a.mode_octal, uid = a.uid, gid = a.gid, fsid = a.fsid,
    node = a.inode_hex and math.tointeger(tonumber(a.inode_hex, 16)), dev = math.tointeger(tonumber(a.devid or "-1")),
  }
end

local function terminal_of(terminal)
  if terminal and terminal.port_id then
    return { ip = terminal.ip, port = math.tointeger(tonumber(terminal.port_id, 16)) }
  end
  return terminal
end

local function person(kind, who, wide)
  local extended = who.terminal and (who.terminal.ip or ""):find(":", 1, true) or not wide and kind == "subject"
  local twin = setmetatable({ terminal = terminal_of(who.terminal) }, { __index = who })
  if twin.terminal and not wide then twin.terminal = setmetatable({ form = "openbsm" }, { __index = twin.terminal }) end
  return bsm[kind .. (wide and "64" or "32") .. (extended and "_ex" or "")](twin)
end

-- Arguments whose number is not 1, and which are written in 64 bits.
local argument_numbers = {
  ["signal"] = 2, ["op"] = 2, ["new file mode"] = 2, ["mode"] = 2, ["new file uid"] = 2, ["new file gid"] = 3,
  ["cmd"] = 2, ["arg"] = 3, ["flags"] = 3, ["type"] = 2, ["protocol"] = 3, ["level"] = 2, ["optname"] = 3,
  ["setpolicy"] = 3, ["setkmask:as_success"] = 2, ["setkmask:as_failure"] = 2, ["child PID"] = 0, ["euid"] = 2,
}
local octal = { ["mode"] = true, ["new file mode"] = true }
local privilege_ops = { priv_on = 0, priv_off = 1, priv_set = 2 }

local function argument_value(name, value)
  if math.type(value) == "integer" then return value end
  if type(value) == "string" then
    if octal[name] then return tonumber(value, 8) end
    if name == "signal" then return names.signal(value) end
    return privilege_ops[value] or math.tointeger(tonumber(value)) or error("no number for argument " .. name)
  end
  if value.remote_port then return (string.unpack(">I8", bsm.subject64 { terminal = value }, 30)) end
  return names.classes(value)
end

local function arguments(args)
  local sorted = {}
  for name in pairs(args) do sorted[#sorted + 1] = name end
  table.sort(sorted, function(a, b)
    local first, second = argument_numbers[a] or 1, argument_numbers[b] or 1
    if first ~= second then return first < second end
    return a < b
  end)
  local parts = {}
  for _, name in ipairs(sorted) do
    local values = args[name]
    -- a list of integers is an argument that came more than once; a list of names is one mask
    if type(values) ~= "table" or math.type(values[1]) ~= "integer" then values = { values } end
    for _, value in ipairs(values) do
      local number, exact = argument_numbers[name] or 1, argument_value(name, value)
      local narrow = exact >= -(1 << 31) and exact < 1 << 32 and name ~= "arg"
      parts[#parts + 1] = bsm[narrow and "arg32" or "arg64"] { number, name, exact }
    end
  end
  return table.concat(parts)
end

local function environment(doc)
  local entries = {}
  for name, value in pairs(doc.exec_env) do entries[#entries + 1] = name .. "=" .. value end
  table.sort(entries)
  for _, entry in ipairs(doc.exec_env_more or {}) do entries[#entries + 1] = entry end
  return bsm.exec_env(entries)
end

local function privileges(doc)
  local parts, sets = {}, {}
  for set in pairs(doc.privs) do sets[#sets + 1] = set end
  table.sort(sets)
  for _, set in ipairs(sets) do
    local before = (doc.privs_before or {})[set]
    if before then parts[#parts + 1] = bsm.priv { set, before } end
    parts[#parts + 1] = bsm.priv { set, doc.privs[set] }
  end
  return table.concat(parts)
end

local function address(ip)
  return ip:find(":", 1, true) and bsm.in_addr_ex(ip) or bsm.in_addr(ip)
end

local function socket(s)
  if s.path then return bsm.sockunix { path = s.path } end
  if s.ip then return bsm.socket { ip = s.ip, port = s.port } end
  return bsm.socket_ex {
    domain = s.local_ip:find(":", 1, true) and 26 or 2, type = s.type == "sock_dgram" and 1 or 2,
    local_ip = s.local_ip, local_port = s.local_port, remote_ip = s.remote_ip, remote_port = s.remote_port,
  }
end

local function each(build)
  return function(list)
    local parts = {}
    for i, value in ipairs(list) do parts[i] = build(value) end
    return table.concat(parts)
  end
end

-- The tokens particular to an event, in the order of writing; each is made from the field's value (and the document).
local event_tokens = {
  { "args", arguments },
  { "path", bsm.path },
  { "xattr_path", bsm.path_attr },
  { "attributes", attributes },
  { "target_path", bsm.path },
  { "working_directory", bsm.path },
  { "target_attributes", attributes },
  { "exec_args", bsm.exec_args },
  { "exec_env", function(_, doc) return environment(doc) end },
  { "used_auth", each(bsm.uauth) },
  { "fmri", each(bsm.fmri) },
  { "text", each(bsm.text) },
  { "user", function(u) return bsm.user { u.uid, u.name } end },
  { "cmd", bsm.cmd },
  { "addr", each(address) },
  { "iport", each(bsm.iport) },
  { "socket", socket },
  { "privs", function(_, doc) return privileges(doc) end },
  { "process", function(p, doc) return person("process", p, doc.version == 2) end },
}

local function subject(doc)
  return doc.subject and person("subject", doc.subject, doc.version == 2) or ""
end

--- The record that decodes to this document.
---@param doc table as in the manual's list of fields; event, version and time are needed
---@return string
return function(doc)
  local user_level = doc.event_id >= FIRST_USER_EVENT and doc.event_id <= LAST_USER_EVENT
  local wide = doc.version == 2
  local parts = {}
  local function add(bytes) parts[#parts + 1] = bytes end

  if user_level then add(subject(doc)) end
  for _, entry in ipairs(event_tokens) do
    local value = doc[entry[1]]
    if value ~= nil then add(entry[2](value, doc)) end
  end
  if not user_level then add(subject(doc)) end
  if doc.groups then add(bsm.newgroups(doc.groups)) end
  if doc.used_privs then add(bsm.upriv { doc.used_privs.success == 1, doc.used_privs.privs }) end
  if doc.failed_privs then add(bsm.upriv { false, doc.failed_privs }) end
  if doc["return"] then
    add(bsm[wide and "return64" or "return32"] { doc.errno or 0, doc["return"], version = doc.version })
  end
  for _, zone in ipairs(doc.target_zonename or {}) do add(bsm.zonename(zone)) end
  if doc.zonename then add(bsm.zonename(doc.zonename)) end

  local seconds, nanoseconds = time_of(doc.time)
  return bsm.record {
    event = doc.event_id, version = doc.version, modifier = doc.modifier, host = doc.host_ip,
    form = not wide and "header32" or nil, trailer = not wide, seq = doc.sequence,
    time = { seconds, wide and nanoseconds or nanoseconds // 1000000 },
    table.concat(parts),
  }
end
