-- The Debian package: built, installed here, run by its unit's command line, upgraded under traffic, removed.
local book = require "spec.docs.book"
local bsm = require "spec.support.bsm_build"
local cjson = require "cjson"
local daemon = require "spec.support.daemon"
local process = require "spec.support.process"
local shell = require "spec.support.shell"
local socket = require "socket"

local flavor = os.getenv "FLAVOR" or "plain"
local SETTINGS, STATE = "/etc/auditrecv/auditrecv.lua", "/var/lib/auditrecv"

-- Packages change the machine, so somebody has to have said that it is one for that.
local function reason_not_to()
  if not os.getenv "AUDITRECV_TEST_PACKAGE" then
    return "installs a package: set AUDITRECV_TEST_PACKAGE=1 on a machine that may be changed"
  end
  if shell.must "id -u" ~= "0" then return "only root can install packages" end
  if not shell.has "dpkg-shlibdeps" then return "this is no Debian, or dpkg-dev is not installed" end
  for _, path in ipairs { "/usr/sbin/auditrecv", "/etc/auditrecv", STATE } do
    if shell.said("test -e " .. path .. " && echo there") ~= "" then return path .. " is there, and maybe used" end
  end
end
local not_here = reason_not_to()

local built = {}

-- The package of this revision; built once.
local function package(revision)
  if not built[revision] then
    local said = shell.must(("make -s deb FLAVOR=%s REVISION=%d"):format(flavor, revision))
    built[revision] = said:match "[^\n]+$"
  end
  return built[revision]
end

local function dpkg(arguments)
  return shell.said("DEBIAN_FRONTEND=noninteractive dpkg " .. arguments)
end

local function must_dpkg(arguments)
  local said, status = dpkg(arguments)
  assert.equal(0, status, said)
end

local function free_port()
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = server:getsockname()
  server:close()
  return port
end

-- The service as its unit describes it: the same command as the same user, without any privilege.
local function start_unit(folder)
  local unit = process.read "/usr/lib/systemd/system/auditrecv.service"
  local function setting(name) return (assert(unit:match("\n" .. name .. "=([^\n]*)\n"), name)) end
  local argv = { "setpriv", "--reuid", setting "User", "--regid", setting "Group", "--init-groups", "--inh-caps=-all",
    "--bounding-set=-all", "--no-new-privs", "env", "-C", setting "WorkingDirectory" }
  for word in setting "ExecStart":gmatch "%S+" do argv[#argv + 1] = word end
  local p = process.start(folder, "unit" .. math.random(1, 1 << 30), argv)
  p:line_with "event=ready"
  return p
end

local function clean()
  dpkg "--purge auditrecv"
  shell.said("rm -rf " .. STATE .. " /etc/auditrecv; userdel auditrecv; groupdel auditrecv")
end

describe("the Debian package", function()
  it("holds what is installed, belongs to root, and names the libraries that the program needs", function()
    if not shell.has "dpkg-shlibdeps" then pending "dpkg-dev is not installed" return end
    local file = package(1)
    local control = shell.must(("dpkg-deb -f '%s'"):format(file))
    for _, library in ipairs { "libc6", "libcurl4", "libev4", "liblua5.4%-0", "libssl3" } do
      assert.matches("\nDepends: [^\n]*" .. library, control)
    end
    local content = shell.must(("dpkg-deb -c '%s'"):format(file)) .. "\n"
    for line in content:gmatch "[^\n]+" do assert.matches("^[%-d]r[w-][x-]r%-[x-]r%-[x-] root/root ", line) end
    for _, path in ipairs { "usr/sbin/auditrecv", "usr/lib/systemd/system/auditrecv.service",
      "usr/lib/sysusers.d/auditrecv.conf", "usr/share/man/man8/auditrecv.8.gz", "usr/share/doc/auditrecv/copyright" } do
      assert(content:find("./" .. path .. "\n", 1, true), path .. " is not in it")
    end
    assert.equal("/etc/auditrecv/auditrecv.lua", shell.must(("dpkg-deb -I '%s' conffiles"):format(file)):match "[^\n]+")
  end)

  it("is the same, byte for byte, when it is built again", function()
    if not shell.has "dpkg-shlibdeps" then pending "dpkg-dev is not installed" return end
    local first = shell.must(("md5sum <'%s'"):format(package(1)))
    shell.must(("make -s deb FLAVOR=%s REVISION=1"):format(flavor))
    assert.equal(first, shell.must(("md5sum <'%s'"):format(package(1))))
  end)

  it("is installed, runs, is upgraded under traffic without loss, and is removed", function()
    if not_here then pending(not_here) return end
    finally(clean)
    local folder, port, n = process.folder(), free_port(), 3000

    must_dpkg("-i " .. package(1))
    assert.equal("700 auditrecv auditrecv", shell.must("stat -c '%a %U %G' " .. STATE))
    assert.matches(":" .. STATE .. ":[^:]*nologin", shell.must "getent passwd auditrecv")
    -- As it comes it lets nobody in, and says what to set.
    local said, status = shell.said("auditrecv check -c " .. SETTINGS)
    assert.equal(1, status)
    assert.matches("set mechanisms", said)

    local mine = ([[return {
      listen = { { address = "127.0.0.1", port = %d, mechanisms = { "dummy" }, dummy_from = { "127.0.0.1" } } },
      rules = { directory = "/etc/auditrecv/rules" },
      output = { type = "file", path = "documents.ndjson" },
    }
    ]]):format(port)
    process.write(SETTINGS, mine)
    local receiver = start_unit(folder)

    local records = {}
    for i = 1, n do records[i] = a_record.bytes { event = "ssh", seq = i } end
    local trail = process.write(folder .. "/trail", bsm.trail(records))
    local sender = process.start(folder, "send", { daemon.program, "send", "--to", "127.0.0.1:" .. port, "--rate",
      "600", "--attempts", "100", trail })
    local documents = STATE .. "/documents.ndjson"
    local function lines() return select(2, process.read(documents):gsub("\n", "")) end
    process.until_true("the first documents", function() return lines() > 100 end)

    must_dpkg("-i " .. package(2))
    assert.matches("%-2$", shell.must "dpkg-query -W -f '${Version}' auditrecv")
    assert.is_nil(receiver:poll()) -- the old program goes on until somebody restarts it …
    assert.is_nil(sender:poll()) -- … under traffic
    assert.equal(mine, process.read(SETTINGS))
    assert.equal(0, receiver:terminate(60))
    assert(lines() < n, "all was sent before the restart")
    receiver = start_unit(folder)
    assert.equal(0, sender:wait(60), sender:stderr())

    local seen, twice = {}, 0
    for line in io.lines(documents) do
      local sequence = cjson.decode(line).sender_sequence
      twice = twice + (seen[sequence] and 1 or 0)
      seen[sequence] = true
    end
    for i = 1, n do assert(seen[i], "record " .. i .. " was lost") end
    assert.equal(0, twice)
    assert.equal("600 auditrecv", shell.must("stat -c '%a %U' " .. documents))
    assert.equal(0, receiver:terminate(60))

    must_dpkg "-r auditrecv"
    assert.is_false(shell.has "/usr/sbin/auditrecv")
    assert.equal(mine, process.read(SETTINGS))
    must_dpkg "-P auditrecv"
    assert.equal("", process.read(SETTINGS))
    assert.equal(n, lines()) -- the trail is evidence, and stays
  end)
end)

describe("README.md", function()
  it("leads to a receiver that is installed", function()
    if not_here then pending(not_here) return end
    finally(clean)
    local folder = process.folder()
    local calls = folder .. "/calls"
    process.chmod(process.write(folder .. "/systemctl", ("#!/bin/sh\necho \"$*\" >>'%s'\n"):format(calls)), 493)
    shell.must "rm -rf .build/deb"
    built = {}
    local seen = {}
    for _, example in ipairs(book.examples "README.md") do
      if example.receiver then
        local command = example.command
        if command:find "^auditrecv check" then -- the reader has said who may send
          process.write(SETTINGS, ([[return {
            listen = { { address = "127.0.0.1", port = %d, mechanisms = { "dummy" }, dummy_from = { "127.0.0.1" } } },
          }]]):format(free_port()))
        end
        local said, status = shell.said(("export PATH='%s':$PATH FLAVOR=%s DESTDIR='%s'; %s"):format(folder, flavor,
          command:find "install" and folder .. "/root" or "", command))
        assert.equal(0, status, example.at .. ": " .. said)
        seen[#seen + 1] = command:match "^%S+ %S+"
        if command == "make install" then
          assert.matches("^auditrecv", shell.must(folder .. "/root/usr/local/sbin/auditrecv --version"))
        end
      end
    end
    assert.same({ "make deb", "dpkg -i", "auditrecv check", "systemctl enable", "systemctl status", "make install",
      "make uninstall" }, seen)
    assert.equal("enable --now auditrecv\nstatus auditrecv\n", process.read(calls))
  end)
end)

describe("the package under systemd", function()
  -- The script with the tools of a machine that systemd runs; what they are called with is recorded.
  local function run(script, arguments, answers)
    local folder = process.folder()
    process.mkdir(folder .. "/system")
    process.mkdir(folder .. "/bin")
    local calls = folder .. "/calls"
    for name, status in pairs { ["systemctl"] = 0, ["auditrecv"] = answers.check or 0, ["getent"] = answers.user or 0,
      ["systemd-sysusers"] = 0, ["install"] = 0 } do
      local stub = ("#!/bin/sh\necho \"%s $*\" >>'%s'\ncase \"$*\" in *is-active*) exit %d ;; esac\nexit %d\n"):format(
        name, calls, answers.active or 0, status)
      process.chmod(process.write(folder .. "/bin/" .. name, stub), 493)
    end
    local text = process.read("etc/debian/" .. script):gsub("/run/systemd/system", folder .. "/system")
      :gsub("/usr/sbin/auditrecv", folder .. "/bin/auditrecv"):gsub("/var/lib/auditrecv", folder .. "/state")
    local file = process.write(folder .. "/" .. script, text)
    local said, status = shell.said(("PATH='%s/bin':$PATH sh '%s' %s"):format(folder, file, arguments))
    assert.equal(0, status, said)
    return process.read(calls), said
  end

  it("starts nothing when it is new: nobody may send yet", function()
    local calls = run("postinst", "configure", {})
    assert.is_nil(calls:find "systemctl [%l-]*start")
    assert.matches("systemctl daemon%-reload", calls)
  end)

  it("makes the user where there is none, and its directory", function()
    local calls = run("postinst", "configure", { user = 2 })
    assert.matches("systemd%-sysusers /usr/lib/sysusers%.d/auditrecv%.conf\n", calls)
    assert.matches("install %-d %-m 0700 %-o auditrecv %-g auditrecv ", calls)
    assert.is_nil(run("postinst", "configure", {}):find "sysusers")
  end)

  it("restarts a receiver that runs when it is upgraded, and no other", function()
    assert.matches("systemctl restart auditrecv%.service", run("postinst", "configure 0.1.0-1", {}))
    assert.is_nil(run("postinst", "configure 0.1.0-1", { active = 3 }):find("restart", 1, true))
  end)

  it("does not restart one that would not come back", function()
    local calls, said = run("postinst", "configure 0.1.0-1", { check = 1 })
    assert.is_nil(calls:find("restart", 1, true))
    assert.matches("systemctl restart auditrecv", said)
  end)

  it("stops the receiver when it is removed, not when it is upgraded", function()
    assert.matches("disable %-%-now auditrecv%.service", run("prerm", "remove", {}))
    assert.equal("", run("prerm", "upgrade 0.1.0-2", {}))
  end)
end)
