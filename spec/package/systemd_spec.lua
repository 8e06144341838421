-- The unit: that systemd takes it, that it leaves little to an intruder, and that it leaves the receiver what it needs.
local daemon = require "spec.support.daemon"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

local places = { ["@PREFIX@"] = "/usr", ["@PKG_SYSCONFDIR@"] = "/etc/auditrecv", ["@VARBASE@"] = "/var/lib" }

local function filled(name, changes)
  return (process.read("etc/systemd/" .. name):gsub("@[%u_]+@", function(mark)
    return assert(changes and changes[mark] or places[mark], name .. " has the mark " .. mark)
  end))
end

local missing = not shell.has "systemd-analyze" and "systemd-analyze is not installed"

-- A root with the unit and what it names, and nothing else.
local function root_with_unit()
  local root = process.folder()
  for _, path in ipairs { "etc/systemd/system", "usr/lib/systemd/system", "usr/sbin", "bin", "etc/auditrecv",
    "var/lib/auditrecv" } do
    os.execute(("mkdir -p '%s/%s'"):format(root, path))
  end
  for _, program in ipairs { "usr/sbin/auditrecv", "bin/kill" } do
    process.chmod(process.write(root .. "/" .. program, "#!/bin/sh\n"), 493) -- 0755
  end
  -- What every unit depends on comes with systemd.
  for _, target in ipairs { "sysinit", "basic", "shutdown", "multi-user", "network-online" } do
    process.write(("%s/usr/lib/systemd/system/%s.target"):format(root, target), "[Unit]\nDescription=a target\n")
  end
  process.write(root .. "/usr/lib/systemd/system/auditrecv.service", filled "auditrecv.service")
  return root
end

describe("the unit", function()
  it("is one that systemd takes without a word", function()
    if missing then pending(missing) return end
    local root = root_with_unit()
    local said, status = shell.said(("systemd-analyze --root='%s' --man=no verify auditrecv.service"):format(root))
    assert.equal("", said)
    assert.equal(0, status)
  end)

  it("would not pass with a mistake in it: the check is one", function()
    if missing then pending(missing) return end
    local root = root_with_unit()
    process.write(root .. "/usr/lib/systemd/system/auditrecv.service",
      (filled("auditrecv.service"):gsub("ProtectProc=invisible", "ProtectProc=invisibel")))
    local said = shell.said(("systemd-analyze --root='%s' --man=no verify auditrecv.service"):format(root))
    assert.matches("invisibel", said)
  end)

  it("exposes little: 1.2 of 10 at most", function()
    if missing then pending(missing) return end
    local file = process.write(process.folder() .. "/auditrecv.service", filled "auditrecv.service")
    local said, status = shell.said("systemd-analyze security --no-pager --offline=true --threshold=12 " .. file)
    assert.equal(0, status, said)
    assert.matches("Overall exposure level for auditrecv%.service: [01]%.%d OK", said)
  end)

  it("allows every system call that the receiver makes, from its start to its end", function()
    if missing then pending(missing) return end
    local folder = process.folder()
    local trace = folder .. "/trace"
    if not os.execute(("strace -o '%s' true 2>/dev/null"):format(trace)) then
      pending "strace is not installed, or may not trace"
      return
    end
    process.mkdir(folder .. "/rules")
    -- Capabilities and users are for a start by root; a unit's is none.
    local owner = shell.must "id -u" == "0" and { "setpriv", "--reuid", "nobody", "--clear-groups", "--inh-caps=-all",
      "--bounding-set=-all" } or {}
    if #owner > 0 then os.execute(("chown -R nobody '%s'"):format(folder)) end
    local under = { "strace", "-D", "-f", "-o", trace }
    local d = daemon.start { folder = folder, under = table.move(under, 1, #under, #owner + 1, owner) }
    local trail = process.write(folder .. "/trail",
      require "spec.support.bsm_build".trail { a_record.bytes { event = "ssh" } })
    assert.equal(0, daemon.run(folder, { "send", "--to", "127.0.0.1:" .. d.port, trail }).status)
    assert.equal(0, d:stop())

    local function calls_of(group)
      local calls = {}
      for call in shell.said("systemd-analyze syscall-filter " .. group):gmatch "\n +([%w_]+)" do calls[call] = true end
      return calls
    end
    local allowed = calls_of "@system-service"
    for inner in shell.said "systemd-analyze syscall-filter @system-service":gmatch "\n +(@[%w-]+)" do
      for call in pairs(calls_of(inner)) do allowed[call] = true end
      for more in shell.said("systemd-analyze syscall-filter " .. inner):gmatch "\n +(@[%w-]+)" do
        for call in pairs(calls_of(more)) do allowed[call] = true end
      end
    end
    for _, group in ipairs { "@privileged", "@chown", "@clock", "@module", "@raw-io", "@reboot", "@swap",
      "@resources" } do
      for call in pairs(calls_of(group)) do allowed[call] = nil end
    end
    allowed.seccomp = true
    local seen = 0
    -- setuid and setgid are the proof that there is no way back: they are to be refused.
    local refused = { setuid = true, setgid = true, seteuid = true, setegid = true, setresuid = true, setresgid = true,
      setreuid = true, setregid = true }
    for line in process.read(trace):match "auditrecv\".*$":gmatch "[^\n]+" do
      local call = line:match "^%d+ +([%w_]+)%("
      if call and not refused[call] then
        seen = seen + 1
        assert(allowed[call], "the unit does not allow " .. call)
      end
    end
    assert(seen > 50, "the trace is empty")
  end)
end)

describe("the user of the unit", function()
  it("is one that systemd-sysusers makes", function()
    if not shell.has "systemd-sysusers" then
      pending "systemd-sysusers is not installed"
      return
    end
    local root = process.folder()
    os.execute(("mkdir -p '%s/etc'"):format(root))
    local file = process.write(root .. "/auditrecv.conf", filled "auditrecv.sysusers")
    local said, status = shell.said(("systemd-sysusers --root='%s' '%s'"):format(root, file))
    assert.equal(0, status, said)
    assert.matches("\nauditrecv:x:%d+:%d+:Receiver of audit trails:/var/lib/auditrecv:/usr/sbin/nologin\n",
      "\n" .. process.read(root .. "/etc/passwd"))
    assert.matches("\nauditrecv:x:%d+:\n", "\n" .. process.read(root .. "/etc/group"))
  end)

  it("owns a directory that nobody else may enter, which systemd-tmpfiles makes", function()
    local text = filled "auditrecv.tmpfiles"
    assert.equal("d /var/lib/auditrecv 0700 auditrecv auditrecv -", text:match "\n(d [^\n]+)\n")
    if shell.must "id -u" ~= "0" or not shell.has "systemd-tmpfiles" then
      pending "takes root and systemd-tmpfiles"
      return
    end
    local root = process.folder()
    os.execute(("mkdir -p '%s/etc' '%s/var/lib'"):format(root, root))
    local user = process.write(root .. "/user.conf", filled "auditrecv.sysusers")
    local folder = process.write(root .. "/folder.conf", text)
    local said, status = shell.said(("systemd-sysusers --root='%s' '%s' && systemd-tmpfiles --create --root='%s' '%s'")
      :format(root, user, root, folder))
    assert.equal(0, status, said)
    local id = process.read(root .. "/etc/passwd"):match "auditrecv:x:(%d+)"
    assert.equal("700 " .. id, shell.must(("stat -c '%%a %%u' '%s/var/lib/auditrecv'"):format(root)))
  end)
end)
