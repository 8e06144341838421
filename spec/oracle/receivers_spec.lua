-- Several receivers, and what the numbers of records tell about those that never came.
local oracle = require "spec.oracle.oracle"
local process = require "spec.support.process"

local rounds = oracle.rounds

describe("two receivers", function()
  after_each(oracle.clean)

  it("between which a sender goes to and fro make no document twice, and miss none", function()
    local o = oracle.start(4, 100, "wait")
    local one, two = o:daemon(), o:daemon()
    o:tell("to", one.port, two.port)
    o:tell("rate", 2000)
    local times = rounds(10)
    for i = 1, times do
      process.sleep(0.1)
      local before = o:report().connections
      o:tell("fail", i % 4)
      process.until_true("another connection", function() return o:report().connections > before end)
    end
    o:tell("rate", 0)
    local last = o:settled()
    assert.is_true(last.connections >= 4 + times, last.connections)
    assert.equal(last.put, last.stored)
    local _, counts = one:stop()
    local _, more = two:stop()
    assert.is_true(counts.received > 0 and more.received > 0)
    -- one's numbers alone say only what was not seen here; both together say that nothing is missing
    assert.is_true(counts.received + more.received >= last.put)
  end)

  it("of which one is killed are one receiver to the index", function()
    local o = oracle.start(4, 100, "wait")
    local one, two = o:daemon(), o:daemon()
    o:tell("to", one.port, two.port)
    o:tell("rate", 2000)
    process.sleep(0.5)
    one:kill()
    process.sleep(0.5)
    one = one.again()
    two:kill()
    process.sleep(0.5)
    two = two.again()
    o:tell("rate", 0)
    local last = o:settled()
    assert.equal(last.put, last.stored)
    one:stop()
    two:stop()
  end)
end)

describe("records that never came", function()
  after_each(oracle.clean)

  local function counted(o, d, i)
    local host = o:tell("host", i)
    return host, oracle.senders(d)[host.address]
  end

  it("as a window was full are counted, exactly", function()
    local o = oracle.start(3, 50)
    local d = o:daemon()
    o:tell("to", d.port)
    o:tell("rate", 1500)
    process.sleep(0.3)
    for _ = 1, rounds(2) do
      d.process:kill(process.signal.SIGSTOP)
      process.sleep(0.3)
      d.process:kill(process.signal.SIGCONT)
      process.sleep(0.3)
    end
    o:tell("rate", 0)
    o:settled()
    for i = 0, 2 do
      local host, s = counted(o, d, i)
      assert.is_true(host.lost > 10, host.lost)
      assert.same({ host.lost, 0, 0, host.put }, { s.missing, s.kernel_missing, s.restarts, s.received })
    end
    assert.equal(0, (d:stop()))
  end)

  it("to auditd are counted by the numbers of the kernel, exactly, and apart", function()
    local o = oracle.start(3, 100, "wait")
    local d = o:daemon()
    o:tell("to", d.port)
    o:tell("rate", 1500)
    for i = 1, 6 do
      process.sleep(0.1)
      o:tell("skip", i % 3, 100 + i)
    end
    process.sleep(0.2)
    o:tell("rate", 0)
    local last = o:settled()
    assert.equal(0, last.lost)
    for i = 0, 2 do
      local host, s = counted(o, d, i)
      assert.same({ 0, host.kernel - host.last }, { s.missing, s.kernel_missing })
      assert.is_true(s.kernel_missing > 200)
    end
    assert.matches("its kernel counted", d:logged "event=records_missing_in_kernel", 1, true)
    assert.equal(0, (d:stop()))
  end)

  it("while the receiver was away are counted when its journal has been read", function()
    local o = oracle.start(2, 50)
    o:tell("store", "down")
    local d = o:daemon()
    o:tell("to", d.port)
    o:tell("rate", 500)
    process.sleep(0.5)
    assert.equal(0, (d:stop()))
    process.sleep(0.02)
    d = d.again()
    process.sleep(0.5)
    o:tell("store", "up")
    o:tell("rate", 0)
    o:settled()
    for i = 0, 1 do
      local host, s = counted(o, d, i)
      assert.equal(host.lost, s.missing)
      assert.is_true(s.recovered > 0)
    end
    assert.equal(0, (d:stop()))
  end)
end)

describe("a sender that is loud", function()
  after_each(oracle.clean)

  it("does not hold up the records of quiet ones", function()
    local o = oracle.start(6, 1000, "wait")
    o:tell("delay", 0.05) -- the index is what is slow
    local d = o:daemon()
    o:tell("to", d.port)
    o:tell("rate", 100)
    o:tell("loud", 0, 10000)
    process.sleep(rounds(2))
    local loud, quiet = o:tell("host", 0), o:tell("host", 3)
    assert.is_true(quiet.put - quiet.stored < 50, quiet.put - quiet.stored)
    assert.is_true(loud.put > 1000)
    o:tell("loud", 0, 0)
    o:tell("rate", 0)
    o:settled()
    assert.equal(0, (d:stop()))
  end)
end)
