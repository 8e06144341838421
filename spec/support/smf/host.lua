-- host: the commands of a host's global zone, as far as audited hosts need them. Called by the name of each.
--
-- What they change lies in the folder HOST: state.lua, the files of the host below root, and a line in `calls` for
-- each call. FAIL_AT=N makes the Nth call fail without effect; KILL_AT=N kills the method
-- (method.pid has the number of its process group) after it.
local folder = os.getenv "HOST"
local here = os.getenv "HOST_LIBRARY"
package.path = here .. "/?.lua;" .. package.path
local name = arg[0]:match "[^/]+$"
local store = require "store"

local state = store.load(folder)
local host = { state = state, root = folder .. "/root", folder = folder, library = here }

function host.out(...) io.stdout:write(string.format(...)) end
function host.err(...) io.stderr:write(string.format(...)) end

--- Ends the command; what it changed is kept.
function host.finish(status)
  store.save(folder, state)
  if state.calls == tonumber(os.getenv "KILL_AT" or "") then
    os.execute("kill -9 -$(cat '" .. folder .. "/method.pid')")
  end
  os.exit(status or 0)
end

function host.fail(...)
  host.err(...)
  host.finish(1)
end

local words = {}
for i, word in ipairs(arg) do
  words[i] = word:find "[^%w_/:.,=+;@-]" and "'" .. word .. "'" or word == "" and "''" or word
end
local log = assert(io.open(folder .. "/calls", "a"))
log:write(name, " ", table.concat(words, " "):gsub(folder:gsub("%p", "%%%0"), ""), "\n")
log:close()
state.calls = state.calls + 1
if state.calls == tonumber(os.getenv "FAIL_AT" or "") then host.fail("%s: made to fail\n", name) end

local commands = { svcprop = "services", svccfg = "services", svcadm = "services", svcs = "services",
  auditconfig = "auditing", audit = "auditing", auditstat = "auditing",
  mount = "system", umount = "system", zoneadm = "system",
  zonecfg = "system", vmadm = "system", getent = "system", file = "system", zonename = "system", uname = "system",
  id = "system", cp = "system", mv = "system", mkdir = "system", chmod = "system", rm = "system", rmdir = "system",
  cat = "system" }
require(commands[name])(host)[name](arg)
host.finish(0)
