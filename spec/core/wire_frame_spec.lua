local wire = require "core.wire"
local fake = require "spec.support.fake_sender"

describe("core.wire frames", function()
  local body = "a frame's body"
  local bytes = fake.frame(body)

  it("wait for more at every cut, and never read beyond it", function()
    for cut = 0, #bytes - 1 do
      local status, there, size = wire.frame_next(bytes:sub(1, cut), 100)
      assert.equal("more", status)
      assert.equal(cut < 4 and "" or bytes:sub(5, cut), there)
      assert.equal(cut < 4 and 0 or #body, size)
    end
  end)

  it("are ready when whole, whatever follows", function()
    for _, tail in ipairs { "", "\0", "\0\0\0\1", bytes } do
      assert.same({ "ready", body, #body }, { wire.frame_next(bytes .. tail, 100) })
    end
  end)

  for _, case in ipairs {
    { "of no bytes", 0, "ready" },
    { "of the limit", 100, "ready" },
    { "of one more", 101, "too long" },
    { "of 2^31 bytes", 1 << 31, "too long" },
    { "of 2^32 - 1 bytes", (1 << 32) - 1, "too long" },
  } do
    it(case[1] .. ": " .. case[3], function()
      local status, _, size = wire.frame_next(string.pack(">I4", case[2]) .. ("x"):rep(200), 100)
      assert.same({ case[3], case[2] }, { status, size })
    end)
  end
end)

describe("core.wire DER lengths", function()
  for n, bytes in pairs {
    [0] = "\0", [1] = "\1", [127] = "\127", [128] = "\x81\x80", [255] = "\x81\xff", [256] = "\x82\1\0",
    [65535] = "\x82\xff\xff", [65536] = "\x83\1\0\0", [16777215] = "\x83\xff\xff\xff", [16777216] = "\x84\1\0\0\0",
    [4294967295] = "\x84\xff\xff\xff\xff",
  } do
    it("write and read " .. n, function()
      assert.equal(bytes, wire.der_put(n))
      assert.same({ "ok", n, #bytes }, { wire.der_get(bytes .. "more") })
      for cut = 0, #bytes - 1 do assert.equal("short", (wire.der_get(bytes:sub(1, cut)))) end
    end)
  end

  for _, case in ipairs {
    { "one byte too long for 127", "\x81\x7f" },
    { "one byte too long for 128", "\x82\0\x80" },
    { "one byte too long for 255", "\x82\0\xff" },
    { "one byte too long for 65535", "\x83\0\xff\xff" },
    { "nothing but zeros", "\x84\0\0\0\0" },
    { "the form without length", "\x80" },
    { "five bytes", "\x85\1\0\0\0\0" },
    { "127 bytes", "\xff" .. ("\1"):rep(127) },
  } do
    it("refuse " .. case[1], function() assert.equal("bad", (wire.der_get(case[2]))) end)
  end
end)
