-- Stories of a receiver that is started into the background, as service managers do.
local daemon = require "spec.support.daemon"
local process = require "spec.support.process"

-- Settings of a receiver in a folder of its own, and what goes on in it.
local function place(options)
  options = options or {}
  local folder = process.folder()
  local file = process.write(folder .. "/auditrecv.lua", ([[return {
    listen = { { address = "127.0.0.1", port = %d, mechanisms = { "dummy" }, dummy_from = { "127.0.0.1" } } },
    output = { type = %q, path = %q },
    dead_letters = { directory = %q },
    rules = { directory = %q },
  }]]):format(options.port or 0, options.output or "file", folder .. "/documents", folder .. "/dead",
    options.rules or folder .. "/rules"))
  process.mkdir(folder .. "/rules")
  return { folder = folder, file = file, pid_file = folder .. "/pid" }
end

local function serve(at, ...)
  return daemon.run(at.folder, { "serve", "--background", "--pid-file", at.pid_file, "-c", at.file, ... })
end

local function pid_of(at) return tonumber(process.read(at.pid_file)) end

-- Ended, whether somebody has asked for its status or not.
local function is_gone(pid)
  return (process.read(("/proc/%d/stat"):format(pid)):match "%) (%u)" or "X"):find "[XZ]" ~= nil
end

local function stop(at)
  local pid = pid_of(at)
  process.signal.kill(pid, process.signal.SIGTERM)
  process.until_true("the end of the receiver", function() return is_gone(pid) end)
end

describe("a receiver in the background", function()
  it("lets go of its starter when it listens and its rules are loaded, not before", function()
    local at = place()
    local p = serve(at)
    assert.equal(0, p.status, p:stderr())
    local port = p:stderr():match "event=listening address=127.0.0.1 port=(%d+)"
    local trail = process.write(at.folder .. "/trail",
      require "spec.support.bsm_build".trail { a_record.bytes { event = "ssh" } })
    local sent = daemon.run(at.folder, { "send", "--to", "127.0.0.1:" .. port, "--attempts", "1", trail })
    assert.equal(0, sent.status, sent:stderr())
    assert.matches('"event":"ssh"', process.read(at.folder .. "/documents"))
    stop(at)
  end)

  it("belongs to no terminal: its session is its own, its input and output are nowhere", function()
    local at = place()
    assert.equal(0, serve(at).status)
    local pid = pid_of(at)
    local session = process.read(("/proc/%d/stat"):format(pid)):match "%) %u %d+ %d+ (%d+)"
    assert.equal(pid, tonumber(session))
    for fd = 0, 1 do
      local link = assert(io.popen(("readlink /proc/%d/fd/%d"):format(pid, fd)))
      assert.equal("/dev/null", link:read "l")
      link:close()
    end
    stop(at)
  end)

  it("that cannot start says why, once, and fails", function()
    local at = place()
    process.write(at.folder .. "/rules/broken.lua", "return rule {")
    local p = serve(at)
    assert.equal(1, p.status)
    local _, times = p:stderr():gsub("event=failed", "")
    assert.equal(1, times)
    assert.matches("broken%.lua:1", p:stderr())
    assert.equal("", process.read(at.pid_file))
  end)

  it("that finds its port taken fails: it was never ready", function()
    local first = place()
    local p = serve(first)
    local second = place { port = tonumber(p:stderr():match "port=(%d+)") }
    local other = serve(second)
    assert.equal(1, other.status)
    assert.matches("in use", other:stderr())
    stop(first)
  end)

  it("passes on with what status its child ended", function()
    local at = place()
    assert.equal(2, serve(at, "--loud").status)
    assert.equal(1, serve(at, "--set", "log.level='loud'").status)
  end)

  it("does not send documents to a standard output that nobody sees", function()
    local at = place { output = "stdout" }
    local p = serve(at)
    assert.equal(1, p.status)
    assert.matches("auditrecv%.lua:3: output%.type: in the background", p:stderr())
  end)
end)

describe("a pid file", function()
  it("holds the number of the process while it runs, and is gone behind it", function()
    local at = place()
    assert.equal(0, serve(at).status)
    assert.matches("auditrecv", process.read(("/proc/%d/cmdline"):format(pid_of(at))))
    stop(at)
    assert.is_nil(io.open(at.pid_file))
  end)

  it("of a process that runs refuses a second one, and stays as it is", function()
    local at = place()
    assert.equal(0, serve(at).status)
    local pid = pid_of(at)
    local p = serve(at)
    assert.equal(1, p.status)
    assert.matches(("process %d already runs"):format(pid), p:stderr())
    assert.equal(pid, pid_of(at))
    stop(at)
  end)

  it("that a crash left behind is taken over", function()
    local at = place()
    assert.equal(0, serve(at).status)
    local crashed = pid_of(at)
    process.signal.kill(crashed, process.signal.SIGKILL)
    process.until_true("its end", function() return is_gone(crashed) end)
    assert.equal(crashed, pid_of(at))
    local p = serve(at)
    assert.equal(0, p.status, p:stderr())
    assert.not_equal(crashed, pid_of(at))
    stop(at)
  end)

  it("is written in the foreground too", function()
    local at = place()
    local p = process.start(at.folder, "serve", { daemon.program, "serve", "--pid-file", at.pid_file, "-c", at.file })
    p:line_with "event=ready"
    assert.equal(p.pid, pid_of(at))
    assert.equal(0, p:terminate())
  end)

  it("that is a symbolic link is not followed", function()
    local at = place()
    process.write(at.folder .. "/precious", "precious")
    os.execute(("ln -s precious '%s'"):format(at.pid_file))
    assert.equal(1, serve(at).status)
    assert.equal("precious", process.read(at.folder .. "/precious"))
  end)
end)
