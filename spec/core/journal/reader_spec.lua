local journal = require "core.journal"
local a_journal = require "spec.support.a_journal"

describe("core.journal read by others", function()
  local disk, j, r

  before_each(function()
    disk = journal.disk(1)
    j = a_journal.open(disk, { keep_for = 1e6 })
  end)
  after_each(function()
    if r then r:close() end
    r = nil
    j:close()
  end)

  local function fill(from, to)
    for first = from, to, 50 do
      a_journal.fill(j, first, math.min(first + 49, to), 400)
      j:settle()
    end
  end

  -- The numbers up to the end, or up to damage.
  local function numbers()
    local list = {}
    while true do
      local kind, e = r:next()
      if kind ~= "entry" then return list, kind end
      list[#list + 1] = e.number
    end
  end

  it("follows what is written meanwhile, across segments", function()
    r = assert(journal.reader("journal", disk))
    assert.same({}, numbers())
    local expected = 1
    for _, n in ipairs { 1, 30, 3, 200, 1 } do
      fill(expected, expected + n - 1)
      local list = numbers()
      assert.equal(n, #list)
      for i, number in ipairs(list) do assert.equal(expected + i - 1, number) end
      expected = expected + n
      assert.same({}, numbers())
    end
    assert.is_true(#a_journal.segments(disk) > 3)
  end)

  it("goes to a number", function()
    fill(1, 300)
    r = assert(journal.reader("journal", disk))
    for _, from in ipairs { 1, 2, 150, 299, 300, 301, 7 } do
      r:seek(from)
      local list = numbers()
      assert.same({ 301 - from, from <= 300 and from or nil }, { #list, list[1] })
    end
  end)

  it("tells the segments, the cursor and how far it is", function()
    fill(1, 300)
    j:move(120)
    j:turn(1.3)
    r = assert(journal.reader("journal", disk))
    assert.equal(120, r:cursor())
    local segments = r:segments()
    local expected = 1
    for i, s in ipairs(segments) do
      assert.same({ a_journal.segments(disk)[i], expected }, { s.file, s.first })
      assert.equal(#disk:files()[s.file], s.bytes)
      assert.same({ 1700000000000000000 + s.first, 1700000000000000000 + s.after - 1 }, { s.from, s.to })
      expected = s.after
    end
    assert.equal(301, expected)
    numbers()
    local at, of = r:progress()
    assert.same({ of, j:counters().disk_bytes }, { at, of })
  end)

  it("goes on when segments go while it reads", function()
    fill(1, 300)
    r = assert(journal.reader("journal", disk))
    assert.equal("entry", (r:next()))
    local names = a_journal.segments(disk)
    disk:put(names[2], nil)
    disk:put(names[3], nil)
    local list, kind = numbers()
    assert.equal("damage", kind)
    assert.is_true(#list > 10)
    local rest = numbers()
    assert.same({ tonumber(names[4]:match "^%d+"), 300 }, { rest[1], rest[#rest] })
  end)

  it("takes what goes while it looks for what there is for no damage", function()
    fill(1, 100)
    disk:fail("open", "ENOENT") -- it has its name still, and is not there any more
    r = assert(journal.reader("journal", disk))
    local second = tonumber(a_journal.segments(disk)[2]:match "^%d+")
    local list, kind = numbers()
    assert.same({ "end", second, 100 }, { kind, list[1], list[#list] })
  end)

  it("says when it cannot see what comes next, and then goes on where it was", function()
    fill(1, 100)
    r = assert(journal.reader("journal", disk))
    disk:fail("open", "EIO", #a_journal.segments(disk)) -- behind the last one
    local list, kind = numbers()
    assert.same({ 100, "fault" }, { #list, kind })
    fill(101, 130)
    list, kind = numbers()
    assert.same({ "end", 30, 101 }, { kind, #list, list[1] })
  end)

  it("reports damage and passes it over", function()
    fill(1, 300)
    local name = a_journal.segments(disk)[1]
    local bytes = disk:files()[name]
    disk:put(name, bytes:sub(1, 2000) .. ("?"):rep(500) .. bytes:sub(2501))
    local found, damage = a_journal.read("journal", disk)
    assert.is_true(a_journal.count(found) >= 297 and a_journal.count(found) < 300)
    assert.is_true(#damage >= 1)
    assert.equal(name, damage[1].file)
  end)

  it("passes over what was deleted, from then on", function()
    fill(1, 100)
    assert.is_true(journal.forget("journal", { 7, 50, 50, 100 }, disk))
    for _, found in ipairs { (a_journal.all(j, 1)), (a_journal.read("journal", disk)) } do
      assert.equal(97, a_journal.count(found))
      assert.is_nil(found[7] or found[50] or found[100])
    end
    assert.is_true(journal.forget("journal", { 8 }, disk))
    assert.equal(96, a_journal.count(a_journal.all(j, 1)))
    -- A list that was cut off within a line.
    local list = disk:files().gone
    disk:put("gone", list:sub(1, -5))
    assert.is_true(journal.forget("journal", { 9 }, disk))
    j:close()
    j = a_journal.open(disk, { keep_for = 1e6 })
    local found = a_journal.all(j, 1)
    assert.same({ 96, nil }, { a_journal.count(found), found[9] })
  end)

  it("says when a deletion did not reach the disk", function()
    fill(1, 10)
    disk:fail("sync", "EIO")
    local done, why = journal.forget("journal", { 1 }, disk)
    assert.is_nil(done)
    assert.matches("list of deleted entries", why)
  end)

  it("says that there is no journal", function()
    local none, why = journal.reader("/nowhere/at/all")
    assert.same({ nil, "journal /nowhere/at/all: No such file or directory" }, { none, why })
  end)
end)
