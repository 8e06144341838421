-- fake_host: a host with a global zone, in a folder: its files, its commands (host.lua), and the scripts under test.
local process = require "spec.support.process"
local store = require "spec.support.smf.store"

local fake_host = {}
fake_host.__index = fake_host

local AUDITD = "svc:/system/auditd:default"
local library = assert(io.popen "pwd -P"):read "l" .. "/spec/support/smf"
local lua = assert(io.popen "command -v lua5.4"):read "l"
local commands = { "svcprop", "svccfg", "svcadm", "svcs", "auditconfig", "audit", "auditstat", "mount", "umount",
  "zoneadm", "zonecfg", "getent", "file", "zonename", "uname", "cp", "mv", "mkdir", "chmod" }

local function shell(...)
  local line = (...):format(select(2, ...))
  assert(os.execute(line), line)
end

-- The scripts name places of a host in capital letters; here these lie below the folder.
local function adopt(from, to, root)
  local text = process.read(from)
  text = text:gsub("\n([%u_%d]+)=(/[^\n]+)", function(name, path)
    return ("\n%s=%s"):format(name, name == "SMF_INCLUDE" and library .. "/smf_include.sh" or root .. path)
  end)
  process.write(to, text)
end

local function fresh_state()
  return {
    calls = 0, zone = "global", usr = "ro", mounts = {}, unresolved = {}, bits = 32, zones = {},
    uname = { ["-s"] = "SunOS", ["-r"] = "5.11", ["-v"] = "joyent_20260101T000000Z" },
    services = {
      [AUDITD] = { state = "online", enabled = true },
      ["svc:/system/auditset:default"] = { state = "online", enabled = true },
    },
    audit = {
      policy = { cnt = true }, policy_active = { cnt = true }, flags = "lo", flags_active = "lo", naflags = "lo",
      naflags_active = "lo", queue = { qhiwater = 0, qlowater = 0, qbufsz = 0, qdelay = 0 }, highest = 100000,
      condition = "auditing", kernel = {}, stat = { aud = 0, drop = 0 }, written = {},
      plugins = {
        audit_binfile = { active = true, qsize = 0,
          attributes = { p_dir = "/var/audit", p_minfree = "0", p_fsize = "0" } },
        audit_remote = { active = false, qsize = 0, attributes = { p_hosts = "", p_retries = "3", p_timeout = "5" } },
        audit_syslog = { active = false, qsize = 0, attributes = { p_flags = "" } },
      },
    },
  }
end

local events = [[
# number:name:text:classes
0:AUE_NULL:indir system call:no
7:AUE_EXEC:exec(2):ps,ex
23:AUE_EXECVE:execve(2):ps,ex
72:AUE_OPEN_R:open(2) - read:fr
6152:AUE_login:login - local:lo
6220:AUE_smserverd:smserverd:ot
]]

--- Options: change(state) before the start; tools = names of further commands.
function fake_host.new(change)
  local folder = process.folder()
  local self = setmetatable({ folder = folder, root = folder .. "/root" }, fake_host)
  local root = self.root
  shell("cd '%s' && mkdir -p bin root/etc/gss root/etc/security root/usr/lib/gss root/usr/lib/amd64/gss root/var "
    .. "root/opt/auditrecv/gz-smf root/lib/svc/manifest root/usr/sbin", folder)
  process.write(folder .. "/command", ("#!%s\ndofile '%s/host.lua'\n"):format(lua, library))
  local links = { ("chmod 755 command && ln -s '%s/sleep' bin/sleep"):format(library) }
  for _, name in ipairs(commands) do links[#links + 1] = "ln -s ../command bin/" .. name end
  shell("cd '%s' && %s", folder, table.concat(links, " && "))
  process.write(root .. "/etc/security/audit_event", events)
  process.write(root .. "/etc/gss/mech", "# mechanisms\nkerberos_v5\t1.2.840.113554.1.2.2\tmech_krb5.so kmech_krb5\n")
  process.write(root .. "/usr/lib/gss/mech_krb5.so", "krb5 32")
  process.write(root .. "/usr/lib/amd64/gss/mech_krb5.so", "krb5 64")
  process.write(root .. "/etc/mnttab", ("rpool/ROOT\t%s/\tzfs\trw,dev=1\t1\n"
    .. "/devices/ramdisk:a\t%s/usr\tufs\tro,dev=2\t1\n"):format(root, root))
  for name in io.popen("ls gz-smf"):lines() do
    adopt("gz-smf/" .. name, root .. "/opt/auditrecv/gz-smf/" .. name, root)
  end
  shell("chmod 755 '%s'/opt/auditrecv/gz-smf/*", root)
  local state = fresh_state()
  for _, name in ipairs { "audit-setup", "mount-gss", "zone-names", "kernel-drops" } do
    self:add_service(state, name)
  end
  if change then change(state) end
  store.save(folder, state)
  return self
end

--- Keeps the host as it is now, for host:reset().
function fake_host:keep()
  shell("cd '%s' && rm -rf kept && cp -a root kept && cp state.lua kept", self.folder)
end

--- The host as it was kept.
function fake_host:reset()
  shell("cd '%s' && rm -rf root && cp -a kept root && mv root/state.lua .", self.folder)
end

--- The host has a further command: id (then whoever runs a program is root), vmadm.
function fake_host:has(command) shell("ln -sf ../command '%s/bin/%s'", self.folder, command) end

--- The service as its own manifest has it.
function fake_host:add_service(state, name)
  local properties = {}
  local text = process.read("gz-smf/" .. name .. ".xml"):match '<property_group name="config".-</property_group>'
  for key, kind, value in text:gmatch '<propval name="([^"]+)" type="([^"]+)" value="([^"]*)"/>' do
    if value:find "^/" then value = self.root .. value end
    properties["config/" .. key] = { type = kind, values = { value } }
  end
  state.services["svc:/site/" .. name .. ":default"] = { state = "offline", enabled = true, properties = properties }
end

function fake_host:state() return store.load(self.folder) end

--- Changes the state from outside, as an administrator would.
function fake_host:change(how)
  local state = self:state()
  how(state)
  store.save(self.folder, state)
end

--- Sets properties: { hosts = "a.example.net", policies = { "+argv", "+seq" } }
function fake_host:set(service, properties)
  self:change(function(state)
    for key, value in pairs(properties) do
      local property = assert(state.services["svc:/site/" .. service .. ":default"].properties["config/" .. key], key)
      property.values = type(value) == "table" and value or { tostring(value) }
    end
  end)
end

function fake_host:disable(service)
  self:change(function(state) state.services["svc:/site/" .. service .. ":default"].enabled = false end)
end

function fake_host:enable(service)
  self:change(function(state) state.services["svc:/site/" .. service .. ":default"].enabled = true end)
end

--- Runs a method as its restarter does. Options: shell (else host.shell, else dash), fail_at, kill_at, path = of
--- another program, arguments.
--- The answer: its exit status, and what it said on both outputs.
function fake_host:run(service, verb, options)
  options = options or {}
  self:change(function(state) state.calls = 0 end)
  process.write(self.folder .. "/calls", "")
  local program = options.path or self.root .. "/opt/auditrecv/gz-smf/" .. service
  local sh = options.shell or self.shell or "dash"
  local environment = ("HOST='%s' HOST_LIBRARY='%s' HOST_SHELL=%s FAIL_AT='%s' KILL_AT='%s' PATH='%s/bin':%s"):format(
    self.folder, library, sh, options.fail_at or "", options.kill_at or "", self.folder, "/usr/bin:/bin")
  if not options.by_hand then
    environment = environment .. " SMF_FMRI=" .. (options.fmri or "svc:/site/" .. service .. ":default")
  end
  -- What is killed dies with all that it has started, as with a contract of SMF.
  local apart = options.kill_at and "timeout 60 setsid -w" or ""
  local argv = ("%s '%s' %s %s"):format(sh, program, verb, options.arguments or "")
  local line = ("cd / && %s %s sh -c 'echo $$ >\"$HOST/method.pid\"; exec \"$@\"' sh %s </dev/null >'%s/said' 2>&1")
    :format(environment, apart, argv, self.folder)
  local _, how, status = os.execute("{ " .. line .. "; } 2>/dev/null")
  if how == "signal" then status = 128 + status end
  return status, process.read(self.folder .. "/said")
end

-- Commands that change nothing, as beginnings of their lines.
local looking = { "auditconfig %-get", "auditconfig %-lsevent", "svcprop", "svcs", "zonename", "file", "getent", "id",
  "uname", "auditstat", "cat" }
local copying = { "cp", "mv", "mkdir", "chmod", "rm", "rmdir" }

local function begins_with_one_of(line, list)
  for _, start in ipairs(list) do
    if line:find("^" .. start) then return true end
  end
  return false
end

--- Does a call only look?
function fake_host.looks_only(line) return begins_with_one_of(line, looking) end

--- The calls of the last run, one a line: all of them, and those that change more than files.
function fake_host:all_calls()
  local list = {}
  for line in process.read(self.folder .. "/calls"):gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

function fake_host:changes()
  local list = {}
  for _, line in ipairs(self:all_calls()) do
    if not begins_with_one_of(line, looking) and not begins_with_one_of(line, copying) then list[#list + 1] = line end
  end
  return list
end

function fake_host:calls() return self:state().calls end

function fake_host:read(path) return process.read(self.root .. path) end
function fake_host:write(path, text) return process.write(self.root .. path, text) end

--- Everything that a run may change, as one text: to be compared with that of another moment.
function fake_host:picture()
  local state = self:state()
  state.calls, state.services = nil, { [AUDITD] = state.services[AUDITD] }
  local list = assert(io.popen(("cd '%s' && find etc usr -type f -o -type l | sort | xargs -r cksum; "
    .. "find etc usr | sort"):format(self.root)))
  local files = list:read "a"
  list:close()
  return store.text(state) .. "\n" .. files
end

--- Fails, with the lines that differ, unless the host is as it was at another moment.
function fake_host:is_like(picture, at)
  local is, lines = self:picture(), {}
  if is == picture then return end
  local seen = {}
  for line in picture:gmatch "[^\n]+" do seen[line] = true end
  for line in is:gmatch "[^\n]+" do
    if not seen[line] then lines[#lines + 1] = "+ " .. line end
    seen[line] = nil
  end
  for line in pairs(seen) do lines[#lines + 1] = "- " .. line end
  error((at or "the host") .. " is not as it should be:\n" .. table.concat(lines, "\n"), 2)
end

return fake_host
