local journal = require "core.journal"
local a_journal = require "spec.support.a_journal"

describe("core.journal", function()
  local disk, j

  before_each(function() disk = journal.disk(1) end)
  after_each(function() if j then j:close() end j = nil end)

  it("gives back what was appended, byte for byte", function()
    j = a_journal.open(disk)
    local appended = {}
    for i, case in ipairs {
      { bytes = "" }, { bytes = ("\0"):rep(1000) }, { bytes = "cut", full_size = 1 << 40 },
      { bytes = "with a note", note = '{"reason":"x"}' }, { bytes = "", note = "only a note" },
      { bytes = "cut, with a note", full_size = 99, note = "{}" }, { bytes = ("large"):rep(200000) },
      { bytes = "nobody", name = "", from = "", host = "", principal = "", group = "" },
      { bytes = "numbers", sequence = -1, received = math.mininteger },
    } do
      local e = a_journal.record(i, nil, case)
      e.number = j:append(e)
      e.full_size, e.note = e.full_size or #e.bytes, e.note or ""
      appended[i] = e
    end
    assert.is_true(j:settle())
    assert.same(appended, (a_journal.all(j, 1)))
    assert.same(appended, (a_journal.read("journal", disk)))
    j:close()
    j = a_journal.open(disk)
    assert.same(appended, (a_journal.all(j, 1)))
  end)

  it("goes on counting where it was", function()
    j = a_journal.open(disk)
    a_journal.fill(j, 1, 10)
    j:settle()
    j:move(5)
    j:close()
    j = a_journal.open(disk)
    assert.same({ 11, 11, 5 }, { j:next(), (j:stored()), j:cursor() })
    assert.equal(11, (a_journal.fill(j, 11, 11)))
    j:settle()
    assert.equal(11, a_journal.count(a_journal.all(j, 1)))
  end)

  it("writes at the close what was not written yet", function()
    j = a_journal.open(disk)
    a_journal.fill(j, 1, 500)
    j:close()
    j = a_journal.open(disk)
    assert.equal(500, a_journal.count(a_journal.all(j, 1)))
  end)

  it("begins new segments, and reads across them", function()
    j = a_journal.open(disk)
    for i = 1, 20 do
      a_journal.fill(j, i * 50 - 49, i * 50)
      j:settle()
    end
    assert.is_true(#a_journal.segments(disk) > 5)
    assert.equal(1000, a_journal.count(a_journal.all(j, 1, 1000)))
    assert.equal(500, a_journal.count(a_journal.all(j, 501)))
    assert.same({ {}, 1001 }, { j:fetch(1001) })
    assert.equal(j:counters().segments, #a_journal.segments(disk))
  end)

  it("covers with one sync what came while the last one ran", function()
    j = a_journal.open(disk, { segment_bytes = 1 << 20 })
    a_journal.fill(j, 1, 1000)
    j:settle()
    assert.equal(1, j:counters().syncs)
    a_journal.fill(j, 1, 1000)
    j:settle()
    assert.equal(2, j:counters().syncs)
  end)

  it("tells by itself what is stored", function()
    j = a_journal.open(disk)
    a_journal.fill(j, 1, 7)
    assert.same({ 1, 0 }, { j:stored() })
    j:settle()
    assert.same({ 8, 8 }, { j:stored() })
  end)

  it("takes no more than its memory", function()
    j = a_journal.open(disk, { max_memory = 1 << 20 })
    local taken = 0
    while taken < 10000 and j:append(a_journal.record(taken, 1000)) do taken = taken + 1 end
    assert.is_true(taken > 500 and taken < 1000)
    j:settle()
    assert.is_truthy(j:append(a_journal.record(1)))
  end)

  it("takes one that is larger than its memory when nothing else waits", function()
    j = a_journal.open(disk, { max_memory = 65536 })
    assert.is_truthy(j:append(a_journal.record(1, 300000)))
    assert.is_nil(j:append(a_journal.record(2)))
    assert.is_true(j:settle())
    assert.equal(300000, #a_journal.all(j, 1)[1].bytes)
  end)

  it("knows how old the oldest record without a fate is", function()
    j = a_journal.open(disk)
    assert.equal(0, j:oldest())
    for i = 1, 10 do j:append(a_journal.record(i, 50, { received = i * 1000000000 })) end
    assert.equal(1000000000, j:oldest())
    j:settle()
    j:move(4)
    assert.equal(4000000000, j:oldest())
    j:close()
    j = a_journal.open(disk)
    assert.equal(4000000000, j:oldest())
    j:move(11)
    assert.equal(0, j:oldest())
  end)

  it("moves the cursor when a record with a fate is stored", function()
    j = a_journal.open(disk)
    a_journal.fill(j, 1, 3)
    j:move(3)
    assert.equal(1, j:cursor())
    j:settle()
    assert.equal(3, j:cursor())
    j:move(2)
    assert.equal(3, j:cursor())
  end)

  it("is refused to a second one", function()
    j = a_journal.open(disk)
    local second, why = journal.open { disk = disk, directory = "journal" }
    assert.is_nil(second)
    assert.equal("journal journal: another auditrecv uses it", why)
  end)

  it("has many senders", function()
    j = a_journal.open(disk, { segment_bytes = 1 << 20 })
    for i = 1, 3000 do j:append(a_journal.record(i, 50, { name = "sender " .. i % 1000 })) end
    j:settle()
    for i, e in pairs(a_journal.all(j, 1)) do assert.equal("sender " .. i % 1000, e.name) end
  end)
end)
