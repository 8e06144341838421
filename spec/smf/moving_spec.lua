-- From the services of the Erlang auditrecv to ours: what etc/doc/migration.md shows is tried on a host that has them.
local bare_host = require "spec.support.smf.bare_host"
local book = require "spec.docs.book"
local process = require "spec.support.process"

local AUDITD, DUMMY = "svc:/system/auditd:default", "/mech_dummy.so.1"
local METHODS = "/opt/custom/lib/svc/method/"
local LOUD = '#!/bin/sh\n[ "$1" = start ] || auditconfig -setplugin audit_remote inactive && svcadm restart auditd\n'

-- The libraries are mounted from /root, auditd has one of them, and sends already to the new receiver.
local function a_host()
  local host = bare_host.new("smartos")
  for _, folder in ipairs { "/opt/custom/lib/gss", "/opt/custom/lib/amd64/gss", METHODS, "/opt/custom/smf" } do
    assert(os.execute(("mkdir -p '%s%s'"):format(host.root, folder)))
  end
  local mounts = ""
  for folder, of in pairs { ["/usr/lib/gss"] = "/lib/gss", ["/usr/lib/amd64/gss"] = "/lib/amd64/gss" } do
    host:write("/opt/custom" .. of .. DUMMY, "dummy " .. folder)
    host:write(folder .. DUMMY, "dummy " .. folder)
    mounts = mounts .. ("/root/%s\t%s%s\tlofs\tdev=3\t2\n"):format(of:gsub("/", "_"), host.root, folder)
  end
  host:write("/etc/mnttab", host:read "/etc/mnttab" .. mounts)
  host:write("/etc/gss/mech", host:read "/etc/gss/mech" .. "dummy\t\t\t1.3.6.1.4.1.42.2.26.1.2 mech_dummy.so.1\n")
  host:write("/etc/security/audit_event", host:read "/etc/security/audit_event"
    .. "251:AUE_SETAUDIT_ADDR:setaudit_addr(2):no\n113:AUE_SETAUDIT:setaudit(2):no\n")
  host:change(function(state)
    for _, name in ipairs { "audit-setup", "mount-gss" } do
      host:write(METHODS .. name, LOUD)
      host:write("/opt/custom/smf/" .. name .. ".xml", "<service_bundle/>")
      state.services["svc:/eait/" .. name .. ":default"] = { state = "online", enabled = true, runs_methods = true,
        method = METHODS .. name }
    end
    local remote = state.audit.plugins.audit_remote
    remote.active, remote.qsize = true, 16384
    remote.attributes.p_hosts = "receiver.example.net:16162:dummy"
    state.audit.mapped = "dummy /usr/lib/gss"
  end)
  return host
end

-- From the heading on; steps before it are for hosts that keep the old services.
local function steps()
  local page, list = "etc/doc/migration.md", {}
  local number, from = 0, nil
  for line in io.lines(page) do
    number = number + 1
    if line == "## The services on the hosts" then from = number end
  end
  for _, example in ipairs(book.examples(page)) do
    if tonumber(example.at:match "(%d+)$") > from then list[#list + 1] = example end
  end
  assert(#list > 8)
  return list
end

describe("etc/doc/migration.md", function()
  it("leads from the old services to the new ones, and auditd loses nothing on the way", function()
    local host = a_host()
    for _, step in ipairs(steps()) do
      local command = step.command:gsub("(/opt/)", host.root .. "%1")
      local script = process.write(host.folder .. "/typed", "cd \"$HOST/source\" || exit 1\n" .. command .. "\n")
      local status, said = host:run("typed", "", { path = script, by_hand = true })
      assert.equal(0, status, step.at .. ": " .. said)
      if step.prints[1] then
        assert.equal(step.prints[1], (said:gsub("%s+$", "")), process.read(host.folder .. "/log"))
      end
      for _, call in ipairs(host:all_calls()) do
        assert.is_nil(call:find "svcadm restart" or call:find "audit_remote inactive", call)
      end
      assert.is_true(host:state().audit.plugins.audit_remote.active)
    end
    local state = host:state()
    assert.equal("online", state.services[AUDITD].state)
    assert.equal("dummy /usr/lib/gss", state.audit.mapped)
    assert.equal("online", state.services["svc:/site/mount-gss:default"].state)
    assert.is_nil(state.services["svc:/eait/mount-gss:default"])
    assert.equal("receiver.example.net:16162:dummy", state.audit.plugins.audit_remote.attributes.p_hosts)
  end)

  it("would lose it if the old methods were left as they are", function()
    local host = a_host()
    host:change(function(s) s.services["svc:/eait/audit-setup:default"].runs_methods = true end)
    local script = process.write(host.folder .. "/typed", "svcadm disable -s svc:/eait/audit-setup:default\n")
    host:run("typed", "", { path = script, by_hand = true })
    assert.is_false(host:state().audit.plugins.audit_remote.active)
  end)
end)
