local journal = require "core.journal"
local a_journal = require "spec.support.a_journal"

-- A disk that refuses: nothing is reported stored that may not be on it, and it goes on by itself.
describe("core.journal on a disk that refuses", function()
  local disk, j

  before_each(function() disk = journal.disk(1) end)
  after_each(function() if j then j:close() end j = nil end)

  -- Cuts the power and looks whether everything that was reported stored is there.
  local function is_safe(below)
    local kept = j:next()
    disk:off()
    j:close()
    disk:power_cut()
    j = a_journal.open(disk)
    local found = a_journal.all(j, 1)
    for number = 1, below - 1 do
      assert.is_truthy(found[number], ("entry %d of %d is lost"):format(number, below - 1))
      assert.equal(a_journal.record(number).bytes, found[number].bytes)
    end
    for number in pairs(found) do assert.is_true(number < kept) end
  end

  local failures = {
    { "write", "EIO" }, { "write", "ENOSPC" }, { "write", "EINTR" }, { "write", "short" },
    { "sync", "EIO" }, { "sync", "ENOSPC" }, { "sync", "EINTR" },
    { "open", "EIO" }, { "open", "ENOSPC" }, { "unlink", "EIO" }, { "cut", "EIO" },
    { "rename", "EIO" }, { "read", "EINTR" }, { "read", "short" },
  }

  for _, failure in ipairs(failures) do
    local call, how = failure[1], failure[2]

    it(("goes on after each %s that ends with %s"):format(call, how), function()
      for after = 0, 18 do
        disk = journal.disk(after + 1)
        disk:fail(call, how, after)
        j = journal.open { disk = disk, directory = "journal", segment_bytes = 16384 }
        if not j then j = a_journal.open(disk) end -- it was the folder's own
        local sequence = 0
        for _ = 1, 8 do
          a_journal.fill(j, sequence + 1, sequence + 40)
          sequence = sequence + 40
          assert.is_true(j:settle(20))
        end
        is_safe((j:stored()))
        j:close()
        j = nil
      end
    end)
  end

  it("reports nothing stored while syncs fail, and everything when they do no more", function()
    j = a_journal.open(disk)
    a_journal.fill(j, 1, 10)
    j:settle()
    disk:fail("sync", "EIO", 0, 1000)
    a_journal.fill(j, 11, 20)
    assert.is_true(j:stall())
    assert.same({ 11, 11 }, { j:stored() })
    assert.equal("fault", j:counters().stalled)
    disk:fail("sync", "EIO", 0, 0)
    assert.is_true(j:settle())
    assert.same({ "fault", "goes on" }, j:stalls())
    is_safe(21)
  end)

  it("never trusts what a failed sync was about: it goes on in another segment", function()
    j = a_journal.open(disk)
    a_journal.fill(j, 1, 10)
    j:settle()
    disk:fail("sync", "EIO")
    a_journal.fill(j, 11, 20)
    assert.is_true(j:settle())
    assert.equal(2, #a_journal.segments(disk))
    is_safe(21)
  end)

  it("reads nothing twice when it could not tidy up either", function()
    j = a_journal.open(disk, { keep_for = 1e6 })
    a_journal.fill(j, 1, 10)
    j:settle()
    disk:fail("sync", "EIO")
    disk:fail("cut", "EIO")
    a_journal.fill(j, 11, 20)
    assert.is_true(j:settle())
    for _ = 1, 2 do
      assert.equal(20, a_journal.count(a_journal.all(j, 1)))
      assert.equal(20, a_journal.count(a_journal.read("journal", disk)))
      j:close()
      j = a_journal.open(disk, { keep_for = 1e6 })
    end
    j:close()
    -- The same where what was not stored is no entry; the next segment knows where it begins.
    local names, files = a_journal.segments(disk), disk:files()
    disk:put(names[1], files[names[1]]:sub(1, (">I8"):unpack(files[names[2]], 57)) .. ("?"):rep(500))
    j = a_journal.open(disk, { keep_for = 1e6 })
    local found, damage = a_journal.read("journal", disk)
    assert.same({ 20, {} }, { a_journal.count(found), damage })
    assert.equal(20, a_journal.count(a_journal.all(j, 1)))
    assert.equal(0, j:counters().damaged)
  end)

  it("leaves no files behind where it could store nothing", function()
    j = a_journal.open(disk)
    disk:fail("sync", "EIO", 0, 8)
    a_journal.fill(j, 1, 10)
    assert.is_true(j:settle())
    assert.equal(1, #a_journal.segments(disk))
  end)

  it("goes on beside files that it could not remove", function()
    j = a_journal.open(disk)
    disk:fail("sync", "EIO", 0, 1)
    a_journal.fill(j, 1, 5)
    j:stall()
    disk:fail("unlink", "EIO", 0, 100)
    assert.is_true(j:settle())
    is_safe(6)
    a_journal.fill(j, 6, 9)
    j:settle()
    is_safe(10)
  end)

  it("says that the disk is full, and goes on when it is not", function()
    j = a_journal.open(disk)
    disk:room(2000)
    a_journal.fill(j, 1, 100)
    assert.is_true(j:stall())
    assert.same({ "full" }, j:stalls())
    disk:room(1 << 30)
    assert.is_true(j:settle())
    assert.same({ "full", "goes on" }, j:stalls())
    is_safe(101)
  end)

  it("leaves the reserve to others", function()
    disk:room(1000000)
    j = a_journal.open(disk, { reserve = 990000 })
    a_journal.fill(j, 1, 200)
    assert.is_true(j:stall())
    assert.equal("full", j:counters().stalled)
    assert.is_true(j:counters().disk_bytes <= 10000)
    assert.is_true((j:stored()) > 1)
  end)

  it("never grows beyond its limit", function()
    j = a_journal.open(disk, { max_bytes = 65536 })
    a_journal.fill(j, 1, 2000)
    assert.is_true(j:stall())
    assert.same({ "limit" }, j:stalls())
    assert.is_true(j:counters().disk_bytes <= 65536)
    local bytes = 0
    for _, content in pairs(disk:files()) do bytes = bytes + #content end
    assert.is_true(bytes < 65536 + 10000)
    -- What has its fate makes room.
    repeat
      j:move((j:stored()))
    until j:settle(0.2)
    assert.same({ "limit", "goes on" }, { j:stalls()[1], j:stalls()[2] })
    assert.is_true(j:counters().expired > 0)
  end)

  it("asks again for what could not be read", function()
    j = a_journal.open(disk)
    a_journal.fill(j, 1, 10)
    j:settle()
    for _, call in ipairs { "open", "read" } do
      disk:fail(call, "EIO", call == "open" and 1 or 0, 1) -- the list of deleted entries is opened before
      assert.same({ {}, 1 }, { j:fetch(1) })
      assert.equal(10, #j:fetch(1))
    end
    assert.equal(0, j:counters().damaged)
  end)

  it("leaves alone what cannot be read when it starts", function()
    j = a_journal.open(disk, { keep_for = 1e6 })
    for i = 1, 5 do
      a_journal.fill(j, i * 60 - 59, i * 60)
      j:settle()
    end
    j:close()
    local files = disk:files()
    for _, call in ipairs { "open", "read" } do
      for after = 0, 12 do
        disk:fail(call, "EIO", after)
        j = journal.open { disk = disk, directory = "journal", keep_for = 1e6 }
        if j then j:close() end
      end
    end
    disk:on()
    j = a_journal.open(disk, { keep_for = 1e6 })
    assert.equal(300, a_journal.count(a_journal.all(j, 1)))
    for name, bytes in pairs(files) do
      if name:find "journal$" then assert.equal(bytes, disk:files()[name]) end
    end
  end)

  it("opens on a disk that takes nothing", function()
    j = a_journal.open(disk)
    a_journal.fill(j, 1, 10)
    j:settle()
    j:close()
    for _, call in ipairs { "write", "sync", "cut", "unlink", "rename" } do
      disk:fail(call, "EROFS", 0, 1000)
      j = a_journal.open(disk)
      assert.equal(10, a_journal.count(a_journal.all(j, 1)))
      j:close()
    end
    disk:on()
  end)

  it("does not take for stored what an earlier program could not sync", function()
    j = a_journal.open(disk)
    a_journal.fill(j, 1, 10)
    j:settle()
    disk:fail("sync", "EIO", 0, 1000)
    disk:power_left(3) -- it writes, syncs in vain, and is killed before it can tidy up
    a_journal.fill(j, 11, 20)
    j:stall()
    disk:off()
    j:close()
    disk:on()
    j = a_journal.open(disk)
    is_safe((j:stored()))
  end)

  it("removes nothing before the cursor that allows it is on the disk", function()
    j = a_journal.open(disk)
    for i = 1, 10 do
      a_journal.fill(j, i * 100 - 99, i * 100)
      j:settle()
    end
    disk:fail("write", "EIO", 0, 1000)
    local segments, faults = #a_journal.segments(disk), j:counters().write_faults
    j:move(1001)
    local function until_so(condition)
      for _ = 1, 100 do
        if condition() then return true end
        j:turn(0.1)
      end
    end
    assert.is_true(until_so(function() return j:counters().write_faults > faults end))
    assert.same({ 0, segments }, { j:counters().expired, #a_journal.segments(disk) })
    disk:fail("write", "EIO", 0, 0)
    assert.is_true(until_so(function() return j:counters().expired == segments - 1 end))
    assert.equal(1, #a_journal.segments(disk))
  end)
end)
