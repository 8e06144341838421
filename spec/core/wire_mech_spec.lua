local wire = require "core.wire"
local fake = require "spec.support.fake_sender"

describe("core.wire mechanism dummy", function()
  it("wraps as the plugin does, and unwraps what it wrapped, at every change of the length's form", function()
    -- 14 bytes stand between the length and the plain text.
    for _, n in ipairs { 0, 1, 8, 127 - 14, 128 - 14, 255 - 14, 256 - 14, 65535 - 14, 65536 - 14, 3000000 } do
      local plain = ("p"):rep(n)
      local token = wire.dummy_wrap(plain)
      assert.equal(fake.token(plain), token)
      assert.equal(plain, wire.dummy_unwrap(token))
    end
  end)

  it("signs with the letters of the illumos source", function()
    assert.equal(fake.MIC, wire.dummy_mic())
    assert.equal(30, #fake.MIC)
    assert.is_true(wire.dummy_verify(fake.MIC))
    for i = 1, #fake.MIC do
      assert.is_false(wire.dummy_verify(fake.MIC:sub(1, i - 1) .. string.char(fake.MIC:byte(i) ~ 1) ..
        fake.MIC:sub(i + 1)))
      assert.is_false(wire.dummy_verify(fake.MIC:sub(1, i - 1)))
    end
  end)

  local token = fake.token(string.pack(">i8", 7) .. "record")

  it("refuses a token that is cut anywhere, or has more behind it", function()
    for cut = 0, #token - 1 do
      local plain, why = wire.dummy_unwrap(token:sub(1, cut))
      assert.is_nil(plain)
      assert.equal("not a token of the dummy mechanism", why)
    end
    assert.is_nil((wire.dummy_unwrap(token .. "\0")))
  end)

  it("refuses a change in any byte of the header", function()
    for i = 1, 16 do
      for bit = 0, 7 do
        local changed = token:sub(1, i - 1) .. string.char(token:byte(i) ~ 1 << bit) .. token:sub(i + 1)
        assert.is_nil((wire.dummy_unwrap(changed)), i)
      end
    end
  end)

  it("refuses a length that is longer than it need be", function()
    local rest = token:sub(3)
    assert.is_nil((wire.dummy_unwrap("\x60\x81" .. string.char(#rest) .. rest)))
    assert.is_nil((wire.dummy_unwrap("\x60\x82\0" .. string.char(#rest) .. rest)))
    assert.is_nil((wire.dummy_unwrap("\x60\x80" .. rest)))
  end)

  it("reads the head of a token that is too long, once there is enough of it", function()
    for _, size in ipairs { 100, 200, 60000, 100000, 9 << 20, 20 << 20, (1 << 32) - 40 } do
      local rest = 14 + 8 + size
      local head = "\x60" .. fake.der(rest) .. "\x06\x0a" .. fake.OID .. "\0\0" .. string.pack(">i8", 7)
      local whole = 1 + #fake.der(rest) + rest
      for cut = 0, #head - 9 do assert.equal("more", (wire.dummy_unwrap_head(head:sub(1, cut), whole))) end
      for cut = #head - 8, #head do
        assert.same({ head:sub(#head - 7, cut), 8 + size }, { wire.dummy_unwrap_head(head:sub(1, cut), whole) })
      end
      assert.is_nil((wire.dummy_unwrap_head(head, whole + 1)))
      assert.is_nil((wire.dummy_unwrap_head(head, whole - 1)))
      assert.is_nil((wire.dummy_unwrap_head("G" .. head:sub(2), whole)))
    end
  end)

  it("finds the mechanism of a first token", function()
    assert.equal(fake.OID, wire.token_oid(fake.token "0\0"))
    assert.equal("\x2a\x86\x48\x86\xf7\x12\x01\x02\x02",
      wire.token_oid(fake.token("x", "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")))
    local first = fake.token "0\0"
    for cut = 0, #first - 1 do assert.is_nil(wire.token_oid(first:sub(1, cut))) end
    for _, odd in ipairs {
      "\x60\x02\x06\x01", "\x60\x01\x06", "\x60\x00", "\x60\x03\x06\x81\x01", "\x60\x02\x05\x00",
    } do
      assert.is_nil(wire.token_oid(odd))
    end
  end)

  it("initiates with one token, or asks until the acceptor is complete", function()
    local complete, continue = fake.token "0\0", fake.token "1\0"
    assert.same({ { complete }, "done" }, { wire.dummy_initiate(false) })
    assert.same({ { continue }, "more" }, { wire.dummy_initiate(true) })
    assert.same({ { continue }, "done" }, { wire.dummy_initiate(true, complete) })
    assert.same({ { continue, continue, continue }, "done" },
      { wire.dummy_initiate(true, continue, continue, complete) })
    assert.same({ { continue }, "failed" }, { wire.dummy_initiate(true, fake.token "851968\0") })
    assert.same({ { continue }, "failed" }, { wire.dummy_initiate(true, "garbage") })
  end)
end)

describe("core.wire handshake", function()
  local version, complete, continue = "01", fake.token "0\0", fake.token "1\0"

  it("answers the version, and nothing to a context of one token", function()
    local step, out, why, binding = wire.handshake(true, version, complete)
    assert.same({ "done", fake.frame "01" }, { step, out })
    assert.is_nil(why)
    assert.equal("0101", binding)
  end)

  it("answers a sender that wants more tokens", function()
    local step, out = wire.handshake(true, version, continue)
    assert.same({ "done", fake.frame "01" .. fake.frame(complete) }, { step, out })
  end)

  for _, offered in ipairs { "01,02", "02,01", "00,01,02", ",01", "01," } do
    it("picks 01 among " .. offered, function()
      local step, out, _, binding = wire.handshake(true, offered)
      assert.same({ "more", fake.frame "01" }, { step, out })
      assert.equal(offered .. "01", binding)
    end)
  end

  for _, offered in ipairs { "", "02", "1", "001", "011", "0,1", " 01", "01 ", "01\0", ("01,"):rep(30) .. "01" } do
    it(("refuses version %q"):format(offered), function()
      local step, out, why = wire.handshake(true, offered)
      assert.same({ "broken", "" }, { step, out })
      assert.truthy(why:find "version")
    end)
  end

  for name, case in pairs {
    ["no token at all"] = { "broken", "GET / HTTP/1.1\r\n\r\n" },
    ["an empty token"] = { "broken", "" },
    ["another mechanism"] = { "no mechanism", fake.token("x", "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02") },
    ["a status of another kind"] = { "refused", fake.token "851968\0" },
    ["a status without NUL"] = { "refused", fake.token "0" },
    ["a token without body"] = { "refused", fake.token "" },
    ["a body with more behind it"] = { "refused", fake.token "0\0x" },
  } do
    it("ends at " .. name, function()
      local step, out, why = wire.handshake(true, version, case[2])
      assert.same({ case[1], fake.frame "01" }, { step, out })
      assert.is_string(why)
    end)
  end

  it("refuses dummy where it is not allowed", function()
    local step, _, why = wire.handshake(false, version, complete)
    assert.same({ "no mechanism", "mechanism dummy is not allowed here" }, { step, why })
  end)
end)
