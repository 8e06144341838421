local journal = require "core.journal"
local a_journal = require "spec.support.a_journal"

-- What lies behind the cursor is the archive.
describe("core.journal's archive", function()
  local disk, j

  before_each(function() disk = journal.disk(1) end)
  after_each(function() j:close() end)

  local function fill(from, to)
    for first = from, to, 50 do
      a_journal.fill(j, first, first + 49, 400)
      j:settle()
    end
  end

  -- Lets the journal's own housekeeping happen until that is so.
  local function until_so(condition)
    for _ = 1, 100 do
      if condition() then return true end
      j:turn(0.1)
    end
  end

  it("is not kept when nobody asked for it", function()
    j = a_journal.open(disk)
    fill(1, 500)
    j:move(501)
    assert.is_true(until_so(function() return #a_journal.segments(disk) == 1 end))
    assert.same({ 1, 0 }, { j:counters().segments, j:counters().damaged })
  end)

  it("leaves nothing missing when the power goes after it went", function()
    for seed = 1, 5 do
      disk = journal.disk(seed)
      j = a_journal.open(disk)
      fill(1, 300)
      j:move(250)
      assert.is_true(until_so(function() return j:counters().expired > 0 end))
      disk:off()
      j:close()
      disk:power_cut()
      j = a_journal.open(disk)
      assert.same({ 250, 0 }, { j:cursor(), j:counters().damaged })
      if seed < 5 then j:close() end
    end
  end)

  it("goes whole when nothing has come for long", function()
    j = a_journal.open(disk)
    fill(1, 100)
    j:move(101)
    j:close()
    j = a_journal.open(disk) -- by now, its records are years old
    assert.is_true(until_so(function() return #a_journal.segments(disk) == 0 end))
    assert.equal(0, j:counters().disk_bytes)
    fill(101, 150)
    assert.equal(50, a_journal.count(a_journal.all(j, 1)))
    j:close()
    j = a_journal.open(disk)
    assert.same({ 151, 0 }, { j:next(), j:counters().damaged })
  end)

  it("leaves nothing missing when the end comes while it goes", function()
    j = a_journal.open(disk, { max_bytes = 100000 })
    a_journal.fill(j, 1, 400, 400)
    j:stall(1)
    assert.equal("limit", j:counters().stalled)
    j:move((j:stored()))
    os.execute "sleep 0.1" -- the cursor is written,
    j:turn(0) -- segments behind it begin to go
    os.execute "sleep 0.1"
    j:close()
    assert.is_true(tonumber(a_journal.segments(disk)[1]:match "^%d+") > 1)
    j = a_journal.open(disk)
    assert.equal(0, j:counters().damaged)
  end)

  it("is kept as long as was asked", function()
    j = a_journal.open(disk, { keep_for = 3600 })
    fill(1, 500)
    j:move(501)
    j:turn(1.3)
    assert.equal(500, a_journal.count(a_journal.all(j, 1)))
    assert.equal(0, j:counters().expired)
  end)

  it("is kept up to a size", function()
    j = a_journal.open(disk, { keep_for = 3600, keep_bytes = 60000 })
    fill(1, 500)
    local before = j:counters().disk_bytes
    j:move(401)
    assert.is_true(until_so(function() return j:counters().expired > 0 end))
    j:turn(1.1)
    local found = a_journal.all(j, 1)
    for number = 401, 500 do assert.is_truthy(found[number]) end
    assert.is_true(before > 200000 and j:counters().disk_bytes < 130000)
  end)

  it("never goes beyond the cursor", function()
    j = a_journal.open(disk)
    fill(1, 500)
    j:move(250)
    assert.is_true(until_so(function() return j:counters().expired > 0 end))
    j:turn(1.1)
    local found = a_journal.all(j, 1)
    for number = 250, 500 do assert.is_truthy(found[number]) end
    j:close()
    j = a_journal.open(disk)
    assert.same({ 250, 0 }, { j:cursor(), j:counters().damaged })
  end)

  it("gives way to new records when the journal has its largest size", function()
    j = a_journal.open(disk, { keep_for = 3600, max_bytes = 100000 })
    for first = 1, 2000, 50 do
      a_journal.fill(j, first, first + 49, 400)
      assert.is_true(j:settle())
      j:move((j:stored()))
    end
    assert.same({}, j:stalls())
    assert.is_true(j:counters().disk_bytes <= 100000 and j:counters().disk_bytes > 50000)
  end)

  it("gives way when the disk has only its reserve left", function()
    disk:room(120000)
    j = a_journal.open(disk, { keep_for = 3600, reserve = 20000 })
    for first = 1, 2000, 50 do
      a_journal.fill(j, first, first + 49, 400)
      assert.is_true(j:settle())
      j:move((j:stored()))
    end
    assert.is_true(j:counters().expired > 0)
  end)

  it("loses a segment of which everything was deleted", function()
    j = a_journal.open(disk, { keep_for = 3600 })
    fill(1, 200)
    j:move(201)
    local names, numbers = a_journal.segments(disk), {}
    for number = 1, tonumber(names[2]:match "^%d+") - 1 do numbers[#numbers + 1] = number end
    assert.is_true(journal.forget("journal", numbers, disk))
    j:close()
    j = a_journal.open(disk, { keep_for = 3600 })
    assert.is_true(until_so(function() return j:counters().expired == 1 end))
    assert.is_nil(disk:files()[names[1]])
  end)

  it("forgets which entries were deleted when they are gone anyway", function()
    j = a_journal.open(disk)
    fill(1, 300)
    j:move(250)
    assert.is_true(until_so(function() return j:counters().expired > 0 end))
    local first = tonumber(a_journal.segments(disk)[1]:match "^%d+")
    local old = {}
    for i = 1, 5000 do old[i] = (i - 1) % (first - 1) + 1 end
    assert.is_true(journal.forget("journal", { 260, 300 }, disk))
    assert.is_true(journal.forget("journal", old, disk))
    assert.is_true(journal.forget("journal", { 270 }, disk))
    j:close()
    -- Whatever call it fails at, what was deleted stays deleted.
    local whole = disk:files().gone
    for left = 1, 16 do
      disk:put("gone", whole)
      disk:power_left(left)
      local dying = journal.open { disk = disk, directory = "journal", keep_for = 1e6 }
      disk:off()
      if dying then dying:close() end
      disk:power_cut()
      j = a_journal.open(disk, { keep_for = 1e6 })
      local found = a_journal.all(j, 1)
      assert.same({}, { found[260], found[270], found[300] })
      assert.is_truthy(found[261] and found[299])
      j:close()
    end
    j = a_journal.open(disk, { keep_for = 1e6 })
    assert.equal(36, #disk:files().gone)
  end)

  it("gives no number again of which it is said that its entry was deleted", function()
    j = a_journal.open(disk)
    fill(1, 100)
    disk:off() -- a kill: the cursor does not say how far we came
    j:close()
    disk:on()
    assert.is_true(journal.forget("journal", { 100 }, disk))
    local names = a_journal.segments(disk)
    disk:put(names[#names], nil)
    j = a_journal.open(disk)
    local first = j:next()
    fill(101, 200)
    local found = a_journal.all(j, first)
    assert.equal(100, a_journal.count(found))
  end)

  it("has gaps in its numbers only where it must", function()
    j = a_journal.open(disk)
    fill(1, 500)
    j:move(501)
    until_so(function() return #a_journal.segments(disk) == 1 end)
    j:close()
    for name in pairs(disk:files()) do if name:find "journal$" then disk:put(name, nil) end end
    j = a_journal.open(disk)
    assert.equal(501, j:next())
  end)
end)
