-- The made-up world of generated trails: people, their sessions, zones, files and commands. Everything is drawn from
-- math.random, so a seed makes the world.

local population = {}

local random = math.random

---@generic T
---@param list T[]
---@return T
function population.pick(list) return list[random(#list)] end
local pick = population.pick

--- One of { weight, thing } entries, by weight.
---@param entries table
---@return any
function population.weighted(entries)
  local total = 0
  for _, entry in ipairs(entries) do total = total + entry[1] end
  local at = random() * total
  for _, entry in ipairs(entries) do
    at = at - entry[1]
    if at < 0 then return entry[2] end
  end
  return entries[#entries][2]
end

---@param percent number
---@return boolean
function population.chance(percent) return random() * 100 < percent end
local chance = population.chance

local words = {
  "app", "build", "cache", "catalog", "config", "data", "deploy", "export", "feed", "gateway", "hosts", "image",
  "index", "journal", "kernel", "ledger", "mailbox", "metrics", "module", "node", "orders", "parser", "queue",
  "report", "schema", "service", "session", "shard", "state", "storage", "table", "task", "tenant", "upload",
  "user", "vendor", "volume", "worker", "zone", "überblick", "données",
}
local extensions = { "c", "conf", "csv", "db", "gz", "h", "html", "js", "json", "log", "lua", "o", "py", "sh", "txt" }
local roots = {
  "/export/home/alice", "/export/home/bob", "/home/deploy", "/opt/local/etc", "/opt/local/lib", "/opt/service",
  "/srv/www", "/tmp", "/usr/lib", "/usr/share", "/var/adm", "/var/lib", "/var/log", "/var/spool", "/var/tmp",
}
local programs = {
  "awk", "bash", "cat", "chmod", "cp", "curl", "cut", "date", "dig", "find", "gcc", "git", "grep", "gzip", "head",
  "id", "java", "ksh93", "ln", "ls", "make", "mkdir", "mv", "node", "openssl", "perl", "pkgin", "prstat", "ps",
  "python3", "rm", "rsync", "ruby", "sed", "sh", "sleep", "sort", "ssh", "svcadm", "svcs", "tail", "tar", "tee",
  "touch", "vi", "wc", "xargs", "zfs", "zoneadm", "zpool",
}
local bins = { "/usr/bin/", "/usr/bin/", "/usr/sbin/", "/opt/local/bin/", "/opt/local/bin/" }

function population.program() return pick(programs) end
function population.program_path(name) return pick(bins) .. name end
function population.word() return pick(words) end
function population.file_name() return pick(words) .. random(0, 99) .. "." .. pick(extensions) end

function population.path()
  local parts = { pick(roots) }
  for _ = 1, random(0, 4) do parts[#parts + 1] = pick(words) end
  parts[#parts + 1] = population.file_name()
  return table.concat(parts, "/")
end

local options = {
  "-a", "-c", "-e", "-f", "-i", "-l", "-n", "-q", "-rf", "-v", "--all", "--force", "--no-progress", "--quiet",
  "--recursive", "--verbose",
}

local function argument()
  if chance(0.15) then return "caf\xE9-" .. pick(words) end
  if chance(30) then return pick(options) end
  if chance(20) then return "--" .. pick(words) .. "=" .. pick(words) .. random(1, 9999) end
  if chance(60) then return population.path() end
  if chance(15) then return ("https://%s.example.org/%s?id=%d"):format(pick(words), pick(words), random(1, 99999)) end
  return population.file_name()
end

--- An argv that begins with the program's name; about one in thirty carries a secret.
---@param program string
---@param longest integer most arguments
---@return string[]
function population.arguments(program, longest)
  local args = { program }
  for _ = 1, random(0, longest) do args[#args + 1] = argument() end
  if chance(3) then args[#args + 1] = "--password=" .. pick(words) .. random(1000, 9999) end
  return args
end

local function hex(digits)
  local parts = {}
  for i = 1, digits do parts[i] = ("%x"):format(random(0, 15)) end
  return table.concat(parts)
end

local function uuid()
  return ("%s-%s-4%s-a%s-%s"):format(hex(8), hex(4), hex(3), hex(3), hex(12))
end

local function address()
  return ("%s.%d.%d"):format(pick { "10.1", "10.88", "172.20", "198.51", "203.0" }, random(0, 255), random(1, 254))
end
population.address = address

function population.address6() return ("2001:db8:%s:%s::%s"):format(hex(3), hex(4), hex(4)) end

-- A remote terminal, on x86: a quarter of them come by IPv6.
local function remote()
  return {
    ip = chance(25) and population.address6() or address(),
    local_port = 22, remote_port = random(1024, 65535), form = pick { "plain", "sign", "plain", "expanded" },
  }
end

local function session(kind)
  local uid = pick { 0, random(1000, 1060), random(1000, 1060), random(1000, 1060) }
  local person = {
    audit_id = uid == 0 and random(1000, 1060) or uid, uid = uid, gid = uid == 0 and 0 or pick { 10, 100, 1000 },
    session_id = random(1, 0xFFFFFFFF),
  }
  if kind == "daemon" then
    person.audit_id, person.uid, person.gid, person.session_id = -2, pick { 0, 0, 1, 25, 80 }, pick { 0, 1, 25, 80 }, 0
  elseif kind == "console" then
    person.terminal = { ip = "192.0.2." .. random(1, 254), major = 24, minor = random(1, 60) }
  else
    person.terminal = remote()
  end
  return person
end

--- The people of a trail: sessions (some of daemons, some at a console, most remote) and zones.
---@return table world with `session()`, `zone()` and `host()`
function population.world()
  local sessions, zones, hosts = {}, {}, {}
  for i = 1, 12 do hosts[i] = "192.0.2." .. 10 + i end
  for i = 1, 400 do
    sessions[i] = session(population.weighted { { 20, "daemon" }, { 8, "console" }, { 72, "remote" } })
  end
  for i = 1, 60 do zones[i] = uuid() end
  return {
    session = function() return pick(sessions) end,
    host = function() return pick(hosts) end,
    zone = function() return chance(18) and "global" or pick(zones) end,
  }
end

return population
