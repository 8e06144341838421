local journal = require "core.journal"
local a_journal = require "spec.support.a_journal"

-- Whatever happens to the files: the journal opens, loses what was damaged and nothing else, and counts it.
describe("core.journal and damage", function()
  local RECORDS = 60

  -- The files of a journal with some segments; three records a commit.
  local function made(segment_bytes)
    local disk = journal.disk(1)
    local j = a_journal.open(disk, { segment_bytes = segment_bytes or 16384, keep_for = 1e6 })
    for sequence = 1, RECORDS, 3 do
      a_journal.fill(j, sequence, sequence + 2, 900)
      j:settle()
    end
    j:close()
    return disk:files(), a_journal.segments(disk)
  end

  local files, names
  setup(function() files, names = made() end)

  -- Opens a journal with these files, and gives what is in it.
  local function open(with)
    local disk = journal.disk(2)
    for name, bytes in pairs(with) do disk:put(name, bytes) end
    local j = a_journal.open(disk, { keep_for = 1e6 })
    local found = a_journal.all(j, 1, 1 << 20)
    for _, e in pairs(found) do assert.equal(a_journal.record(e.sequence, 900).bytes, e.bytes) end
    -- It works as ever.
    a_journal.fill(j, j:next(), j:next() + 2, 900)
    assert.is_true(j:settle())
    return found, j, disk
  end

  local function copy(t)
    local c = {}
    for k, v in pairs(t) do c[k] = v end
    return c
  end

  local function missing(found)
    local n = 0
    for number = 1, RECORDS do n = n + (found[number] and 0 or 1) end
    return n
  end

  local function flip(bytes, at)
    return bytes:sub(1, at - 1) .. string.char(bytes:byte(at) ~ 0x10) .. bytes:sub(at + 1)
  end

  it("has the files that these stories are about", function()
    assert.is_true(#names >= 3)
    local found, j = open(files)
    assert.same({ 0, 0, 0 }, { missing(found), j:counters().damaged, j:counters().torn_bytes })
    j:close()
  end)

  it("loses at most one record to a flipped bit, anywhere in the last segment", function()
    local last = files[names[#names]]
    -- Each place of heads and senders; of bodies, some.
    local head, lost_sender = 256, 0
    for at = 1, #last, 1 do
      if at < head + 700 or at > #last - 1100 or at % 13 == 0 then
        local with = copy(files)
        with[names[#names]] = flip(last, at)
        local found, j, disk = open(with)
        local counters = j:counters()
        assert.is_true(missing(found) <= 1, ("%d are lost to the bit at %d"):format(missing(found), at))
        if at > head then
          assert.equal(1, counters.damaged + (counters.torn_bytes > 0 and counters.damaged == 0 and 1 or 0))
          assert.is_true(counters.damaged_bytes + counters.torn_bytes > 0)
          assert.equal(counters.damaged, a_journal.count(disk:files "damaged"))
        end
        if at > head and missing(found) == 0 then lost_sender = lost_sender + 1 end
        j:close()
      end
    end
    assert.is_true(lost_sender > 0)
  end)

  it("loses at most one record to a flipped bit in a segment before it, and counts it when it is read", function()
    for at = 1, 3000, 7 do
      local with = copy(files)
      with[names[1]] = flip(with[names[1]], at)
      local found, j = open(with)
      assert.is_true(missing(found) <= 1)
      assert.equal(at > 256 and 1 or 0, j:counters().damaged)
      local again = a_journal.all(j, 1)
      assert.equal(missing(found), missing(again))
      assert.equal(at > 256 and 1 or 0, j:counters().damaged)
      j:close()
    end
  end)

  it("loses what was cut off, wherever", function()
    local name = names[#names]
    local last = files[name]
    local sizes = {}
    local intact = a_journal.count(files) and RECORDS
    for size = 0, #last - 1 do
      if size < 1300 or size > #last - 1100 or size % 11 == 0 then
        local with = copy(files)
        with[name] = last:sub(1, size)
        local found, j = open(with)
        local lost = missing(found)
        sizes[lost] = true
        assert.is_true(lost <= intact)
        for number = 1, RECORDS - lost do assert.is_truthy(found[number]) end
        local counters = j:counters()
        -- The cursor's file knows that there was more.
        if lost > 0 then assert.is_true(counters.damaged + counters.torn_bytes > 0) end
        j:close()
      end
    end
    assert.is_true(sizes[1] and sizes[2])
  end)

  it("loses what stood in a segment that was cut off before its end", function()
    local with = copy(files)
    with[names[1]] = with[names[1]]:sub(1, 5000)
    local found, j = open(with)
    local first = tonumber(names[2]:match "^%d+")
    assert.is_true(missing(found) > 0 and missing(found) < first)
    assert.is_true(j:counters().damaged > 0)
    j:close()
  end)

  for _, how in ipairs {
    { "deleted", nil }, { "emptied", "" }, { "zeros", ("\0"):rep(20000) }, { "nonsense", ("nonsense "):rep(1000) },
    { "a stump", "auditjnl" },
  } do
    it(("opens with any file %s"):format(how[1]), function()
      for name, bytes in pairs(files) do
        local with = copy(files)
        with[name] = how[2]
        local found, j, disk = open(with)
        local own = 0
        for i, n in ipairs(names) do
          if n == name then
            local after = names[i + 1] and tonumber(names[i + 1]:match "^%d+") or RECORDS + 1
            own = after - tonumber(name:match "^%d+")
          end
        end
        assert.equal(own, missing(found), name)
        if name ~= "lock" and name ~= "gone" then
          assert.is_true(j:counters().damaged > 0, name .. " is not missed")
        end
        -- What it was is kept, unless it was nothing.
        if own > 0 and how[2] and #how[2] > 300 then
          assert.is_true(a_journal.count(disk:files "damaged") > 0)
        end
        assert.is_true(#bytes >= 0)
        j:close()
      end
    end)
  end

  it("reads what changed places", function()
    for i = 1, #names do
      for k = i + 1, #names do
        local with = copy(files)
        with[names[i]], with[names[k]] = with[names[k]], with[names[i]]
        local found, j, disk = open(with)
        assert.equal(0, missing(found))
        assert.equal(2, j:counters().damaged)
        j:close()
        -- They have their own names again.
        local healed = disk:files()
        assert.equal(files[names[i]]:sub(1, 256), healed[names[i]]:sub(1, 256))
      end
    end
  end)

  it("that took its cursor costs no record that has no fate: it goes back, and never on", function()
    for _, how in ipairs { false, "", ("?"):rep(8192) } do
      local disk = journal.disk(1)
      local j = a_journal.open(disk, { keep_for = 1e6 })
      for first = 1, 300, 50 do
        a_journal.fill(j, first, first + 49, 400)
        j:settle()
        j:move(math.min(first, 200))
      end
      j:close()
      disk:put("cursor", how or nil)
      j = a_journal.open(disk, { keep_for = 1e6 })
      assert.is_true(j:cursor() > 100 and j:cursor() <= 200, j:cursor())
      assert.same({ 301, 1 }, { j:next(), j:counters().damaged })
      j:close()
    end
  end)

  it("is not led astray by a copy of a segment", function()
    local with = copy(files)
    with["00000000000000000777.journal"] = files[names[1]]
    local found, j = open(with)
    assert.equal(0, missing(found))
    j:close()
  end)

  it("leaves alone what a later version wrote", function()
    -- Its header is known by its checksum: version 2 in front of a segment.
    local crc = journal.crc32c
    local header = files[names[#names]]:sub(1, 124)
    header = header:sub(1, 8) .. ("\0\0\0\2") .. header:sub(13)
    header = header .. string.pack(">I4", (crc(header)))
    local with = copy(files)
    with[names[#names]] = header .. with[names[#names]]:sub(129)
    local found, j, disk = open(with)
    assert.is_true(missing(found) > 0)
    assert.equal(with[names[#names]], disk:files()[names[#names]])
    j:close()
  end)

  it("survives the death of a program at any point, with what it wrote", function()
    for calls = 1, 60 do
      local disk = journal.disk(calls)
      local j = a_journal.open(disk)
      disk:power_left(calls)
      local told = 1
      for i = 1, 20 do
        a_journal.fill(j, i * 20 - 19, i * 20)
        j:stall(1)
        told = math.max(told, select(2, j:stored()))
      end
      j:close()
      disk:on()
      j = a_journal.open(disk)
      local found = a_journal.all(j, 1)
      for number = 1, told - 1 do assert.is_truthy(found[number]) end
      assert.equal(0, j:counters().damaged)
      j:close()
    end
  end)
end)
