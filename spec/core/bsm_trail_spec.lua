local core = require "core.bsm"
local build = require "spec.support.bsm_build"
local vectors = require "spec.fixtures.vectors"

local R1, R2, R3, R4, R5 = vectors.R1, vectors.R2, vectors.R3, vectors.R4, vectors.R5

---What a trail is cut into, the same whatever the steps are in which its bytes come: "status offset length" of
---each item.
local function outline(bytes, max)
  local first
  for _, step in ipairs { #bytes, 1, 7, 64, 4096 } do
    local items, closed = core.trail(bytes, math.max(step, 1), max)
    local lines, whole = {}, {}
    for i, item in ipairs(items) do
      lines[i] = ("%s %d %d"):format(item.status, item.offset, #item.bytes)
      whole[i] = item.bytes
    end
    assert.equal(bytes, table.concat(whole))
    lines.closed = closed
    if first then assert.same(first, lines, "in steps of " .. step) end
    first = first or lines
  end
  return first
end

local function trail(bytes, max) return (core.trail(bytes, #bytes + 1, max)) end

describe("a trail", function()
  it("is file token, records, file token", function()
    local bytes = vectors.T1 .. R1 .. R2 .. R4 .. R5 .. vectors.T2
    local lines = outline(bytes)
    assert.same({ "file 0 57", "record 57 163", "record 220 148", "record 368 44", "record 412 150", "file 562 12",
      closed = true }, lines)
    local items = trail(bytes)
    assert.equal("/var/audit/20231114221319.20231114221320.web1", items[1].name)
    assert.equal(1700000000, items[1].seconds)
    assert.equal(123456000, items[1].nanoseconds)
    assert.equal("", items[6].name)
    assert.equal(R4, items[4].bytes)
  end)

  it("of OpenBSM begins with a record", function()
    assert.same({ "record 0 92", "record 92 92", closed = false }, outline(R3 .. R3))
  end)

  it("may be empty", function()
    assert.same({ closed = false }, outline "")
  end)

  it("that is still open lacks the last file token", function()
    assert.same({ "file 0 12", "record 12 163", closed = false }, outline(vectors.T2 .. R1))
  end)

  it("knows the fraction of a file token by the record behind it, or before it", function()
    local function nanoseconds(...)
      local found = {}
      for _, item in ipairs(trail(table.concat { ... })) do
        if item.status == "file" then found[#found + 1] = item.nanoseconds end
      end
      return found
    end
    local file = build.file32 { time = { 1, 250 } }
    assert.same({ 250000 }, nanoseconds(file, R1))
    assert.same({ 250000000 }, nanoseconds(file, R3))
    assert.same({ 250000, 250000 }, nanoseconds(file, R1, file))
    assert.same({ 250000000, 250000000 }, nanoseconds(file, R3, file))
    assert.same({ 250000000 }, nanoseconds(file))
    assert.same({ 1000000 }, nanoseconds(build.file32 { time = { 1, 1000 } }))
    assert.same({ 999999000 }, nanoseconds(vectors.T3))
    assert.same({ 0 }, nanoseconds(build.file32 { time = { 1, 1000000 } }))
    assert.same({ 0 }, nanoseconds(build.file32 { time = { 1, 1000 } }, R3))
  end)
end)

describe("a damaged trail", function()
  it("goes on behind bytes that are nothing", function()
    for _, junk in ipairs { "x", ("\0"):rep(500), "\x14\0\0\0\x12\2", R1:sub(20), "\x74\xFF\xFF\xFF\xFF" } do
      local lines = outline(R1 .. junk .. R2 .. R3)
      assert.same({ "record 0 163", ("damage 163 %d"):format(#junk), ("record %d 148"):format(163 + #junk),
        ("record %d 92"):format(163 + #junk + 148), closed = false }, lines)
    end
  end)

  it("says what is wrong", function()
    assert.equal("neither a record nor a file token begins here", trail(R1 .. "junk" .. R1)[2].reason)
    assert.equal("the record length is smaller than its header", trail(build.with_length(R1, 25) .. R1)[1].reason)
    assert.equal("the record length is larger than the maximum", trail(build.with_length(R1,
      2 ^ 31 | 0) .. R1)[1].reason)
    assert.equal("unknown header version", trail(build.patch(R1, 5, "\x4d") .. R1)[1].reason)
    assert.equal("the record length leads to no other record", trail(build.with_length(R2, 147) .. R1)[1].reason)
  end)

  it("finds the next record behind one with a wrong length", function()
    for _, wrong in ipairs { 0, 25, 120, 147, 149, 155, 200, 70000, 0xFFFFFFFF } do
      local lines = outline(R1 .. build.with_length(R2, wrong) .. R3 .. R5)
      assert.same({ "record 0 163", "damage 163 148", "record 311 92", "record 403 150", closed = false }, lines,
        "length " .. wrong)
    end
  end)

  it("has records between two damages", function()
    for _, record in ipairs { R1, R2, R4 } do
      local lines = outline(R1 .. "junk" .. record .. "junk!" .. R3)
      assert.same({ "record 0 163", "damage 163 4", ("record 167 %d"):format(#record),
        ("damage %d 5"):format(167 + #record), ("record %d 92"):format(172 + #record), closed = false }, lines)
    end
  end)

  it("may have its only damage inside a record, which is for the decoder", function()
    assert.same({ "record 0 163", "record 163 148", closed = false }, outline(build.patch(R1, 26, "\x37") .. R2))
  end)

  it("that ends in a record is cut off there", function()
    for cut = 1, #R2 - 1, 7 do
      local items = trail(R1 .. R2:sub(1, cut))
      assert.equal(2, #items)
      assert.equal("cut", items[2].status)
      assert.equal(R2:sub(1, cut), items[2].bytes)
      assert.equal("the file ends in a record", items[2].reason)
    end
  end)

  it("that ends in a file token is cut off there", function()
    for cut = 1, #vectors.T1 - 1, 5 do
      local items = trail(R1 .. vectors.T1:sub(1, cut))
      assert.equal("cut", items[2].status)
      assert.equal("the file ends in a file token", items[2].reason)
    end
  end)

  it("keeps its last file token", function()
    local lines = outline(R1 .. "junk" .. vectors.T2)
    assert.same({ "record 0 163", "damage 163 4", "file 167 12", closed = true }, lines)
  end)

  it("may be nothing but damage", function()
    local items = trail(("\xAA"):rep(3000), 1000)
    for _, item in ipairs(items) do assert.equal("damage", item.status) end
    assert.equal("damage 0 5", outline("hello")[1])
  end)

  it("of one byte anywhere costs no more than the records that it touches", function()
    local bytes = R1 .. R2 .. R3 .. R5 .. R4
    local starts = { [0] = #R1, [163] = #R2, [311] = #R3, [403] = #R5, [553] = #R4 }
    for at = 0, #bytes - 1 do
      local whole = {}
      for _, item in ipairs(trail(build.flip(bytes, at, 0x55))) do
        if item.status == "record" and starts[item.offset] == #item.bytes then whole[item.offset] = true end
      end
      for start, len in pairs(starts) do
        if at < start or at >= start + len then
          -- The record before a broken header is told by its trailer or its tokens.
          assert.truthy(whole[start], ("byte %d turned: record at %d"):format(at, start))
        end
      end
    end
  end)

  it("made to look like many records is read all the same", function()
    local bait = (R1:sub(1, 5) .. "\2"):rep(60000)
    local items = trail(bait .. R1)
    assert.equal("record", items[#items].status)
    assert.truthy(#items < 1000)
  end)
end)
