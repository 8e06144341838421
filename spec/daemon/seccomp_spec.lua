-- The filter of system calls: what it refuses, and that a receiver runs behind it, as in all other stories.
local confined = require "core.confined"
local daemon = require "spec.support.daemon"
local process = require "spec.support.process"

local function each_thread(pid, see)
  local ids = assert(io.popen(("ls /proc/%d/task"):format(pid)))
  local threads = 0
  for id in ids:lines() do
    threads = threads + 1
    see(process.read(("/proc/%d/task/%s/status"):format(pid, id)))
  end
  ids:close()
  assert(threads > 0)
  return threads
end

local without = not confined.built_in() and "built without libseccomp"

describe("behind the filter of system calls", function()
  for _, name in ipairs { "execve", "ptrace", "process_vm_readv", "kill", "chown" } do
    it("the kernel refuses what only an intruder would do: " .. name, function()
      if without then pending(without) return end
      assert.equal(confined.EPERM, confined.try(name, true))
      assert.not_equal(confined.EPERM, confined.try(name, false))
    end)
  end

  for _, name in ipairs { "fork", "socket of packets", "mmap of code", "mprotect to code", "prctl of core dumps",
    "setrlimit", "clone3", "ioctl of a terminal" } do
    it("a call is not there whose arguments are not ours: " .. name, function()
      if without then pending(without) return end
      assert.equal(confined.ENOSYS, confined.try(name, true))
      assert.not_equal(confined.ENOSYS, confined.try(name, false))
    end)
  end

  for _, name in ipairs { "thread", "file", "socket of TCP", "timer", "bytes that wait" } do
    it("our own work goes on: " .. name, function()
      assert.equal(0, confined.try(name, true))
    end)
  end

  it("runs the receiver, with every thread of it", function()
    if without then pending(without) return end
    -- a dead letter goes to disk on another thread
    local d = daemon.start { rules = { ["fails.lua"] = [[
      local rule = require "auditrecv.rule"
      return rule { name = "fails", about = "fails", phase = "redact", when = { event = "ssh" },
        apply = function() error "no" end }]] } }
    local trail = process.write(d.folder .. "/trail",
      require "spec.support.bsm_build".trail { a_record.bytes { event = "ssh" } })
    assert.equal(0, daemon.run(d.folder, { "send", "--to", "127.0.0.1:" .. d.port, trail }).status)
    local threads = each_thread(d.process.pid, function(status)
      assert.matches("\nSeccomp:\t2\n", status)
      assert.matches("\nNoNewPrivs:\t1\n", status)
    end)
    assert(threads > 1, "there is only one thread to look at")
    assert.equal(0, d:stop())
  end)

  it("none of the calls that the receiver makes itself is refused", function()
    if without then pending(without) return end
    local folder = process.folder()
    local trace = folder .. "/trace"
    if not os.execute(("strace -o '%s' true 2>/dev/null"):format(trace)) then
      pending "strace is not installed, or may not trace"
      return
    end
    process.mkdir(folder .. "/rules")
    local d = daemon.start { folder = folder, under = { "strace", "-D", "-f", "-o", trace }, rules = { ["a.lua"] = [[
      local rule = require "auditrecv.rule"
      return { rule { name = "fails", about = "fails", phase = "redact", when = { event = "ssh" },
        apply = function() error "no" end }, rule { name = "loops", about = "is stopped", when = { event = "stat" },
        apply = function() while true do end end } }]] } }
    local trail = process.write(folder .. "/trail", require "spec.support.bsm_build".trail {
      a_record.bytes { event = "ssh" }, a_record.bytes { event = "stat" }, a_record.bytes { event = "rename" } })
    for turn = 1, 2 do
      local sent = daemon.run(folder, { "send", "--to", "127.0.0.1:" .. d.port, "--sequence", 10 * turn, trail })
      assert.equal(0, sent.status, sent:stderr())
      d:reload()
      d:logged "event=reloaded"
    end
    assert.equal(0, d:stop())
    local calls = 0
    for line in process.read(trace):match "SECCOMP_FILTER_FLAG_TSYNC.-, {len.*$":gmatch "[^\n]+" do
      calls = calls + 1
      -- The library takes clone() when there is no clone3().
      if not line:find " clone3%(" and not line:find " rt_sigreturn%(" then
        assert(not line:find " = %-1 ENOSYS" and not line:find " = %-1 EPERM", line)
      end
    end
    assert(calls > 50, "the trace is empty")
  end)

  it("runs no receiver that was told to do without", function()
    local d = daemon.start { settings = { service = { seccomp = false } } }
    each_thread(d.process.pid, function(status)
      assert.not_matches("\nSeccomp:\t2\n", status)
      assert.matches("\nNoNewPrivs:\t1\n", status)
    end)
    assert.equal(0, d:stop())
  end)
end)
