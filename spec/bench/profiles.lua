-- What the records of a bench trail look like. A profile makes one record, and tells where in its bytes the time and
-- the process id stand, so that the generator can vary them without building the record anew.

local bsm = require "spec.support.bsm_build"
local population = require "spec.bench.population"

local pick, weighted, chance, random = population.pick, population.weighted, population.chance, math.random

local profiles = {}

local TIME_SIZE = 16
local HEADER_SIZE, HEADER_EX_SIZE = 26, 34
local PID_IN_SUBJECT = 21

local function attributes(mode)
  return bsm.attr64 {
    mode = mode, uid = pick { 0, 0, random(1000, 1060) }, gid = pick { 0, 2, 3, 10, 100 }, fsid = random(65536, 66000),
    node = random(1, 900000), dev = -1,
  }
end

local function subject(session)
  local six = session.terminal and session.terminal.ip:find(":", 1, true)
  return bsm["subject64" .. (six and "_ex" or "")](session)
end

local failures = { "eperm", "enoent", "eacces", "enoent", "eacces", "eexist", "einval" }

-- The whole record out of its particular tokens. `says`: event, failed (percent), value, user_level, zone, code.
local function assemble(world, says, particular)
  local failed = says.failed and chance(says.failed)
  local session = says.session or world.session()
  local who = subject(session)
  local outcome
  if failed then
    outcome = bsm.return64(says.user_level and { "failure", says.code or 2009 } or { says.errno or pick(failures), -1 })
  else
    outcome = bsm.return64 { 0, says.value or 0 }
  end
  local tokens = particular(failed)
  local upriv = not says.user_level and chance(says.privileged or 8)
    and bsm.upriv { not failed, pick { "file_dac_read", "file_dac_write", "proc_owner", "sys_admin", "proc_setid" } }
  table.insert(tokens, says.user_level and 1 or #tokens + 1, who)
  if upriv then tokens[#tokens + 1] = upriv end
  tokens[#tokens + 1] = outcome
  tokens[#tokens + 1] = bsm.zonename(says.zone or world.zone())

  local modifier = 0
  if not says.user_level then modifier = (failed and 0x8000 or 0) | (upriv and (failed and 0x100 or 0x80) or 0) end
  local header_size = says.host and HEADER_EX_SIZE or HEADER_SIZE
  local pid_at = header_size + PID_IN_SUBJECT
  for _, token in ipairs(tokens) do
    if token == who then break end
    pid_at = pid_at + #token
  end
  return {
    bytes = bsm.record {
      event = says.event, modifier = modifier | (says.modifier or 0), host = says.host,
      table.unpack(tokens),
    },
    tokens = #tokens + 1, time_at = header_size - TIME_SIZE, pid_at = pid_at,
  }
end

--- Every record an execve with its argv.
---@param world table
---@return table record { bytes, tokens, time_at, pid_at }
function profiles.execve(world)
  return assemble(world, { event = "execve", failed = 5, privileged = 3 }, function(failed)
    local program = population.program()
    local args = population.arguments(program, 8)
    local tokens = { bsm.path(population.program_path(program)) }
    if not failed or chance(50) then tokens[2] = attributes(pick { "100555", "100755", "104555" }) end
    tokens[#tokens + 1] = bsm.exec_args(args)
    if chance(3) then
      tokens[#tokens + 1] = bsm.exec_env { "PATH=/usr/bin:/usr/sbin:/opt/local/bin", "HOME=/root", "LANG=C.UTF-8" }
    end
    return tokens
  end)
end

-- Kinds of the mixed profile: { weight, what assemble is told, the particular tokens }.

local function on_path(event, failed, value)
  return { event = event, failed = failed, value = value }, function(fails)
    local tokens = { bsm.path(population.path()) }
    if not fails or chance(40) then tokens[2] = attributes(pick { "100644", "100600", "040755", "100755" }) end
    return tokens
  end
end

local function two_paths(event)
  return { event = event, failed = 4 }, function()
    return { bsm.path(population.path()), attributes "100644", bsm.path(population.path()), attributes "100644" }
  end
end

local function socket()
  local six = chance(20)
  return bsm.socket_ex {
    domain = six and 26 or 2, type = pick { 2, 2, 2, 1 },
    local_ip = six and population.address6() or population.address(), local_port = random(1024, 65535),
    remote_ip = six and population.address6() or population.address(),
    remote_port = pick { 22, 53, 80, 443, 3306, 9200 },
  }
end

local function service_action(event)
  return { event = event, user_level = true, failed = 4, code = 1003 }, function()
    return {
      bsm.uauth(pick { "solaris.smf.manage", "solaris.smf.modify", "solaris.smf.manage.ssh" }),
      bsm.fmri("svc:/" .. pick { "network", "application", "system" } .. "/" .. population.word() .. ":default"),
    }
  end
end

local function login(event, failed)
  return { event = event, user_level = true, failed = failed }, function(fails)
    return fails and { bsm.text "Authentication failed" } or {}
  end
end

local kinds = {
  { 17, function()
    return on_path(pick { "open_r", "openat_r", "open_rw", "open_wtc", "openat_wc" }, 6, random(3, 60))
  end },
  { 12, function()
    return { event = "close", modifier = pick { 1, 2, 3 } }, function()
      local fd = bsm.arg32 { 1, "fd", random(3, 255) }
      return { fd, bsm.path(population.path()), attributes "100644" }
    end
  end },
  { 9, function() return on_path(pick { "stat", "lstat", "access", "fstatat" }, 12) end },
  { 23, function()
    local program = population.program()
    return { event = "execve", failed = 3 }, function()
      return {
        bsm.path(population.program_path(program)), attributes "100555",
        bsm.exec_args(population.arguments(program, 8)),
      }
    end
  end },
  { 7, function()
    return { event = "connect", failed = 5, errno = pick { "econnrefused", "etimedout" } }, function()
      return { bsm.arg32 { 1, "so", random(3, 90) }, socket() }
    end
  end },
  { 6, function()
    return { event = "accept", value = random(4, 90) }, function() return { socket(), socket() } end
  end },
  { 4, function()
    return { event = pick { "chmod", "fchmod" }, failed = 5 }, function()
      local mode = bsm.arg32 { 2, "new file mode", pick { 384, 420, 493 } }
      return { mode, bsm.path(population.path()), attributes "100644" }
    end
  end },
  { 2, function()
    return { event = pick { "chown", "lchown" }, failed = 10 }, function()
      return {
        bsm.arg32 { 2, "new file uid", random(0, 1060) }, bsm.arg32 { 3, "new file gid", -1 },
        bsm.path(population.path()), attributes "100644",
      }
    end
  end },
  { 14, function() return two_paths(pick { "rename", "rename", "link" }) end },
  { 5, function() return on_path(pick { "unlink", "unlinkat", "rmdir" }, 5) end },
  { 3, function()
    return { event = "mkdir", failed = 8 }, function(fails)
      local tokens = { bsm.arg32 { 2, "mode", 493 }, bsm.path(population.path()) }
      if not fails then tokens[3] = attributes "040755" end
      return tokens
    end
  end },
  { 3, function()
    return { event = "kill", failed = 8, errno = pick { "eperm", "esrch" } }, function()
      return { bsm.arg32 { 2, "signal", pick { 1, 9, 15, 18 } }, bsm.process64 { pid = random(100, 99999) } }
    end
  end },
  { 4, function()
    return { event = "setppriv", failed = 3 }, function()
      return {
        bsm.arg32 { 2, "op", 2 },
        bsm.priv { "Effective", "basic,file_dac_read,file_dac_write,proc_owner,proc_setid,sys_mount" },
        bsm.priv { "Effective", "basic" },
      }
    end
  end },
  { 2, function()
    return { event = pick { "setuid", "seteuid" }, failed = 6 }, function()
      return { bsm.arg32 { 1, "uid", random(0, 1060) } }
    end
  end },
  { 1, function()
    return { event = "setreuid", failed = 6 }, function()
      return { bsm.arg32 { 1, "ruid", random(0, 1060) }, bsm.arg32 { 2, "euid", -1 } }
    end
  end },
  { 2, function()
    return { event = "exit" }, function() return { bsm.arg32 { 1, "exit status", pick { 0, 0, 1 } } } end
  end },
  { 3, function()
    return { event = "fork1", value = random(100, 99999) }, function()
      return { bsm.arg32 { 0, "child PID", random(100, 99999) } }
    end
  end },
  { 1, function()
    return { event = "ioctl", failed = 10, errno = "enotty" }, function()
      return {
        bsm.path(population.path()), attributes "020620",
        bsm.arg32 { 2, "cmd", 0x5401 + random(0, 30) }, bsm.arg64 { 3, "arg", 0xFFFFFC7FFFDF0000 | random(0, 65535) },
      }
    end
  end },
  { 1.5, function()
    return { event = "setsockopt" }, function()
      return {
        bsm.arg32 { 1, "so", random(3, 90) }, bsm.arg32 { 2, "level", 65535 }, bsm.arg32 { 3, "optname", 8 },
        bsm.arg32 { 5, "optlen", 4 }, bsm.data { print = "hex", unit = "byte", 0, 0, 0, 1 }, socket(),
      }
    end
  end },
  { 2.5, function() return login("ssh", 35) end },
  { 1, function() return login(pick { "login", "role_login", "zlogin" }, 10) end },
  { 1, function()
    return { event = "su", user_level = true, failed = 30 }, function(fails)
      return fails and { bsm.text(pick { "root", "oracle", "deploy" }) } or {}
    end
  end },
  { 1, function() return { event = "logout", user_level = true }, function() return {} end end },
  { 0.3, function()
    return { event = "passwd", user_level = true, failed = 20 }, function()
      return { bsm.user { random(1000, 1060), pick { "alice", "bob", "carol", "dave" } } }
    end
  end },
  { 3, function()
    return { event = "cron_invoke", user_level = true, failed = 2 }, function()
      local command = pick { "/usr/lib/fs/nfs/nfsfind", "/opt/local/bin/logrotate -f", "date" }
      return { bsm.text "normal-job", bsm.text(command) }
    end
  end },
  { 1, function() return service_action(pick { "smf_enable", "smf_disable", "smf_restart", "smf_refresh" }) end },
  { 0.5, function()
    return { event = "smf_change_prop", user_level = true }, function()
      return {
        bsm.uauth "solaris.smf.modify", bsm.fmri "svc:/network/ssh:default/:properties/config/port",
        bsm.text "count", bsm.text(tostring(random(1, 9999))),
      }
    end
  end },
  { 0.3, function()
    return { event = "auditon_setkmask" }, function()
      return { bsm.arg32 { 2, "setkmask:as_success", 0x40001000 }, bsm.arg32 { 2, "setkmask:as_failure", 0x40001000 } }
    end
  end },
  { 0.5, function()
    return { event = "setaudit_addr" }, function()
      return {
        bsm.arg32 { 1, "auid", random(1000, 1060) }, bsm.arg64 { 1, "port", 0x22C81600 }, bsm.arg32 { 1, "type", 4 },
        bsm.in_addr(population.address()),
        bsm.arg32 { 1, "as_success", 0x1000 }, bsm.arg32 { 1, "as_failure", 0x1000 },
        bsm.arg32 { 1, "asid", random(1, 0x7FFFFFFF) },
      }
    end
  end },
}

--- A believable mix of what an illumos host writes.
---@param world table
---@return table record { bytes, tokens, time_at, pid_at }
function profiles.mixed(world)
  local says, particular = weighted(kinds)()
  says.host = world.host()
  return assemble(world, says, particular)
end

return profiles
