-- The filter of system calls: what it refuses, and that a receiver runs behind it, as in all other stories.
local confined = require "core.confined"
local daemon = require "spec.support.daemon"
local elasticsearch = require "spec.support.elasticsearch"
local kdc = require "spec.support.kdc"
local process = require "spec.support.process"
local shell = require "spec.support.shell"
local data = require "spec.support.triton_data"
local triton = require "spec.support.triton"

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

  -- Runs a receiver under strace and sends it a trail twice, with a reload; then looks at every call behind the filter.
  local function trace(settings, options)
    local folder = process.folder()
    local file = folder .. "/trace"
    process.mkdir(folder .. "/rules")
    options = options or {}
    local d = daemon.start { folder = folder, under = { "strace", "-D", "-f", "-o", file }, settings = settings(folder),
      env = options.env, rules = { ["triton.lua"] = process.read "rules/triton.lua", ["fails.lua"] = [[
        local rule = require "auditrecv.rule"
        return rule { name = "fails", about = "makes a dead letter", phase = "redact", when = { event = "ssh" },
          apply = function() error "no" end }]], ["loops.lua"] = [[
        local rule = require "auditrecv.rule"
        return rule { name = "loops", about = "is stopped", when = { event = "stat" },
          apply = function() while true do end end }]] } }
    local trail = process.write(folder .. "/trail", require "spec.support.bsm_build".trail {
      a_record.bytes { event = "ssh" }, a_record.bytes { event = "stat" }, a_record.bytes { event = "rename" },
      options.record })
    local argv = { "send", "--to", (options.host or "127.0.0.1") .. ":" .. d.port, "--mech", options.mech or "dummy",
      "--attempts", "2" }
    for turn = 1, 2 do
      local sent = daemon.run(folder, table.move({ "--sequence", 10 * turn, trail }, 1, 3, #argv + 1,
        table.move(argv, 1, #argv, 1, {})), { env = options.env })
      assert.equal(0, sent.status, sent:stderr())
      d:reload()
      d:logged "event=reloaded"
    end
    assert.equal(0, d:stop())
    local calls = 0
    for line in process.read(file):match "SECCOMP_FILTER_FLAG_TSYNC.-, {len.*$":gmatch "[^\n]+" do
      calls = calls + 1
      -- The library takes clone() when there is no clone3().
      if not line:find " clone3" and not line:find " rt_sigreturn" then
        assert(not line:find " = %-1 ENOSYS" and not line:find " = %-1 EPERM", line)
      end
    end
    assert(calls > 50, "the trace is empty")
  end

  local no_trace = without or not shell.has "strace" and "strace is not installed"
    or select(2, shell.said "strace -o /dev/null true") ~= 0 and "nothing may be traced here"

  it("none of the calls is refused that the receiver makes itself: to a file, with a journal", function()
    if no_trace then pending(no_trace) return end
    trace(function(folder) return { journal = { directory = folder .. "/journal" } } end)
  end)

  it("none is refused to a server either, by name, compressed", function()
    if no_trace then pending(no_trace) return end
    local es = elasticsearch.start()
    trace(function()
      return { output = { type = "elasticsearch", urls = { (es.url:gsub("127%.0%.0%.1", "localhost")) }, gzip = true } }
    end)
    es:stop()
  end)

  it("none is refused to lookups: services by name, a file, and a cache that is kept", function()
    if no_trace then pending(no_trace) return end
    local services = triton.start()
    trace(function(folder)
      local file = process.write(folder .. "/zones.json", [[{ "web": { "zonename": "web", "alias": "shop" } }]])
      return { lookups = { cache_file = folder .. "/cache", services = {
        { name = "vmapi", url = (services.url.vmapi:gsub("127%.0%.0%.1", "localhost")) },
        { name = "mahi", url = services.url.mahi }, { name = "zones", file = file },
      } } }
    end, { record = a_record.bytes { event = "rename", zonename = data.WEB } })
    assert(services:count "mahi" > 0, "nobody was asked whose zone it is")
    services:stop()
  end)

  it("none is refused to Kerberos", function()
    if no_trace then pending(no_trace) return end
    local realm = kdc.start()
    realm:principal("audit/localhost", "host/db1.example.net")
    local keytab = realm:keytab("audit.keytab", "audit/localhost")
    local env = {}
    for name, value in pairs(realm.env) do env[name] = value end
    env.KRB5CCNAME = realm:ticket("cache", "host/db1.example.net")
    trace(function()
      return { kerberos = { keytab = keytab }, listen = { { address = "127.0.0.1", port = 0,
        mechanisms = { "kerberos_v5" }, principals = { "host/*.example.net@EXAMPLE.NET" } } } }
    end, { env = env, mech = "kerberos_v5", host = "localhost" })
    realm:stop()
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
