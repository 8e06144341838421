-- bare_host: a fake host that has none of the services yet, with their sources in a folder.
local fake_host = require "spec.support.smf.fake_host"

local bare_host = {
  versions = { smartos = "joyent_20260101T000000Z", omnios = "omnios-r151054", solaris = "11.4.0.15.0" },
  services = {}, -- all that gz-smf has
}

local list = assert(io.popen "cd gz-smf && ls *.xml")
for name in list:lines() do table.insert(bare_host.services, (name:gsub("%.xml$", ""))) end
list:close()

--- Files are copied by the machine's own commands, unless these are to fail too.
function bare_host.new(system, copies_too)
  local host = fake_host.new(function(state)
    for _, name in ipairs(bare_host.services) do state.services["svc:/site/" .. name .. ":default"] = nil end
    state.uname["-v"] = bare_host.versions[system or "smartos"]
    state.runs_methods = true
  end)
  host:has "id"
  if copies_too then
    host:has "rm"
    host:has "rmdir"
    host:has "cat"
  else
    os.execute(("cd '%s/bin' && rm cp mv chmod mkdir"):format(host.folder))
  end
  assert(os.execute(("mv '%s/root/opt/auditrecv/gz-smf' '%s/source'"):format(host.folder, host.folder)))
  host.manifests = system and system ~= "smartos" and "/lib/svc/manifest/site" or "/opt/custom/smf"
  return host
end

--- Runs the installer of the sources, or the one of options.path.
function bare_host.install(host, arguments, options)
  options = options or {}
  local all = { path = host.folder .. "/source/install", arguments = arguments, by_hand = true }
  for name, value in pairs(options) do all[name] = value end
  return host:run("install", all.verb or "--system", all)
end

--- The path of each file that is installed or kept.
function bare_host.files(host)
  local p = assert(io.popen(("cd '%s' && find opt lib var -type f | sort"):format(host.root)))
  local text = p:read "a"
  p:close()
  return text
end

return bare_host
