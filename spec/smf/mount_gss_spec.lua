-- Further GSS mechanisms in a global zone whose /usr cannot be written to.
local fake_host = require "spec.support.smf.fake_host"
local unlucky = require "spec.smf.unlucky"

local dummy_line = "dummy 1.3.6.1.4.1.42.2.26.1.2 mech_dummy.so.1\n"
local both = { "32", "64" }

local function host_with(properties, change)
  local host = fake_host.new(change)
  for _, bits in ipairs(both) do
    assert(os.execute(("mkdir -p '%s/opt/auditrecv/gss/%s'"):format(host.root, bits)))
    host:write("/opt/auditrecv/gss/" .. bits .. "/mech_dummy.so.1", "dummy " .. bits)
  end
  os.execute(("chmod -R go-w '%s/opt/auditrecv/gss'"):format(host.root))
  host:set("mount-gss", { dummy = "true" })
  host:set("mount-gss", properties or {})
  return host
end

local function start(host, options)
  local status, said = host:run("mount-gss", "start", options)
  assert.equal(0, status, said)
  return said
end

local function stop(host, options)
  host:disable "mount-gss"
  local status, said = host:run("mount-gss", "stop", options)
  assert.equal(0, status, said)
  return said
end

local function mounts(host)
  local list = {}
  for _, m in ipairs(host:state().mounts) do list[#list + 1] = m.on:sub(#host.root + 1) end
  return list
end

-- auditd has the plugin active, with this mechanism, and has loaded its library.
local function with_auditing(host)
  host:set("audit-setup", { hosts = "recv.example.net", mechanism = "dummy" })
  assert.equal(0, (host:run("audit-setup", "start")))
  assert.truthy(host:state().audit.mapped)
end

describe("mount-gss", function()
  for _, shell in ipairs { "dash", "mksh", "ksh93" } do
    it("mounts the system's folders with a library more, then lists the mechanism: " .. shell, function()
      local host = host_with()
      start(host, { shell = shell })
      assert.same({ "/usr/lib/gss", "/usr/lib/amd64/gss" }, mounts(host))
      assert.equal("dummy 32", host:read "/usr/lib/gss/mech_dummy.so.1")
      assert.equal("dummy 64", host:read "/usr/lib/amd64/gss/mech_dummy.so.1")
      assert.equal("krb5 32", host:read "/usr/lib/gss/mech_krb5.so")
      assert.equal("# mechanisms\nkerberos_v5\t1.2.840.113554.1.2.2\tmech_krb5.so kmech_krb5\n" .. dummy_line,
        host:read "/etc/gss/mech")
    end)

    it("takes it all back when it is disabled: " .. shell, function()
      local host = host_with()
      local before = host:picture()
      start(host, { shell = shell })
      stop(host, { shell = shell })
      host:is_like(before)
      assert.is_nil(os.execute(("test -n \"$(ls -A '%s/var/auditrecv/gss' 2>/dev/null)\""):format(host.root)))
    end)
  end

  it("mounts once", function()
    local host = host_with()
    start(host)
    local before = host:picture()
    start(host)
    assert.same({}, host:changes())
    host:is_like(before)
  end)

  it("keeps it mounted over a restart of the service and when the host goes down", function()
    local host = host_with()
    start(host)
    local before = host:picture()
    assert.equal(0, (host:run("mount-gss", "stop")))
    host:is_like(before)
  end)

  it("does all of it again on a SmartOS that was booted, and can still take it back", function()
    local host = host_with()
    local before = host:picture()
    host:keep()
    for _ = 1, 2 do
      start(host)
      os.execute(("cp -a '%s/root/var' '%s/kept'"):format(host.folder, host.folder))
      host:reset()
    end
    start(host)
    assert.equal(dummy_line, host:read "/var/auditrecv/mount-gss.lines")
    assert.same({ "/usr/lib/gss", "/usr/lib/amd64/gss" }, mounts(host))
    stop(host)
    host:is_like(before)
  end)

  it("takes a folder for one kind of programs only", function()
    local host = host_with()
    os.execute(("rm -rf '%s/opt/auditrecv/gss/64'"):format(host.root))
    start(host)
    assert.same({ "/usr/lib/gss" }, mounts(host))
  end)

  it("lists other mechanisms too", function()
    local host = host_with { dummy = "false", mechanisms = { "spnego 1.3.6.1.5.5.2 mech_dummy.so.1",
      "other 1.2.3 mech_krb5.so" } }
    start(host)
    assert.matches("\nspnego 1.3.6.1.5.5.2 mech_dummy.so.1\nother 1.2.3 mech_krb5.so\n$", host:read "/etc/gss/mech")
    host:set("mount-gss", { dummy = "true", mechanisms = "" })
    assert.equal(0, (host:run("mount-gss", "refresh")))
    assert.matches("kmech_krb5\n" .. dummy_line:gsub("%p", "%%%0") .. "$", host:read "/etc/gss/mech")
  end)

  it("leaves a line alone that was there before", function()
    local host = host_with()
    host:write("/etc/gss/mech", dummy_line)
    start(host)
    stop(host)
    assert.equal(dummy_line, host:read "/etc/gss/mech")
  end)

  it("copies the libraries into the folders where these can be written to, and takes them away again", function()
    local host = host_with({}, function(state) state.usr = "rw" end)
    local line = host:read "/etc/mnttab":gsub("\tro,", "\trw,")
    host:write("/etc/mnttab", line)
    local before = host:picture()
    start(host)
    assert.same({}, mounts(host))
    assert.equal("dummy 32", host:read "/usr/lib/gss/mech_dummy.so.1")
    start(host)
    stop(host)
    host:is_like(before)
  end)

  it("does not replace a library of the system where it would be for good", function()
    local host = host_with({}, function(state) state.usr = "rw" end)
    host:write("/etc/mnttab", "")
    host:write("/usr/lib/gss/mech_dummy.so.1", "another")
    local status, said = host:run("mount-gss", "start")
    assert.equal(96, status)
    assert.matches("belongs to the system and is another one", said)
    assert.equal("another", host:read "/usr/lib/gss/mech_dummy.so.1")
  end)
end)

describe("mount-gss and auditd", function()
  local AUDITD = "svc:/system/auditd:default"

  it("leaves auditd alone when a mechanism comes to the others", function()
    local host = host_with()
    start(host)
    for _, call in ipairs(host:changes()) do assert.is_nil(call:find "auditd") end
  end)

  it("makes auditd let go of a library before it unmounts", function()
    local host = host_with()
    start(host)
    with_auditing(host)
    local said = stop(host)
    assert.same({}, mounts(host))
    assert.matches("restarts auditd without audit_remote", said)
    assert.is_false(host:state().audit.plugins.audit_remote.active)
    assert.equal("online", host:state().services[AUDITD].state)
  end)

  it("stops auditd when it would be left without any plugin", function()
    local host = host_with({}, function(state) state.audit.plugins.audit_binfile.active = false end)
    start(host)
    with_auditing(host)
    assert.matches("stops auditd, which has no plugin but audit_remote", stop(host))
    assert.equal("disabled", host:state().services[AUDITD].state)
    assert.same({}, mounts(host))
  end)

  it("mounts a new version of a library, which auditd then loads", function()
    local host = host_with()
    start(host)
    with_auditing(host)
    host:write("/opt/auditrecv/gss/32/mech_dummy.so.1", "dummy 32, better")
    start(host)
    assert.equal("dummy 32, better", host:read "/usr/lib/gss/mech_dummy.so.1")
    assert.equal("dummy 32, better", host:state().audit.mapped)
    assert.is_true(host:state().audit.plugins.audit_remote.active)
    assert.same({ "/usr/lib/amd64/gss", "/usr/lib/gss" }, mounts(host))
  end)

  it("restarts auditd for a library of the system that ours stands in for", function()
    local host = host_with { dummy = "false" }
    os.rename(host.root .. "/opt/auditrecv/gss/32/mech_dummy.so.1", host.root .. "/opt/auditrecv/gss/32/mech_krb5.so")
    host:set("audit-setup", { hosts = "recv.example.net" })
    host:run("audit-setup", "start")
    local said = start(host)
    assert.matches("restarts auditd, so that it loads the new library", said)
    assert.equal("dummy 32", host:state().audit.mapped)
  end)

  it("says who keeps it from unmounting when it is not auditd", function()
    local host = host_with()
    start(host)
    host:change(function(state) state.busy = true end)
    host:disable "mount-gss"
    local status, said = host:run("mount-gss", "stop")
    assert.equal(95, status)
    assert.matches("stays mounted: somebody uses what is in it", said)
    host:change(function(state) state.busy = nil end)
    stop(host)
    assert.same({}, mounts(host))
  end)
end)

describe("mount-gss refuses, and changes nothing,", function()
  for what, case in pairs {
    ["a folder that is not there"] = { { source = "/nowhere/gss" }, "there is no folder /nowhere/gss" },
    ["a line that is none"] = { { mechanisms = "dummy2 mech_dummy.so.1" }, "has to be: NAME OID LIBRARY" },
    ["a mechanism without its library"] = { { mechanisms = "x 1.2.3 mech_x.so" }, "put mech_x.so into" },
    ["another mechanism under a name of the system"] = { { mechanisms = "kerberos_v5 1.2.3 mech_dummy.so.1" },
      "has another line for kerberos_v5" },
    ["a word that is none"] = { { dummy = "yes" }, "config/dummy has to be one of: true false" },
  } do
    it(what, function()
      local host = host_with(case[1])
      local before = host:picture()
      local status, said = host:run("mount-gss", "start")
      assert.equal(96, status, said)
      assert.truthy(said:find(case[2], 1, true), said)
      host:is_like(before)
    end)
  end

  it("a library that others may write to", function()
    local host = host_with()
    os.execute(("chmod o+w '%s/opt/auditrecv/gss/32/mech_dummy.so.1'"):format(host.root))
    local status, said = host:run("mount-gss", "start")
    assert.equal(96, status)
    assert.matches("may be written to by others than root", said)
  end)

  it("a folder without libraries", function()
    local host = host_with()
    os.execute(("rm '%s'/opt/auditrecv/gss/*/*"):format(host.root))
    local status, said = host:run("mount-gss", "start")
    assert.equal(96, status)
    assert.matches("there is no library in", said)
  end)

  it("a folder on which somebody else has mounted", function()
    local host = host_with()
    host:write("/etc/mnttab", ("/elsewhere\t%s/usr/lib/gss\tlofs\tdev=1\t1\n"):format(host.root))
    local status, said = host:run("mount-gss", "start")
    assert.equal(95, status)
    assert.matches("somebody else has mounted /elsewhere", said)
  end)

  it("a zone that is not the global one", function()
    local host = host_with({}, function(state) state.zone = "web" end)
    assert.equal(96, (host:run("mount-gss", "start")))
  end)
end)

describe("mount-gss without luck", function()
  local story = { service = "mount-gss", verb = "start" }
  local before, wanted

  lazy_setup(function()
    story.host = host_with()
    story.host:has "rm" -- is to fail, too
    before = story.host:picture()
    story.host:keep()
    start(story.host)
    wanted = story.host:picture()
  end)

  it("leaves nothing half-mounted, whichever command fails", function()
    unlucky.each_command(story, "fail_at", function(n, line, status, said)
      if status == 0 then
        story.host:is_like(wanted)
        return
      end
      assert.matches("mount%-gss: ", said)
      story.host:is_like(before, ("call %d: %s"):format(n, line))
    end)
  end)

  it("mends what was half-mounted when it was killed", function()
    unlucky.each_change(story, "kill_at", function(n, line)
      start(story.host)
      story.host:is_like(wanted, ("call %d: %s"):format(n, line))
    end)
  end)

  it("takes back what was half-mounted when it was killed", function()
    unlucky.each_change(story, "kill_at", function(n, line)
      stop(story.host)
      story.host:is_like(before, ("call %d: %s"):format(n, line))
    end)
  end)

  it("goes on with a stop that failed or was killed", function()
    local host = host_with()
    local untouched = host:picture()
    start(host)
    with_auditing(host)
    host:run("audit-setup", "restore") -- the library stays mapped
    host:disable "mount-gss"
    host:keep()
    for _, what in ipairs { "fail_at", "kill_at" } do
      unlucky.each_change({ host = host, service = "mount-gss", verb = "stop" }, what, function(n, line)
        stop(host)
        host:change(function(state) state.audit.kernel, state.audit.mapped = {}, nil end)
        host:is_like(untouched, ("%s %d: %s"):format(what, n, line))
      end)
    end
  end)
end)
