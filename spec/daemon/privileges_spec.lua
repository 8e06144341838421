-- What a receiver gives up before the first record: root, the ways back to it, core dumps.
local daemon = require "spec.support.daemon"
local process = require "spec.support.process"
local shell = require "spec.support.shell"
local socket = require "socket"

local root = shell.must "id -u" == "0"
local no_root = not root and "only root can become another user"
local user, uid, gid = "nobody", shell.must "id -u nobody", shell.must "id -g nobody"

-- A folder of that user, with rules in it.
local function folder_of(owner)
  local folder = process.folder()
  process.mkdir(folder .. "/rules")
  os.execute(("chown -R %s '%s'"):format(owner, folder))
  return folder
end

local function status_of(d) return process.read(("/proc/%d/status"):format(d.process.pid)) end

local function ids(status, what) return status:match("\n" .. what .. ":\t([%d\t ]*)\n") end

local function send_one(d)
  local trail = process.write(d.folder .. "/trail",
    require "spec.support.bsm_build".trail { a_record.bytes { event = "ssh" } })
  return daemon.run(d.folder, { "send", "--to", "127.0.0.1:" .. d.port, "--attempts", "1", trail })
end

-- A port below 1024 that is free.
local function low_port()
  for port = 1023, 600, -1 do
    local server = socket.bind("127.0.0.1", port)
    if server then
      server:close()
      return port
    end
  end
  error "every port below 1024 is taken"
end

describe("a receiver that root starts for a user", function()
  it("is that user with that user's groups, and has no capability left", function()
    if no_root then pending(no_root) return end
    local d = daemon.start { folder = folder_of(user), settings = { service = { user = user } } }
    local status = status_of(d)
    assert.equal((uid .. "\t"):rep(3) .. uid, ids(status, "Uid"))
    assert.equal((gid .. "\t"):rep(3) .. gid, ids(status, "Gid"))
    assert.equal(shell.must("id -G " .. user), (ids(status, "Groups"):gsub("%s+$", "")))
    for _, set in ipairs { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" } do
      assert.matches("\n" .. set .. ":\t0+\n", status)
    end
    assert.matches("\nNoNewPrivs:\t1\n", status)
    assert.equal(0, send_one(d).status)
    assert.equal(0, d:stop())
  end)

  it("takes the group that it is told", function()
    if no_root then pending(no_root) return end
    local d = daemon.start { folder = folder_of(user), settings = { service = { user = user, group = "daemon" } } }
    local wanted = shell.must "getent group daemon":match "^[^:]*:[^:]*:(%d+)"
    assert.equal((wanted .. "\t"):rep(3) .. wanted, ids(status_of(d), "Gid"))
    assert.equal(0, d:stop())
  end)

  it("has bound its port below 1024 and read its key all the same", function()
    if no_root then pending(no_root) return end
    local keys = process.folder() -- root's, 0700
    local key = process.write(keys .. "/key", "id:key\n")
    process.chmod(key, 384) -- 0600
    local d = daemon.start { folder = folder_of(user), port = low_port(), settings = { service = { user = user },
      output = { type = "elasticsearch", urls = { "http://127.0.0.1:1" }, api_key_file = key } } }
    assert.equal(uid, ids(status_of(d), "Uid"):match "%d+")
    -- … which it cannot read again, and says so.
    assert.matches("setting=output%.api_key_file", d:logged "event=unreadable_later")
    d.process:kill():wait()
  end)

  it("makes its files the user's, and nobody else's", function()
    if no_root then pending(no_root) return end
    local d = daemon.start { folder = folder_of(user), settings = { service = { user = user } } }
    assert.equal(0, send_one(d).status)
    assert.equal(0, d:stop())
    assert.equal("600 " .. user, shell.must(("stat -c '%%a %%U' '%s'"):format(d.documents_file)))
  end)

  it("makes folders 0700 and files 0600: journal, dead letters, documents", function()
    if no_root then pending(no_root) return end
    local folder = folder_of(user)
    local d = daemon.start { folder = folder, settings = { service = { user = user },
      journal = { directory = folder .. "/journal" } } }
    assert.equal(0, send_one(d).status)
    assert.equal(0, d:stop())
    local made = ("find '%s/journal' '%s' '%s'"):format(folder, d.dead_directory, d.documents_file)
    assert.not_equal("", shell.must(made .. " -type f"))
    assert.equal("", shell.must(made .. " -type f ! -perm 600"))
    assert.equal("", shell.must(made .. " -type d ! -perm 700"))
    assert.equal("", shell.must(made .. " ! -user " .. user))
  end)

  it("does not start where its files would be out of its reach", function()
    if no_root then pending(no_root) return end
    local folder = process.folder() -- root's, 0700
    process.mkdir(folder .. "/rules")
    local d = daemon.start { folder = folder, ready = false, settings = { service = { user = user } } }
    assert.equal(1, d.process:wait())
    assert.matches("Permission denied", d:log())
  end)

  it("leaves a pid file empty that lies where it may not remove it, and takes it over again", function()
    if no_root then pending(no_root) return end
    local run = process.folder() -- root's
    for _ = 1, 2 do
      local folder = folder_of(user)
      local p = process.start(folder, "serve", { daemon.program, "serve", "--pid-file", run .. "/pid", "--set",
        "listen={{address='127.0.0.1',port=0,mechanisms={'dummy'},dummy_from={'::1'}}}", "--set",
        ("dead_letters.directory=%q"):format(folder .. "/dead"), "--set", ("service.user=%q"):format(user) })
      p:line_with "event=ready"
      assert.equal(p.pid, tonumber(process.read(run .. "/pid")))
      assert.equal(0, p:terminate())
      assert.equal("0", shell.must(("stat -c %%s '%s/pid'"):format(run)))
    end
  end)

  it("is checked as that user, too", function()
    if no_root then pending(no_root) return end
    local folder = process.folder() -- root's, 0700
    process.mkdir(folder .. "/rules")
    local function check(...)
      return daemon.run(folder, { "check", "--set", "listen={{mechanisms={'dummy'},dummy_from={'::1'}}}", "--set",
        ("dead_letters.directory=%q"):format(folder .. "/dead"), ... })
    end
    assert.equal(0, check().status)
    local p = check("--set", ("service.user=%q"):format(user))
    assert.equal(1, p.status)
    assert.matches("dead_letters%.directory.*Permission denied", p:stderr())
  end)

  it("reloads what the user may read", function()
    if no_root then pending(no_root) return end
    local d = daemon.start { folder = folder_of(user), settings = { service = { user = user } } }
    os.execute(("chmod 0644 '%s'"):format(d.settings_file))
    d:reload()
    d:logged "event=reloaded"
    assert.equal(0, d:stop())
  end)
end)

describe("a user that nobody can become", function()
  it("is named: there is no such user, no such group, or no user to the group", function()
    for _, case in ipairs {
      { { user = "no-such-user" }, "service%.user: there is no user \\\"no%-such%-user" },
      { { user = user, group = "no-such-group" }, "service%.group: there is no group \\\"no%-such%-group" },
      { { group = "daemon" }, "service%.group: it takes service%.user" },
    } do
      local d = daemon.start { ready = false, settings = { service = case[1] } }
      assert.equal(1, d.process:wait())
      assert.matches(case[2], d:log())
    end
  end)

  it("is another one than an ordinary user who starts it", function()
    if no_root then pending(no_root) return end
    local folder = folder_of(user)
    local p = process.start(folder, "serve", { "setpriv", "--reuid", user, "--regid", gid, "--clear-groups",
      daemon.program, "serve", "--set", "service.user='daemon'" })
    assert.equal(1, p:wait())
    assert.matches("service%.user: only root can become daemon", p:stderr())
  end)
end)

describe("root that stays root", function()
  it("is told what to do about it", function()
    if no_root then pending(no_root) return end
    local d = daemon.start()
    assert.matches("service%.user", d:logged "event=runs_as_root")
    assert.equal(0, d:stop())
  end)
end)

describe("a second receiver", function()
  it("on the same journal is refused, and the first goes on", function()
    local folder = process.folder()
    local journal = { directory = folder .. "/journal" }
    local first = daemon.start { settings = { journal = journal } }
    local second = daemon.start { ready = false, settings = { journal = journal } }
    assert.equal(1, second.process:wait())
    assert.matches("journal%.directory", second:log())
    assert.equal(0, send_one(first).status)
    assert.equal(0, first:stop())
  end)

  it("on the same dead letters is refused, too", function()
    local first = daemon.start()
    local second = daemon.start { ready = false, settings = { dead_letters = { directory = first.dead_directory } } }
    assert.equal(1, second.process:wait())
    assert.matches("dead_letters%.directory", second:log())
    assert.equal(0, first:stop())
  end)
end)

describe("core dumps", function()
  local function limit(d)
    return process.read(("/proc/%d/limits"):format(d.process.pid)):match "Max core file size +(%S+)"
  end

  -- Who may not be dumped, has a /proc that belongs to root, whoever runs it.
  local function owner_of_proc(d) return shell.must(("stat -c %%u /proc/%d/environ"):format(d.process.pid)) end

  it("are off: no limit allows one, and the process is not dumpable", function()
    local d = daemon.start(root and { folder = folder_of(user), settings = { service = { user = user } } })
    assert.equal("0", limit(d))
    assert.equal("0", owner_of_proc(d))
    assert.equal(0, d:stop())
  end)

  it("are on where somebody asks for them", function()
    if no_root then pending(no_root) return end
    local d = daemon.start { folder = folder_of(user), settings = { service = { user = user, core_dumps = true } } }
    assert.not_equal("0", limit(d))
    assert.equal(uid, owner_of_proc(d))
    assert.equal(0, d:stop())
  end)
end)
