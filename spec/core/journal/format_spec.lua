local journal = require "core.journal"
local a_journal = require "spec.support.a_journal"

-- A second reader, written after etc/doc/journal.md and nothing else.
local function crc(bytes, salt) return (journal.crc32c(bytes, salt)) end

local function read_header(file)
  local magic, version, begins, first, attempt, salt, created, cursor, before, ends, before_attempt, rest, sum =
    (">c8 I4 I4 I8 I4 I4 i8 I8 I8 I8 I4 c56 I4"):unpack(file)
  assert.same({ "auditjnl", 1, 256, ("\0"):rep(56) }, { magic, version, begins, rest })
  assert.equal(crc(file:sub(1, 124), 0), sum)
  assert.equal(file:sub(1, 128), file:sub(129, 256))
  return { first = first, attempt = attempt, salt = salt, created = created, cursor = cursor,
    before = before, ends = ends, before_attempt = before_attempt }
end

local function read_segment(file)
  local header = read_header(file)
  local at, senders, records, written = 257, {}, {}, 0
  while at <= #file do
    local head, body, length, kind, flags, sender, relative, sequence, received, from =
      (">I4 I4 I4 I1 I1 I2 I4 i8 i8"):unpack(file, at)
    assert.equal(crc(file:sub(at + 4, at + 35), header.salt), head)
    local bytes = file:sub(from, from + length - 1)
    assert.equal(length, #bytes)
    assert.equal(crc(bytes, header.salt), body)
    if kind == 1 then
      local name, address, host, principal, group = (">s2 s2 s2 s2 s2"):unpack(bytes)
      senders[sender] = { name = name, from = address, host = host, principal = principal, group = group }
      written = written + 1
    else
      local e = { number = header.first + relative, sequence = sequence, received = received, note = "" }
      local note = 0
      at = 1
      if flags & 1 ~= 0 then e.full_size, at = (">I8"):unpack(bytes, at) end
      if flags & 2 ~= 0 then note, at = (">I4"):unpack(bytes, at) end
      e.bytes, e.note = bytes:sub(at, #bytes - note), note > 0 and bytes:sub(-note) or ""
      e.full_size = e.full_size or #e.bytes
      for k, v in pairs(assert(senders[sender])) do e[k] = v end
      records[#records + 1] = e
    end
    at = from + length
  end
  return header, records, written
end

describe("core.journal's format", function()
  local disk, j

  before_each(function()
    disk = journal.disk(1)
    j = a_journal.open(disk, { keep_for = 1e6 })
  end)
  after_each(function() j:close() end)

  it("is what the page about it says", function()
    local appended = {}
    for i, more in ipairs { {}, { note = '{"reason":"x"}' }, { full_size = 1 << 33 }, { bytes = "" },
      { full_size = 1 << 33, note = "{}" }, { sequence = -1 } } do
      local e = a_journal.record(i, 100, more)
      e.number, e.note, e.full_size = j:append(e), e.note or "", e.full_size or #e.bytes
      appended[i] = e
    end
    j:settle()
    local header, records = read_segment(disk:files()["00000000000000000001.journal"])
    assert.same(appended, records)
    assert.same({ 1, 0, 1, 0, 0 }, { header.first, header.attempt, header.cursor, header.before, header.ends })
    assert.is_true(header.salt ~= 0)
  end)

  it("says in each segment what came before", function()
    for i = 1, 10 do
      a_journal.fill(j, i * 50 - 49, i * 50, 500)
      j:settle()
    end
    local before, ends, salts = 0, 0, {}
    for _, name in ipairs(a_journal.segments(disk)) do
      local file = disk:files()[name]
      local header, records = read_segment(file)
      assert.same({ before, ends }, { header.before, header.ends })
      assert.equal(name, ("%020d.journal"):format(header.first))
      assert.is_nil(salts[header.salt])
      before, ends, salts[header.salt] = header.first, #file, true
      assert.equal(header.first + #records - 1, records[#records].number)
    end
  end)

  it("takes 36 bytes beside a record, and its sender twice", function()
    for i = 1, 50 do j:append(a_journal.record(i, 100, { name = "host" })) end
    j:settle()
    local sender = 36 + 5 * 2 + #"host" + #"192.0.2.1" + #"host" + #"audit/host@X" + #"default"
    assert.equal(256 + 50 * 136 + 2 * sender, j:counters().bytes)
  end)

  it("has each sender again after a MiB", function()
    j:close()
    disk = journal.disk(1)
    j = a_journal.open(disk, { segment_bytes = 1 << 24 })
    for i = 1, 100 do j:append(a_journal.record(i, 50000, { name = "host" })) end
    j:settle()
    local _, records, senders = read_segment(disk:files()["00000000000000000001.journal"])
    assert.equal(100, #records)
    assert.equal(2 + 5000000 // (1 << 20), senders)
  end)

  it("has a cursor in two slots", function()
    a_journal.fill(j, 1, 10)
    j:settle()
    j:move(7)
    j:close()
    local file = disk:files().cursor
    local turns = {}
    for slot = 0, 1 do
      local magic, turn, below, stored, floor, sum = (">c8 I8 I8 I8 I8 I4"):unpack(file, 1 + slot * 4096)
      assert.equal("jcursor1", magic)
      assert.equal(crc(file:sub(1 + slot * 4096, 40 + slot * 4096), 0), sum)
      turns[turn] = { below, stored, floor }
    end
    assert.same({ { 1, 1, 0 }, { 7, 11, 0 } }, turns)
    j = a_journal.open(disk)
    assert.equal(7, j:cursor())
  end)

  it("has a list of deleted entries", function()
    assert.is_true(journal.forget("journal", { 3, 2 }, disk))
    local file = disk:files().gone
    assert.equal(24, #file)
    for i, number in ipairs { 3, 2 } do
      local bytes = (">I8"):pack(number)
      assert.equal(bytes .. (">I4"):pack(crc(bytes, 0)), file:sub(i * 12 - 11, i * 12))
    end
  end)
end)
