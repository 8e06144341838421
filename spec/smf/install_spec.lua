-- Putting the services on a host, and taking them away again.
local bare_host = require "spec.support.smf.bare_host"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

local HOSTS = "audit-setup/hosts=recv-a.example.net,recv-b.example.net"
local bare, install, files, versions = bare_host.new, bare_host.install, bare_host.files, bare_host.versions

local function installed(host, system, arguments, options)
  options = options or {}
  options.arguments = nil
  local status, said = install(host, (system or "smartos") .. " " .. (arguments or HOSTS), options)
  assert.equal(0, status, said)
  return said
end

local function undo(host)
  local status, said = install(host, "", { verb = "--undo" })
  assert.equal(0, status, said)
end

-- The path of a method in a manifest is that of a real host; here the fake restarter adds the folder.
local function service(host, name) return host:state().services["svc:/site/" .. name .. ":default"] end

describe("the installer", function()
  for system in pairs(versions) do
    it("puts everything in place, turns auditing on, and can be undone: " .. system, function()
      local host = bare(system)
      local before, had = host:picture(), files(host)
      local status, said = install(host, "", { verb = HOSTS })
      assert.equal(0, status, said)
      assert.matches('name="hosts" type="astring" value="recv%-a.example.net,recv%-b.example.net"',
        host:read(host.manifests .. "/audit-setup.xml"))
      assert.equal("online", service(host, "audit-setup").state)
      assert.equal("disabled", service(host, "mount-gss").state)
      assert.equal("disabled", service(host, "zone-names").state)
      assert.is_true(host:state().audit.plugins.audit_remote.active)
      undo(host)
      assert.is_nil(service(host, "audit-setup"))
      host:change(function(state) state.audit.kernel, state.audit.mapped = {}, nil end)
      host:is_like(before)
      assert.equal(had, files(host))
    end)
  end

  for _, name in ipairs { "mksh", "ksh93" } do
    it("works with " .. name, function()
      local host = bare()
      installed(host, "smartos", HOSTS, { shell = name })
      assert.equal("online", service(host, "audit-setup").state)
      local status = install(host, "", { verb = "--undo", shell = name })
      assert.equal(0, status)
    end)
  end

  it("can be run twice, and keeps the settings that it was given", function()
    local host = bare()
    installed(host)
    local first, had = host:picture(), files(host)
    installed(host, "smartos", "zone-names/interval=30")
    assert.equal(had, files(host))
    host:is_like(first)
    assert.matches('name="hosts" type="astring" value="recv%-a', host:read "/opt/custom/smf/audit-setup.xml")
    assert.same({ "30" }, service(host, "zone-names").properties["config/interval"].values)
  end)

  it("sets a setting again that it is given anew", function()
    local host = bare()
    installed(host)
    installed(host, "smartos", "audit-setup/hosts=recv-c.example.net audit-setup/mechanism=")
    assert.same({ "recv-c.example.net" }, service(host, "audit-setup").properties["config/hosts"].values)
    assert.equal("recv-c.example.net:16162", host:state().audit.plugins.audit_remote.attributes.p_hosts)
  end)

  it("can be run from where it was installed", function()
    local host = bare()
    installed(host)
    local here = host.root .. "/opt/auditrecv/gz-smf/install"
    assert.equal(0, (install(host, "zone-names/enabled=true", { verb = "audit-setup/qsize=20000", path = here })))
    assert.equal("online", service(host, "zone-names").state)
    assert.equal(20000, host:state().audit.plugins.audit_remote.qsize)
    assert.equal(0, (install(host, "", { verb = "--undo", path = here })))
    assert.is_nil(service(host, "zone-names"))
  end)

  it("brings a mechanism of its own, and takes it away again", function()
    local host = bare()
    assert(os.execute(("mkdir -p '%s/opt/auditrecv/gss/32'"):format(host.root)))
    host:write("/opt/auditrecv/gss/32/mech_dummy.so.1", "dummy 32")
    local before = host:picture()
    installed(host, "smartos", "mount-gss/enabled=true mount-gss/dummy=true audit-setup/mechanism=dummy "
      .. "audit-setup/hosts=192.0.2.7")
    assert.equal("online", service(host, "mount-gss").state)
    assert.equal("online", service(host, "audit-setup").state)
    assert.equal("dummy 32", host:state().audit.mapped)
    undo(host)
    host:change(function(state) state.audit.kernel, state.audit.mapped = {}, nil end)
    host:is_like(before)
    assert.equal("dummy 32", host:read "/opt/auditrecv/gss/32/mech_dummy.so.1")
  end)

  it("gives a service in maintenance another chance", function()
    local host = bare()
    installed(host, "smartos", "audit-setup/hosts=192.0.2.7")
    assert.equal("maintenance", service(host, "audit-setup").state)
    installed(host)
    assert.equal("online", service(host, "audit-setup").state)
  end)

  it("puts back what a service in maintenance had set", function()
    local host = bare()
    local before = host:picture()
    host:change(function(state) state.audit.deaf = "-setqhiwater" end)
    installed(host)
    assert.equal("maintenance", service(host, "audit-setup").state)
    host:change(function(state) state.audit.deaf = nil end)
    undo(host)
    host:change(function(state) state.audit.kernel, state.audit.mapped = {}, nil end)
    host:is_like(before)
  end)

  it("keeps what it needs when the host could not be put back", function()
    local host = bare()
    installed(host)
    host:change(function(state) state.audit.deaf = "-setflags" end)
    local status, said = install(host, "", { verb = "--undo" })
    assert.equal(1, status)
    assert.matches("audit%-setup could not put everything back", said)
    assert.matches("these services stay: audit%-setup mount%-gss; correct this", said)
    assert.is_truthy(service(host, "audit-setup"))
    host:change(function(state) state.audit.deaf = nil end)
    undo(host)
    assert.equal("lo", host:state().audit.flags)
    undo(host) -- there is nothing left to do
  end)

  it("only writes files for an image", function()
    local host = bare()
    local image = host.folder .. "/image"
    installed(host, "omnios", "--root " .. image .. " audit-setup/hosts=a.example.net")
    assert.same({}, host:changes())
    assert.matches('instance name="default" enabled="true"',
      process.read(image .. host.root .. "/lib/svc/manifest/site/audit-setup.xml"))
    assert.equal(0, (install(host, "omnios --undo --root " .. image)))
    assert.equal("", shell.must(("find '%s' -type f"):format(image)))
    assert.same({}, host:changes())
  end)

  for what, case in pairs {
    ["a service that is none"] = { "audit-stuff/hosts=a", 1, "there is no service audit%-stuff" },
    ["a property that is none"] = { "audit-setup/host=a", 1, "audit%-setup has no property host" },
    ["a number that is none"] = { "audit-setup/port=ssh", 1, "audit%-setup/port has to be a number" },
    ["neither true nor false"] = { "mount-gss/dummy=yes", 1, "mount%-gss/dummy has to be true or false" },
    ["an option that is none"] = { "--force", 2, "what is %-%-force?" },
    ["a system that is none"] = { "--system linux", 2, "smartos, omnios or solaris" },
  } do
    it("refuses " .. what, function()
      local host = bare()
      local had = files(host)
      local status, said = install(host, "", { verb = case[1]:match "^%S+", arguments = case[1]:match " (.*)" })
      assert.equal(case[2], status)
      assert.matches(case[3], said)
      assert.equal(had, files(host))
    end)
  end

  it("refuses another system, and a zone that is not the global one", function()
    local host = bare()
    host:change(function(state) state.uname["-s"] = "Linux" end)
    local status, said = install(host, "", { verb = HOSTS })
    assert.equal(1, status)
    assert.matches("not SmartOS, OmniOS or Solaris 11", said)
    host:change(function(state) state.uname["-s"], state.zone = "SunOS", "web" end)
    status, said = install(host, "", { verb = HOSTS })
    assert.equal(1, status)
    assert.matches("here is web", said)
  end)
end)
