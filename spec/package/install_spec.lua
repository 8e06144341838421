-- make install and make uninstall, in a scratch root.
local daemon = require "spec.support.daemon"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

local flavor = os.getenv "FLAVOR" or "plain"

local function make(target, root, more)
  return shell.said(("make -s %s FLAVOR=%s DESTDIR='%s' %s"):format(target, flavor, root, more or ""))
end

local function installed(root, more)
  local said, status = make("install", root, more)
  assert.equal(0, status, said)
  return root
end

local function files(root) return shell.must(("cd '%s' && find . -type f | LC_ALL=C sort"):format(root)) end

describe("make install", function()
  it("puts a program in place that runs, with its manual, rules and templates", function()
    local root = installed(process.folder(), "PREFIX=/opt/audit")
    assert.matches("^auditrecv %d", shell.must(root .. "/opt/audit/sbin/auditrecv --version"))
    local all = files(root) .. "\n"
    for _, path in ipairs { "share/man/man8/auditrecv.8", "share/man/man5/auditrecv.conf.5",
      "share/man/man7/auditrecv-rules.7", "share/auditrecv/rules/secrets.lua",
      "share/auditrecv/rules/examples/README.md", "share/auditrecv/template/elasticsearch.json",
      "share/auditrecv/gz-smf/audit-setup", "share/doc/auditrecv/README.md", "share/doc/auditrecv/delivery.md",
      "share/doc/auditrecv/LICENSE" } do
      assert(all:find("./opt/audit/" .. path .. "\n", 1, true), path .. " is not installed")
    end
  end)

  it("puts every page of the manual and every rule in place", function()
    local all = files(installed(process.folder(), "PREFIX=/usr")) .. "\n"
    for _, path in ipairs { "etc/man/*", "etc/doc/*.md", "rules/*.lua", "etc/template/*", "gz-smf/*" } do
      for name in shell.must("ls -d " .. path):gmatch "([^/\n]+)%f[\n\0]" do
        assert(all:find("/" .. name .. "\n", 1, true), name .. " is not installed")
      end
    end
  end)

  it("installs rules and settings that the program takes, once a mechanism is allowed", function()
    local root = installed(process.folder(), "PREFIX=/usr SYSCONFDIR=/etc")
    local p = daemon.run(root, { "check", "-c", root .. "/etc/auditrecv/auditrecv.lua", "--set",
      "listen={{mechanisms={'dummy'},dummy_from={'::1'}}}", "--set",
      ("rules.directory=%q"):format(root .. "/etc/auditrecv/rules") })
    assert.equal(0, p.status, p:stderr())
    assert.matches("secrets", p:stdout())
  end)

  it("names in the unit where things are", function()
    local root = installed(process.folder(), "PREFIX=/opt/audit SYSCONFDIR=/opt/etc VARBASE=/opt/var SYSTEM=Linux")
    local unit = process.read(root .. "/opt/audit/lib/systemd/system/auditrecv.service")
    assert.matches("\nExecStart=/opt/audit/sbin/auditrecv serve %-c /opt/etc/auditrecv/auditrecv.lua\n", unit)
    assert.matches("\nWorkingDirectory=/opt/var/auditrecv\n", unit)
    assert.not_matches("\n[^#\n]*@[%u_]+@", unit)
    assert.matches("/opt/var/auditrecv", process.read(root .. "/opt/audit/lib/tmpfiles.d/auditrecv.conf"))
  end)

  it("puts an SMF service in place of the unit on illumos and Solaris", function()
    local root = installed(process.folder(), "PREFIX=/opt/local SYSCONFDIR=/opt/local/etc SYSTEM=SunOS")
    assert.is_nil(files(root):find("systemd", 1, true))
    local manifest = process.read(root .. "/opt/local/lib/svc/manifest/auditrecv.xml")
    assert(manifest:find('"/opt/local/lib/svc/method/auditrecv start', 1, true))
    assert(manifest:find('"/opt/local/etc/auditrecv/auditrecv.lua"', 1, true))
    assert.equal(0, select(2, shell.said(("test -x '%s/opt/local/lib/svc/method/auditrecv'"):format(root))))
  end)

  it("leaves settings and rules alone that are there, and renews the program", function()
    local root = installed(process.folder(), "PREFIX=/usr")
    local settings = process.write(root .. "/etc/auditrecv/auditrecv.lua", "return {} -- mine\n")
    local rule = process.write(root .. "/etc/auditrecv/rules/secrets.lua", "-- mine too\n")
    process.write(root .. "/usr/sbin/auditrecv", "an older one")
    installed(root, "PREFIX=/usr")
    assert.equal("return {} -- mine\n", process.read(settings))
    assert.equal("-- mine too\n", process.read(rule))
    assert.matches("^auditrecv %d", shell.must(root .. "/usr/sbin/auditrecv --version"))
  end)

  it("may be run while the program runs", function()
    local root = installed(process.folder(), "PREFIX=/usr")
    local p = process.start(root, "serve", { root .. "/usr/sbin/auditrecv", "serve", "--set",
      "listen={{address='127.0.0.1',port=0,mechanisms={'dummy'},dummy_from={'::1'}}}", "--set",
      ("dead_letters={directory=%q}"):format(root .. "/dead") })
    p:line_with "event=ready"
    installed(root, "PREFIX=/usr")
    assert.is_nil(p:poll())
    assert.equal(0, p:terminate())
  end)

  it("refuses folders that it could not write into a unit", function()
    local said, status = make("install", process.folder() .. "/with blank")
    assert.not_equal(0, status)
    assert.matches("blank", said)
  end)
end)

describe("make uninstall", function()
  it("removes everything that was installed, and the folders that are ours", function()
    for _, system in ipairs { "Linux", "SunOS" } do
      local root = installed(process.folder(), "PREFIX=/usr SYSTEM=" .. system)
      local said, status = make("uninstall", root, "PREFIX=/usr SYSTEM=" .. system)
      assert.equal(0, status, said)
      assert.equal("", files(root))
      assert.equal("", shell.must(("cd '%s' && find . -name '*auditrecv*'"):format(root)))
    end
  end)

  it("keeps what a person has changed, and what others put there", function()
    local root = installed(process.folder(), "PREFIX=/usr")
    process.write(root .. "/etc/auditrecv/auditrecv.lua", "return {} -- mine\n")
    process.write(root .. "/etc/auditrecv/rules/my_own.lua", "-- mine\n")
    process.write(root .. "/usr/sbin/other", "")
    local said = make("uninstall", root, "PREFIX=/usr")
    assert.matches("kept .*auditrecv%.lua", said)
    assert.equal("./etc/auditrecv/auditrecv.lua\n./etc/auditrecv/rules/my_own.lua\n./usr/sbin/other", files(root))
  end)

  -- Not a stage: what is made there is written down.
  it("removes the folders that were made for it, and leaves those that were there, however empty", function()
    local root = process.folder()
    shell.must(("cd '%s' && mkdir -p usr/share/man etc && echo >usr/share/other"):format(root))
    local before = shell.must(("cd '%s' && find . | sort"):format(root))
    local where = ("PREFIX='%s/usr' SYSCONFDIR='%s/etc' VARBASE='%s/var'"):format(root, root, root)
    for _ = 1, 2 do installed("", where) end -- the second time finds nothing to make
    process.mkdir(root .. "/usr/sbin/others")
    local said, status = make("uninstall", "", where)
    assert.equal(0, status, said)
    shell.must(("rmdir '%s/usr/sbin/others' '%s/usr/sbin'"):format(root, root))
    assert.equal(before, shell.must(("cd '%s' && find . | sort"):format(root)))
  end)

  it("leaves no note of its own in a stage, which a package would take for a file", function()
    assert.is_nil(files(installed(process.folder(), "PREFIX=/usr")):find("made-folders", 1, true))
  end)

  it("has nothing to do where nothing is", function()
    local root = process.folder()
    local _, status = make("uninstall", root)
    assert.equal(0, status)
  end)
end)

describe("the scripts of installation and package", function()
  it("have nothing that shellcheck would find fault with", function()
    if not shell.has "shellcheck" then pending "shellcheck is not installed" return end
    assert.equal("", shell.must("shellcheck etc/install etc/debian/build etc/debian/postinst etc/debian/prerm "
      .. "etc/debian/postrm .ci/need .ci/run spec/run spec/test"))
  end)
end)
