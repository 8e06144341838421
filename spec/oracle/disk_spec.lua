-- The disk: nothing is acknowledged before it is there, and a disk that fails costs acknowledgements, never records.
local oracle = require "spec.oracle.oracle"
local process = require "spec.support.process"

local rounds = oracle.rounds

describe("the disk", function()
  local o, folder

  before_each(function()
    folder = process.folder()
    process.mkdir(folder .. "/rules")
  end)

  after_each(oracle.clean)

  local function start(settings)
    return o:daemon { folder = folder, settings = settings, env = { LD_PRELOAD = oracle.disk,
      DISK_JOURNAL = folder .. "/journal", DISK_FAIL = folder .. "/fail", DISK_FAULTS = folder .. "/faults" } }
  end

  -- What the watcher of the disk says at the end: acknowledgements that it saw, and those that were too early.
  local function watched()
    local text = process.read(folder .. "/faults")
    local seen, faults = text:match "seen=(%d+) faults=(%d+)"
    assert(seen, "it said nothing: " .. text)
    return tonumber(seen), tonumber(faults), text
  end

  it("has every record before its acknowledgement leaves", function()
    o = oracle.start(10, 100, "wait")
    local d = start()
    o:tell("to", d.port)
    o:tell("rate", 10000)
    process.sleep(rounds(2))
    o:tell("rate", 0)
    local last = o:settled()
    assert.equal(0, (d:stop()))
    local seen, faults, text = watched()
    assert.equal(0, faults, text)
    assert.equal(last.acked, seen)
  end)

  it("has the name of a journal that was just made, before anything else", function()
    if not os.execute(("strace -o %s/none true 2>/dev/null"):format(folder)) then
      pending "strace is not installed, or may not trace"
    end
    o = oracle.start(1, 100, "wait")
    local d = o:daemon { folder = folder, under = { "strace", "-D", "-f", "-y", "-o", folder .. "/trace",
      "-e", "trace=mkdirat,fsync" } }
    assert.equal(0, (d:stop()))
    local trace = process.read(folder .. "/trace")
    local _, made = trace:find(('"%s/journal", 0700) = 0'):format(folder), 1, true)
    assert(made, trace)
    assert.truthy(trace:find("fsync%(%d+<" .. folder:gsub("%p", "%%%0") .. ">%) += 0", made), trace)
  end)

  for _, case in ipairs { { "space", "full" }, { "write", "fault" }, { "sync", "fault" }, { "short" } } do
    it("that fails (" .. case[1] .. ") costs no record, and nothing is acknowledged meanwhile", function()
      o = oracle.start(5, 100, "wait")
      local d = start()
      o:tell("to", d.port)
      o:tell("rate", 2000)
      for _ = 1, rounds(1) do
        process.sleep(0.3)
        process.write(folder .. "/fail", case[1])
        if case[2] then
          assert.matches("reason=" .. case[2], d:logged "event=journal_stalled", 1, true)
          process.sleep(0.2)
          local before = o:report()
          process.sleep(0.3)
          local after = o:report()
          assert.equal(before.acked, after.acked)
          assert.equal(5 * 100, after.outstanding)
        else
          process.sleep(0.3)
        end
        os.remove(folder .. "/fail")
      end
      process.sleep(0.2)
      o:tell("rate", 0)
      local last = o:settled()
      assert.equal(5, last.connections)
      oracle.idle(d)
      local status, counts = d:stop()
      assert.equal(0, status, d:log())
      assert.equal(last.put, counts.indexed)
      local _, faults, text = watched()
      assert.equal(0, faults, text)
    end)
  end

  it("that fails while the receiver is killed loses nothing that was acknowledged", function()
    o = oracle.start(5, 100, "wait")
    local d = start()
    o:tell("to", d.port)
    o:tell("rate", 3000)
    for round = 1, rounds(3) do
      process.sleep(0.2)
      process.write(folder .. "/fail", ({ "sync", "space", "write" })[round % 3 + 1])
      process.sleep(0.2)
      d:kill()
      os.remove(folder .. "/fail")
      d = d.again()
    end
    o:tell("rate", 0)
    o:settled()
    assert.equal(0, (d:stop()))
  end)
end)
