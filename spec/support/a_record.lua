-- A believable record for the specs of rules: `a_record { event = "cron_invoke", subject = { uid = 1001 } }` is the
-- document (the Lua table that a rule gets); a spec says only what differs. `a_record.bytes { … }` is the record
-- itself, as it comes over the wire, from the same words.
--
-- Nested objects are filled in, lists are taken whole. `a_record.none` takes away what would be there by default:
-- `a_record { subject = a_record.none }`. What hangs together follows: errno, outcome and modifier from `return` (or
-- the other way round), uid and the real ids from `audit_id` and `uid`, the event's number from its name.

local names = require "spec.support.bsm_names"
local record_bytes = require "spec.support.record_bytes"

local a_record = { none = setmetatable({}, { __name = "none" }) }

-- user-level events begin here; their records never carry a modifier
local FIRST_USER_EVENT = 6144

local function file(mode, inode, kind)
  return {
    mode_octal = mode, uid = 0, gid = 0, fsid = 65538, inode_hex = ("%016X"):format(inode), devid = "-1",
    type = kind or "s_ifreg",
  }
end

local no_terminal = { port_id = "0000000000000000" }
local root = { audit_id = 0, terminal = no_terminal }
local nobody_yet = { audit_id = -1, gid = -1 }

-- What records of an event usually hold beside what all hold.
local usual = {
  execve = { path = "/usr/bin/ls", attributes = file("100555", 4211), exec_args = { "ls", "-l" } },
  open_r = { path = "/etc/passwd", attributes = file("100644", 5177) },
  open_w = { path = "/etc/passwd", attributes = file("100644", 5177), subject = { uid = 0 } },
  stat = { path = "/etc/motd", attributes = file("100644", 5201) },
  unlink = { path = "/tmp/scratch", attributes = file("100600", 90112) },
  chmod = {
    path = "/export/home/alice/key", attributes = file("100644", 77001), args = { ["new file mode"] = "100600" },
  },
  rename = {
    path = "/etc/passwd.tmp", attributes = file("100644", 5178),
    target_path = "/etc/passwd", subject = { uid = 0 },
  },
  kill = {
    args = { signal = "sigkill" },
    process = {
      audit_id = 1002, uid = 1002, gid = 10, ruid = 1002, rgid = 10, pid = 777, session_id = 31415926,
      terminal = no_terminal,
    },
  },
  setppriv = {
    args = { op = "priv_set" },
    privs_before = { Effective = "basic,proc_setid" }, privs = { Effective = "basic" },
  },
  connect = {
    args = { so = 5 },
    socket = {
      family = "af_inet", type = "sock_stream",
      local_ip = "192.0.2.1", local_port = 51515, remote_ip = "203.0.113.9", remote_port = 443,
    },
  },
  su = { subject = { uid = 0 } },
  passwd = { user = { uid = 1002, name = "bob" }, subject = { uid = 0 } },
  cron_invoke = { text = { "normal-job", "/usr/lib/gather" }, subject = root },
  zlogin = { subject = { uid = 0 } },
  smf_disable = { used_auth = { "solaris.smf.manage" }, fmri = { "svc:/network/ssh:default" }, subject = { uid = 0 } },
  auditon_setkmask = {
    args = { ["setkmask:as_success"] = { "lo" }, ["setkmask:as_failure"] = { "lo" } }, subject = { uid = 0 },
  },
  systemboot = {
    text = { "booting kernel" }, modifier = { "na" }, subject = a_record.none, ["return"] = a_record.none,
  },
}

local user_failures = {
  ssh = { subject = nobody_yet, failure = { code = 2009, name = "pam_auth_err", text = "authentication failed" } },
}

local function is_list(value)
  return #value > 0 or next(value) == nil
end

local function copy(value)
  if type(value) ~= "table" or value == a_record.none then return value end
  local twin = {}
  for key, inner in pairs(value) do twin[key] = copy(inner) end
  return setmetatable(twin, getmetatable(value))
end

local function lay_over(below, above)
  for key, value in pairs(above) do
    local under = below[key]
    if type(value) == "table" and value ~= a_record.none and not is_list(value)
      and type(under) == "table" and under ~= a_record.none then
      lay_over(under, value)
    else
      below[key] = copy(value)
    end
  end
  return below
end

local function take_away(doc)
  for key, value in pairs(doc) do
    if value == a_record.none then
      doc[key] = nil
    elseif type(value) == "table" then
      take_away(value)
    end
  end
  return doc
end

local function default(of, key, value)
  if of[key] == nil then of[key] = value end
end

local function fill_person(person)
  default(person, "audit_id", 1001)
  default(person, "uid", person.audit_id)
  default(person, "gid", person.uid == 0 and 0 or 10)
  default(person, "ruid", person.uid)
  default(person, "rgid", person.gid)
  default(person, "pid", 20011)
  default(person, "session_id", 2718281828)
end

local function fill_outcome(doc)
  local user_level = doc.event_id >= FIRST_USER_EVENT
  local failed = doc.errno and doc.errno ~= "0" or doc.outcome == "failure"
  default(doc, "return", failed and (doc.failure and doc.failure.code or -1) or 0)
  if doc["return"] == a_record.none then
    default(doc, "outcome", "unknown")
    return
  end
  failed = failed or not doc.errno and doc["return"] < 0 or doc.failure ~= nil
  default(doc, "errno", not failed and "0" or user_level and "failure" or "eperm")
  default(doc, "outcome", failed and "failure" or "success")
  if failed and not user_level then default(doc, "modifier", { "fe" }) end
end

local function build(says)
  local event = says.event or "execve"
  local event_id = names.event(event, says.version)
  local doc = copy(usual[event] or {})
  if says.failure or says.outcome == "failure" or says.errno == "failure" then
    lay_over(doc, user_failures[event] or {})
  end
  lay_over(doc, says)
  doc.event = event
  default(doc, "event_id", event_id)
  default(doc, "version", 2)
  default(doc, "time", "2026-03-01T12:34:56.789012345Z")
  default(doc, "zonename", "global")
  fill_outcome(doc)
  default(doc, "subject", {})
  if doc.subject ~= a_record.none then
    fill_person(doc.subject)
    default(doc.subject, "terminal", { ip = "198.51.100.7", local_port = 22, remote_port = 51234 })
  end
  return doc
end

--- The bytes of the record; what the stream adds (from, host, received, sender_sequence) is not in them.
---@param says? table
---@return string
function a_record.bytes(says)
  return record_bytes(take_away(build(says or {})))
end

--- The document of a record that came over a stream.
---@param says? table
---@return table
local function document(_, says)
  local doc = build(says or {})
  default(doc, "from", "192.0.2.25")
  default(doc, "host", "web-01.example.org")
  default(doc, "received", "2026-03-01T12:34:56.790000000Z")
  default(doc, "sender_sequence", 4711)
  return take_away(doc)
end

return setmetatable(a_record, { __call = document })
