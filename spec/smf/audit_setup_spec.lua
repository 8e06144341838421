-- The global zone of a host, as audit-setup makes it.
local fake_host = require "spec.support.smf.fake_host"

local receivers = "recv-a.example.net:16162:kerberos_v5,recv-b.example.net:16162:kerberos_v5"

local function host_with(properties, change)
  local host = fake_host.new(change)
  host:set("audit-setup", { hosts = { "recv-a.example.net", "recv-b.example.net" } })
  host:set("audit-setup", properties or {})
  return host
end

local function started(properties, change)
  local host = host_with(properties, change)
  local status, said = host:run("audit-setup", "start")
  assert.equal(0, status, said)
  return host, said
end

local function policies(host)
  local on = {}
  for name in pairs(host:state().audit.policy) do on[#on + 1] = name end
  table.sort(on)
  return table.concat(on, " ")
end

describe("audit-setup", function()
  for _, shell in ipairs { "dash", "mksh", "ksh93" } do
    it("sets what its properties say, the plugin last: " .. shell, function()
      local host = host_with()
      local status, said = host:run("audit-setup", "start", { shell = shell })
      assert.equal(0, status, said)
      assert.same({
        "auditconfig -setflags lo,ex",
        "auditconfig -setpolicy +argv",
        "auditconfig -setpolicy +seq",
        "auditconfig -setpolicy +zonename",
        "auditconfig -setqhiwater 10000",
        "auditconfig -setplugin audit_remote active p_hosts=" .. receivers .. " 16384",
        "audit -s",
      }, host:changes())
      assert.same({ hosts = receivers, qsize = 16384 }, host:state().audit.loaded)
      assert.matches("auditing is on, and goes to recv%-a", said)
    end)

    it("puts back what it found, when it is disabled: " .. shell, function()
      local host = host_with({ event_classes = "AUE_OPEN_R=fr,ex", local_trail = "on", qlowater = 50 })
      local before = host:picture()
      assert.equal(0, (host:run("audit-setup", "start", { shell = shell })))
      assert.not_equal(before, host:picture())
      host:disable "audit-setup"
      local status, said = host:run("audit-setup", "stop", { shell = shell })
      assert.equal(0, status, said)
      -- what auditd has in memory is its own affair
      host:change(function(state) state.audit.kernel, state.audit.mapped = {}, nil end)
      assert.equal(before, host:picture())
      assert.equal("", host:read "/var/auditrecv/audit-setup.found")
    end)
  end

  it("changes nothing a second time", function()
    local host = started()
    local before = host:picture()
    assert.equal(0, (host:run("audit-setup", "start")))
    assert.same({}, host:changes())
    assert.equal(before, host:picture())
  end)

  it("leaves the policies of the site alone", function()
    local host = started({ policies = { "+argv", "-cnt" } }, function(state)
      state.audit.policy.path, state.audit.policy_active.path = true, true
    end)
    assert.equal("argv path", policies(host))
    host:disable "audit-setup"
    host:run("audit-setup", "stop")
    assert.equal("cnt path", policies(host))
  end)

  it("sets a policy again that is stored and not active", function()
    local host = started({}, function(state) state.audit.policy.argv = true end)
    assert.is_true(host:state().audit.policy_active.argv)
  end)

  it("keeps everything when it is only restarted, or the host goes down", function()
    local host = started()
    local before = host:picture()
    local status, said = host:run("audit-setup", "stop")
    assert.equal(0, status)
    assert.matches("not disabled", said)
    assert.equal(before, host:picture())
  end)

  it("puts back when it is disabled until the next boot", function()
    local host = started()
    host:change(function(state) state.services["svc:/site/audit-setup:default"].enabled_now = false end)
    assert.equal(0, (host:run("audit-setup", "stop")))
    assert.is_false(host:state().audit.plugins.audit_remote.active)
  end)

  it("leaves alone what somebody else has set meanwhile, and says so", function()
    local host = started()
    host:change(function(state) state.audit.flags, state.audit.flags_active = "lo,aa", "lo,aa" end)
    host:disable "audit-setup"
    local status, said = host:run("audit-setup", "stop")
    assert.equal(0, status)
    assert.matches("leaves flags alone", said)
    assert.equal("lo,aa", host:state().audit.flags)
    assert.equal("cnt", policies(host))
  end)

  it("takes over new properties, and remembers what was there before the first", function()
    local host = started()
    host:set("audit-setup", { hosts = "recv-c.example.net", policies = "+argv" })
    assert.equal(0, (host:run("audit-setup", "refresh")))
    assert.same({
      "auditconfig -setpolicy -seq",
      "auditconfig -setpolicy -zonename",
      "auditconfig -setplugin audit_remote active p_hosts=recv-c.example.net:16162:kerberos_v5 16384",
      "audit -s",
    }, host:changes())
    host:disable "audit-setup"
    host:run("audit-setup", "stop")
    assert.equal("", host:state().audit.plugins.audit_remote.attributes.p_hosts)
    assert.equal(0, host:state().audit.plugins.audit_remote.qsize)
  end)

  it("does all of it again on a SmartOS that was booted, and can still put it back", function()
    local host = started()
    local fresh = fake_host.new():state()
    host:change(function(state) state.audit = fresh.audit end)
    assert.equal(0, (host:run("audit-setup", "start")))
    assert.equal(7, #host:changes())
    host:disable "audit-setup"
    host:run("audit-setup", "stop")
    assert.equal("cnt", policies(host))
    assert.equal("lo", host:state().audit.flags)
  end)

  it("does the same by hand, without a service manager around it", function()
    local host = host_with()
    assert.equal(0, (host:run("audit-setup", "start", { by_hand = true })))
    local status, said = host:run("audit-setup", "verify", { by_hand = true })
    assert.equal(0, status, said)
    host:change(function(state) state.audit.plugins.audit_remote.qsize = 100 end)
    status, said = host:run("audit-setup", "verify", { by_hand = true })
    assert.equal(1, status)
    assert.matches("audit_remote.qsize should be '16384' and is '100'", said, 1, true)
    host:run("audit-setup", "restore", { by_hand = true })
    assert.equal("cnt", policies(host))
  end)
end)

describe("audit-setup and single settings", function()
  it("writes classes of events into the file that auditd reads", function()
    local host = started { event_classes = { "AUE_OPEN_R=fr,ex", "AUE_login=lo,ex" } }
    local text = host:read "/etc/security/audit_event"
    assert.matches("\n72:AUE_OPEN_R:open%(2%) %- read:fr,ex\n", text)
    assert.matches("\n6152:AUE_login:login %- local:lo,ex\n", text)
    assert.matches("\n23:AUE_EXECVE:execve%(2%):ps,ex\n", text)
    assert.equal("fr,ex", host:state().audit.kernel.AUE_OPEN_R)
    host:set("audit-setup", { event_classes = "AUE_OPEN_R=fr,ex" })
    host:run("audit-setup", "refresh")
    assert.matches("login %- local:lo\n", host:read "/etc/security/audit_event")
  end)

  it("takes the limit of the system for the queue, and says so", function()
    local host, said = started({ qhiwater = 50000 }, function(state) state.audit.highest = 10000 end)
    assert.equal(10000, host:state().audit.queue.qhiwater)
    assert.matches("uses its limit, 10000", said)
  end)

  it("keeps the marks of the queue in order at every step", function()
    local host = started { qhiwater = 5000, qlowater = 4000, qbufsz = 65536, qdelay = 40 }
    host:set("audit-setup", { qhiwater = 300, qlowater = 200 })
    local status, said = host:run("audit-setup", "refresh")
    assert.equal(0, status, said)
    assert.same({ qhiwater = 300, qlowater = 200, qbufsz = 65536, qdelay = 40 }, host:state().audit.queue)
    host:disable "audit-setup"
    status, said = host:run("audit-setup", "stop")
    assert.equal(0, status, said)
    assert.same({ qhiwater = 0, qlowater = 0, qbufsz = 0, qdelay = 0 }, host:state().audit.queue)
  end)

  it("turns the local trail off, or on with room to spare", function()
    local host = started { local_trail = "off" }
    assert.is_false(host:state().audit.plugins.audit_binfile.active)
    host:set("audit-setup", { local_trail = "on", local_minfree = 10, local_size = "512M" })
    assert.equal(0, (host:run("audit-setup", "refresh")))
    local binfile = host:state().audit.plugins.audit_binfile
    assert.is_true(binfile.active)
    assert.same({ p_dir = "/var/audit", p_minfree = "10", p_fsize = "512M" }, binfile.attributes)
  end)

  it("takes classes in any order for the same", function()
    local host = started({ flags = "ex,lo" }, function(state)
      state.audit.flags, state.audit.flags_active = "lo,ex", "ex,lo"
    end)
    assert.is_nil(table.concat(host:changes(), "\n"):find "setflags")
  end)

  it("takes an address where the mechanism needs no name", function()
    local host = host_with { hosts = "192.0.2.7", mechanism = "dummy" }
    host:write("/etc/gss/mech", "dummy 1.3.6.1.4.1.42.2.26.1.2 mech_dummy.so.1\n")
    host:write("/usr/lib/gss/mech_dummy.so.1", "dummy")
    assert.equal(0, (host:run("audit-setup", "start")))
    assert.equal("192.0.2.7:16162:dummy", host:state().audit.plugins.audit_remote.attributes.p_hosts)
  end)

  it("fills 96 characters of receivers, and no more", function()
    local name = ("h"):rep(96 - #":16162:kerberos_v5")
    started { hosts = name }
    local host = host_with { hosts = name .. "h" }
    local status, said = host:run("audit-setup", "start")
    assert.equal(96, status)
    assert.matches("97 characters", said)
  end)
end)

describe("audit-setup and auditd", function()
  local AUDITD = "svc:/system/auditd:default"

  it("starts it, and stops it again in the end", function()
    local host = started({}, function(state) state.services[AUDITD] = { state = "disabled", enabled = false } end)
    assert.equal("svcadm enable -s " .. AUDITD, host:changes()[7])
    assert.equal("online", host:state().services[AUDITD].state)
    host:disable "audit-setup"
    assert.equal(0, (host:run("audit-setup", "stop")))
    assert.equal("disabled", host:state().services[AUDITD].state)
  end)

  it("gets it out of maintenance", function()
    local host = started({}, function(state) state.services[AUDITD].state = "maintenance" end)
    assert.equal("online", host:state().services[AUDITD].state)
  end)

  it("does not wait for ever where no receiver answers; the next start tells it again", function()
    local host, said = started({ patience = 0 }, function(state) state.audit.nobody_answers = true end)
    assert.matches("has not come back in 0 s: no receiver answers", said, 1, true)
    host:change(function(state) state.audit.nobody_answers = nil end)
    host:set("audit-setup", { patience = 60 })
    assert.equal(0, (host:run("audit-setup", "start")))
    assert.same({ "audit -s" }, host:changes())
  end)

  it("never restarts it", function()
    local host = started()
    for _, call in ipairs(host:changes()) do assert.is_nil(call:find "restart") end
  end)

  for option, what in pairs {
    ["-setflags"] = "flags should be 'lo,ex' and is 'lo'",
    ["-setpolicy"] = "policy.argv should be 'on' and is 'off'",
    ["-setplugin"] = "audit_remote.state should be 'active' and is 'inactive'",
  } do
    it("looks at the end whether the system has done it: " .. option, function()
      local host = host_with({}, function(state) state.audit.deaf = option end)
      local status, said = host:run("audit-setup", "start")
      assert.equal(95, status)
      assert.truthy(said:find(what, 1, true), said)
    end)
  end

  it("says when the kernel does not audit", function()
    local host = host_with({}, function(state) state.audit.condition = "nospace" end)
    local status, said = host:run("audit-setup", "start")
    assert.equal(95, status)
    assert.matches("auditing does not run: audit condition = nospace", said)
  end)
end)

describe("audit-setup refuses, and changes nothing,", function()
  for what, case in pairs {
    ["no receivers"] = { { hosts = "" }, "config/hosts is empty" },
    ["an address with Kerberos"] = { { hosts = "192.0.2.7" }, "192.0.2.7 is an address, and kerberos_v5 needs a name" },
    ["an IPv6 address"] = { { hosts = "2001:db8::7" }, "no room for IPv6 addresses" },
    ["what is no name"] = { { hosts = "recv_a" }, "'recv_a' is no name of a host" },
    ["what is no port"] = { { hosts = "recv-a:ssh" }, "'ssh' is no port" },
    ["a mechanism that is not there"] = { { mechanism = "dummy" }, "the mechanism 'dummy' is not in" },
    ["a policy without a sign"] = { { policies = "argv" }, "write +argv or -argv" },
    ["a policy that is none"] = { { policies = "+argc" }, "there is no policy 'argc'" },
    ["classes that are none"] = { { flags = "lo ex" }, "config/flags has to be classes" },
    ["too many classes"] = { { flags = ("lo,"):rep(86) }, "255 is the most" },
    ["an event that is none"] = { { event_classes = "EXECVE=ps" }, "has to look like AUE_EXECVE=ps,ex" },
    ["an event without classes"] = { { event_classes = "AUE_EXECVE=" }, "has to look like AUE_EXECVE=ps,ex" },
    ["an event that the system does not know"] = { { event_classes = "AUE_NONE=ps" }, "no event AUE_NONE" },
    ["marks of the queue in the wrong order"] = { { qhiwater = 10, qlowater = 10 }, "has to be below" },
    ["a window of nothing"] = { { qsize = 0 }, "config/qsize has to be from 100" },
    ["a number that is none"] = { { timeout = "5s" }, "config/timeout has to be a number" },
    ["a word that is none"] = { { local_trail = "maybe" }, "config/local_trail has to be one of: keep on off" },
    ["a size that is none"] = { { local_trail = "on", local_size = "big" }, "config/local_size has to be a size" },
    ["commands in a value"] = { { hosts = "$(touch /tmp/pwned)" }, "holds a character that is not allowed" },
    ["a comment in a value"] = { { hosts = "#a" }, "holds a character that is not allowed" },
  } do
    it(what, function()
      local host = host_with(case[1])
      local before = host:picture()
      local status, said = host:run("audit-setup", "start")
      assert.equal(96, status, said)
      assert.truthy(said:find(case[2], 1, true), said)
      assert.equal(1, select(2, said:gsub("\n", "")), "one clear line")
      assert.equal(before, host:picture())
    end)
  end

  it("a property that it does not know", function()
    local host = host_with({}, function(state)
      state.services["svc:/site/audit-setup:default"].properties["config/host"] = { type = "astring", values = { "a" } }
    end)
    local status, said = host:run("audit-setup", "start")
    assert.equal(96, status)
    assert.matches("config/host is no property of this service; there are: hosts mechanism", said)
  end)

  it("a library that is not there for auditd's kind of program", function()
    local host = host_with({}, function(state) state.bits = 64 end)
    os.remove(host.root .. "/usr/lib/amd64/gss/mech_krb5.so")
    local status, said = host:run("audit-setup", "start")
    assert.equal(96, status)
    assert.matches("library of the mechanism kerberos_v5 is missing: .*/usr/lib/amd64/gss/mech_krb5.so", said)
  end)

  it("a receiver without address, which may still come", function()
    local host = host_with({}, function(state) state.unresolved["recv-b.example.net"] = true end)
    local before = host:picture()
    local status, said = host:run("audit-setup", "start")
    assert.equal(1, status)
    assert.matches("recv%-b.example.net has no address", said)
    assert.equal(before, host:picture())
  end)

  it("a zone that is not the global one", function()
    local host = host_with({}, function(state) state.zone = "web" end)
    local status, said = host:run("audit-setup", "start")
    assert.equal(96, status)
    assert.matches("in the global zone only; here is web", said)
  end)

  it("a verb that it does not know", function()
    assert.equal(2, (host_with():run("audit-setup", "begin")))
  end)
end)
