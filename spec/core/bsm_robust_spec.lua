local core = require "core.bsm"
local build = require "spec.support.bsm_build"
local decode = require "spec.support.bsm_decode"
local vectors = require "spec.fixtures.vectors"

-- decode.document insists on valid UTF-8, on JSON and table being the same, and on no name coming twice.

---What holds for every document, whatever was in the record.
local function check(bytes, options)
  local doc = decode.document(bytes, options)
  assert.equal("string", type(doc.event))
  if doc.event == "undecodable" then
    assert.equal(build.hex(bytes), doc.undecoded_hex)
    assert.truthy(doc.damaged)
  else
    assert.truthy(doc.time and doc.version and doc.event_id and doc.outcome)
    -- Nothing is lost: what was not read is there as bytes, up to the very end.
    if doc.unknown_hex then
      assert.equal(build.hex(bytes:sub(-(#doc.unknown_hex // 2))), doc.unknown_hex)
    end
    if doc.unknown_token then assert.truthy(doc.unknown_hex) end
  end
  return doc
end

describe("a record cut anywhere", function()
  for _, name in ipairs { "R1", "R2", "R3", "R4", "R5" } do
    it(name .. " is a document with what could be read", function()
      local bytes = vectors[name]
      for len = 0, #bytes - 1 do
        local doc = check(bytes:sub(1, len))
        assert.truthy(doc.damaged, "cut to " .. len)
      end
      assert.is_nil(check(bytes).damaged)
    end)
  end
end)

describe("a record with any byte changed", function()
  for _, name in ipairs { "R1", "R2", "R3", "R4", "R5" } do
    it(name .. " is a document", function()
      local bytes = vectors[name]
      for at = 0, #bytes - 1 do
        for _, byte in ipairs { 0, 1, 0x7F, 0x80, 0xFF, bytes:byte(at + 1) ~ 1, bytes:byte(at + 1) ~ 0x80 } do
          check(build.patch(bytes, at, string.char(byte)))
        end
      end
    end)
  end

  it("R1 and R3 with every value at every place", function()
    for _, bytes in ipairs { vectors.R1, vectors.R3 } do
      for at = 0, #bytes - 1 do
        for byte = 0, 255 do core.json(build.patch(bytes, at, string.char(byte))) end
      end
    end
  end)
end)

---Tokens of all kinds, some with odd values.
local function random_token()
  local function number() return ({ 0, 1, 22, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF, math.random(0,
    0xFFFFFFFF) })[math.random(7)] end
  local function text()
    return ({ "", "a", "/etc/passwd", "caf\xFF", "a\\b", "x=y", "é", "Permitted", ("long"):rep(50) })[math.random(9)]
  end
  local function texts()
    local list = {}
    for i = 1, math.random(0, 5) do list[i] = text() end
    return list
  end
  local function ip() return ({ "192.0.2.1", "0.0.0.0" })[math.random(2)] end
  local function ip6() return ({ "192.0.2.1", "2001:db8::1", "::" })[math.random(3)] end
  local makers = {
    function() return build.path(text()) end,
    function() return build.path_attr(texts()) end,
    function() return build.text(text()) end,
    function() return build.exec_args(texts()) end,
    function() return build.exec_env(texts()) end,
    function() return build.cmd { args = texts(), env = texts() } end,
    function() return build.arg32 { number() & 255, text(), number() } end,
    function() return build.arg64 { number() & 255, text(), math.random(math.mininteger, math.maxinteger) } end,
    function() return build.subject64 { audit_id = number(), terminal = { ip = ip(), remote_port = 1024,
      local_port = 22 } } end,
    function() return build.process32 { pid = number() } end,
    function() return build.subject64_ex { terminal = { ip = ip6(), remote_port = 1024, local_port = 22 } } end,
    function() return build.return32 { number() & 255, number() } end,
    function() return build.return64 { number() & 255, number() } end,
    function() return build.attr64 { mode = number(), node = number(), dev = number() } end,
    function() return build.attr32 { mode = number(), dev = number() } end,
    function() return build.priv { text(), text() } end,
    function() return build.secflags { text(), text() } end,
    function() return build.upriv { math.random(2) == 1, text() } end,
    function() return build.zonename(text()) end,
    function() return build.data { unit = math.random(0, 3), print = math.random(0, 5),
      bytes = ("\xFFa\0b\xE2\x82\xAC\\"):rep(2) } end,
    function() return build.opaque(text()) end,
    function() return build.socket { port = number() & 0xFFFF, ip = ip() } end,
    function() return build.sockunix { path = "/x" } end,
    function() return build.acl { number(), number(), number() } end,
    function() return build.ace { who = number(), mask = number(), flags = number() & 0xFFFF,
      type = number() & 0xFFFF } end,
    function() return build.newgroups { number(), number() } end,
    function() return build.user { number(), text() } end,
    function() return build.arg_uuid { 1, text(), "00112233-4455-6677-8899-aabbccddeeff" } end,
    function() return build.identity { signing_id = text(), cdhash = text() } end,
    function() return build.label { type = number() & 255 == 0x42 and 0 or 0x41 } end,
    function() return build.xselect { text(), text(), text() } end,
    function() return build.seq(number()) end,
    function() return build.fmri(text()) end,
    function() return build.uauth(text()) end,
    function() return build.ipc_perm { mode = number(), key = number() } end,
    function() return build.exit { number(), number() } end,
    function() return build.tid { ip = ip6(), local_port = 22, remote_port = 7 } end,
  }
  return makers[math.random(#makers)]()
end

local function random_record(trailer)
  local t = {
    event = ({ 23, 15, 289, 116, 266, 30, 6172, 60000 })[math.random(8)], version = 2, trailer = trailer,
    host = math.random(2) == 1 and "192.0.2.25" or nil, modifier = math.random(0, 0xFFFF),
    time = { math.random(0, 4000000000), math.random(0, 999999999) }, form = nil,
  }
  for i = 1, math.random(0, 12) do t[i] = random_token() end
  return build.record(t)
end

describe("a random record", function()
  it("is read whole", function()
    for _ = 1, 2000 do
      local doc = check(random_record(math.random(2) == 1))
      assert.is_nil(doc.damaged)
      assert.is_nil(doc.unknown_token)
    end
  end)

  it("is the same field by field", function()
    for _ = 1, 500 do
      local bytes = random_record()
      local doc = decode.document(bytes)
      local names, fields = core.fields(bytes)
      assert.same(getmetatable(doc).order, names)
      assert.same(doc, fields)
    end
  end)

  it("with bytes turned over, left out or put in is a document", function()
    for _ = 1, 2000 do
      local bytes = random_record(true)
      for _ = 1, math.random(3) do
        local at = math.random(0, #bytes - 1)
        local how = math.random(3)
        if how == 1 then bytes = build.flip(bytes, at, math.random(255))
        elseif how == 2 then bytes = bytes:sub(1, at) .. bytes:sub(at + 1 + math.random(4))
        else bytes = bytes:sub(1, at) .. string.char(math.random(0, 255)) .. bytes:sub(at + 1) end
        if bytes == "" then break end
      end
      check(bytes, { natural_ports = math.random(2) == 1 })
    end
  end)

  it("comes out of a trail with damage between, byte for byte", function()
    for _ = 1, 100 do
      local records, parts = {}, {}
      for i = 1, 5 do
        records[i] = random_record(true)
        parts[#parts + 1] = records[i]
        if math.random(3) == 1 then parts[#parts + 1] = ("\xAB"):rep(math.random(50)) end
      end
      local found = {}
      for _, item in ipairs((core.trail(table.concat(parts), math.random(1, 300)))) do
        if item.status == "record" then found[#found + 1] = item.bytes end
      end
      assert.same(records, found)
    end
  end)
end)
