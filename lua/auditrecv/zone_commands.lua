--- The zone that a command acts on, told from its arguments: `zlogin web-1 reboot` in the global zone is about `web-1`.
---
---     local zone_commands = require "auditrecv.zone_commands"
---     zone_commands.target("/usr/sbin/zlogin", { "zlogin", "-l", "bob", "web-1", "reboot" })  --> "web-1"
---
--- Options are taken as getopt(3C) takes them, and what stands behind the zone's name belongs to the command inside of
--- it: a UUID there is never taken for the zone. Commands that are scripts (vmadm, zadm, sdc-login) have their
--- interpreter in front. Numeric ids say nothing: they change at boot.

local zone_commands = {}

local function words(text)
  local set = {}
  for word in text:gmatch "%S+" do set[word] = true end
  return set
end

--- Is this the UUID of a zone as Triton writes them: lower case, with hyphens?
---@param text any
---@return boolean
function zone_commands.is_uuid(text)
  return type(text) == "string" and #text == 36
    and text:find "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$" ~= nil
    and not text:find "%u"
end
local is_uuid = zone_commands.is_uuid

-- Options and the place of the first operand. `spec` is getopt's: a letter, with a colon when it takes an argument.
local function options(argv, at, spec)
  local found = {}
  while at <= #argv do
    local arg = argv[at]
    if arg == "--" then return found, at + 1 end
    if #arg < 2 or arg:sub(1, 1) ~= "-" then return found, at end
    at = at + 1
    for i = 2, #arg do
      local letter = arg:sub(i, i)
      local takes = letter ~= ":" and spec:find(letter .. ":", 1, true)
      if takes then
        if i < #arg then
          found[letter] = arg:sub(i + 1)
        else
          found[letter] = argv[at]
          at = at + 1
        end
        break
      end
      found[letter] = found[letter] or ""
    end
  end
  return found, at
end

local function first_uuid(argv, at)
  for i = at, #argv do
    if is_uuid(argv[i]) then return argv[i] end
  end
end

local function operand(spec)
  return function(argv, at)
    local _, first = options(argv, at, spec)
    return argv[first]
  end
end

-- `-z name`, also of a list `-z a,b`: the first.
local function dash_z(spec)
  return function(argv, at)
    local found = options(argv, at, spec)
    return found.z and found.z:match "^[^,%s]+"
  end
end

local VMADM = words [[
  start boot stop halt reboot kill delete destroy update get json console info install reprovision send sysrq
  create-snapshot delete-snapshot rollback-snapshot
]]
local FWADM = words "start stop status stats rules"
local ZADM_NONE = words "pull brands vacuum"
local ZADM_FIRST = words "stop restart poweroff reset snapshot rollback log show"

local commands = {
  zlogin = operand "diNnECIR:Se:l:Q",
  zoneadm = function(argv, at)
    local found, first = options(argv, at, "u:z:R:")
    if argv[first] == "list" then return nil end
    return found.u or found.z
  end,
  zonecfg = function(argv, at)
    local found = options(argv, at, "f:R:z:u:")
    return found.u or found.z
  end,
  vmadm = function(argv, at)
    return VMADM[argv[at]] and first_uuid(argv, at + 1) or nil
  end,
  fwadm = function(argv, at)
    local zone = FWADM[argv[at]] and argv[at + 1]
    return is_uuid(zone) and zone or nil
  end,
  zadm = function(argv, at)
    local verb, last = argv[at], #argv
    if not verb or ZADM_NONE[verb] or last <= at then return nil end
    if verb == "set" then return argv[last - 1] ~= verb and argv[last - 1] or nil end
    if not ZADM_FIRST[verb] then return argv[last] end
    for i = at + 1, last do
      if argv[i]:sub(1, 1) ~= "-" then return argv[i] end
    end
  end,
  ["sdc-login"] = operand "lsc:",
  svcs = dash_z "o:R:s:S:z:",
  svcadm = dash_z "z:",
  svccfg = dash_z "f:s:z:",
  svcprop = dash_z "p:s:z:",
  ps = dash_z "g:G:h:n:o:p:s:t:u:U:z:",
  pgrep = dash_z "c:d:g:G:J:P:s:t:T:u:U:z:",
  pkill = dash_z "c:d:g:G:J:P:s:t:T:u:U:z:",
  prstat = dash_z "C:d:h:j:k:n:p:P:s:S:u:U:z:",
  zonestat = dash_z "n:P:r:R:S:T:z:",
}
local SCRIPTS = words "vmadm fwadm zadm sdc-login"
local INTERPRETERS = words "node perl sh bash ksh ksh93 env python python3"

-- Name of a program without folder and ending.
local function name_of(path)
  return (path:match "[^/]*$":gsub("%.js$", ""))
end

-- Which command, and where its own arguments begin.
local function command_of(path, argv)
  local name = name_of(argv[1] or path)
  if commands[name] then return commands[name], 2 end
  if path and commands[name_of(path)] and not INTERPRETERS[name] then return commands[name_of(path)], 2 end
  if not INTERPRETERS[name] then return nil end
  for i = 2, math.min(#argv, 4) do
    name = name_of(argv[i])
    if SCRIPTS[name] then return commands[name], i + 1 end
    if argv[i]:sub(1, 1) ~= "-" and not INTERPRETERS[name] then return nil end
  end
end

--- Names of the programs that are known: for a rule's `when`.
---@type string[]
zone_commands.programs = {}
for name in pairs(commands) do table.insert(zone_commands.programs, name) end
table.sort(zone_commands.programs)

--- Those that are scripts, as they stand behind their interpreter, and these: for a rule's `when`.
---@type string[]
zone_commands.scripts = {}
---@type string[]
zone_commands.interpreters = {}
for name in pairs(SCRIPTS) do
  table.insert(zone_commands.scripts, name)
  table.insert(zone_commands.scripts, name .. ".js")
end
for name in pairs(INTERPRETERS) do table.insert(zone_commands.interpreters, name) end
table.sort(zone_commands.scripts)
table.sort(zone_commands.interpreters)

--- The zone that a command acts on: a name or a UUID; nil when it is about none, or about the global one.
---@param path string?      what was run
---@param argv string[]?    its arguments, the first is its own name
---@return string? zone
function zone_commands.target(path, argv)
  if type(argv) ~= "table" or type(argv[1]) ~= "string" then return nil end
  local command, at = command_of(path or argv[1], argv)
  local zone = command and command(argv, at)
  if not zone or zone == "" or zone == "global" or zone:find "^%d+$" then return nil end
  return zone
end

return zone_commands
