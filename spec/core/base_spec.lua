local base = require "core.base"
local cjson = require "cjson"

describe("utf8", function()
  for _, case in ipairs {
    { "plain text", "cron", true },
    { "nothing", "", true },
    { "two bytes", "\u{e9}", true },
    { "four bytes", "\u{1F600}", true },
    { "the last code point", "\u{10FFFF}", true },
    { "one beyond the last", "\xF4\x90\x80\x80", false },
    { "an overlong slash", "\xC0\xAF", false },
    { "an overlong of three bytes", "\xE0\x80\xAF", false },
    { "a surrogate", "\xED\xA0\x80", false },
    { "a lone continuation", "abcdefgh\x80", false },
    { "a sequence cut short", "abc\xE2\x82", false },
    { "a stray byte behind a long plain run", ("x"):rep(100) .. "\xFF", false },
  } do
    it((case[3] and "takes " or "refuses ") .. case[1], function() assert.equal(case[3], base.utf8_valid(case[2])) end)
  end

  it("spells bytes that do not belong, and doubles backslashes, so that the bytes can be had back", function()
    local function unspell(text)
      return (text:gsub("\\(x?)(%x?%x?)", function(x, hex)
        if x == "x" then return string.char(tonumber(hex, 16)) end
        return "\\" .. hex
      end):gsub("\\\\", "\\"))
    end
    assert.equal("caf\\xFF", base.utf8_spell "caf\xFF")
    assert.equal("a\\\\b\\x80", base.utf8_spell "a\\b\x80")
    for _ = 1, 200 do
      local bytes = {}
      for i = 1, math.random(0, 40) do bytes[i] = string.char(math.random(0, 255)) end
      local text = table.concat(bytes):gsub("\\", "/")
      local spelled = base.utf8_spell(text)
      assert.is_true(base.utf8_valid(spelled))
      assert.equal(text, unspell(spelled))
    end
  end)
end)

describe("json", function()
  for _, case in ipairs {
    { math.mininteger, "-9223372036854775808" },
    { math.maxinteger, "9223372036854775807" },
    { 9007199254740993, "9007199254740993" },
    { 0, "0" },
    { -1, "-1" },
    { 99, "99" },
    { 100, "100" },
    { 0.1, "0.1" },
    { 1e300, "1e+300" },
    { 2 ^ 53, "9007199254740992" },
    { 1 / 3, "0.3333333333333333" },
    { 0 / 0, "null" },
    { math.huge, "null" },
  } do
    it("writes " .. tostring(case[1]) .. " exactly", function() assert.equal(case[2], base.json_value(case[1])) end)
  end

  it("escapes what JSON wants escaped, at every position", function()
    for c = 0, 127 do
      for before = 0, 9 do
        local text = ("x"):rep(before) .. string.char(c) .. ("y"):rep(9)
        assert.equal(text, cjson.decode("[" .. base.json_value(text) .. "]")[1])
      end
    end
  end)
end)

describe("clock", function()
  for _, case in ipairs {
    { 0, 0, "1970-01-01T00:00:00.000000000Z" },
    { 1569548359, 560123456, "2019-09-27T01:39:19.560123456Z" },
    { 2 ^ 31 | 0, 999999999, "2038-01-19T03:14:08.999999999Z" },
    { 4294967295, 1, "2106-02-07T06:28:15.000000001Z" },
    { 951782399, 0, "2000-02-28T23:59:59.000000000Z" },
    { 951782400, 0, "2000-02-29T00:00:00.000000000Z" },
    { 4107542399, 0, "2100-02-28T23:59:59.000000000Z" },
    { 4107542400, 0, "2100-03-01T00:00:00.000000000Z" },
    { -1, 0, "1969-12-31T23:59:59.000000000Z" },
    { 253402300800, 0, "10000-01-01T00:00:00.000000000Z" },
    { math.maxinteger, 0, "292277026596-12-04T15:30:07.000000000Z" },
    { math.mininteger, 999999999, "-292277022657-01-27T08:29:52.999999999Z" },
  } do
    it("writes " .. case[3], function() assert.equal(case[3], base.clock_text(case[1], case[2])) end)
  end

  it("agrees with the system for any second", function()
    for _ = 1, 1000 do
      local s = math.random(0, 253402300799)
      assert.equal(os.date("!%Y-%m-%dT%H:%M:%S", s) .. ".000000000Z", base.clock_text(s))
    end
  end)

  it("reads back what it wrote", function()
    for _ = 1, 1000 do
      local s, ns = math.random(-9200000000, 9200000000), math.random(0, 999999999)
      assert.equal(s * 1000000000 + ns, base.clock_parse(base.clock_text(s, ns)))
    end
  end)

  for text, seconds in pairs {
    ["1970-01-02"] = 86400, ["2000-02-29"] = 951782400, ["2000-02-29T00:01"] = 951782460,
    ["2000-02-29 00:01:02"] = 951782462, ["2000-02-29T00:01:02Z"] = 951782462,
    ["2000-02-29 00:01:02.5z"] = 951782462.5,
  } do
    it("reads " .. text, function() assert.equal(seconds * 1e9, base.clock_parse(text)) end)
  end

  for _, text in ipairs {
    "", "today", "2000", "2000-02-30", "2001-02-29", "2000-13-01",
    "2000-00-01", "2000-01-00", "2000-01-01T24:00",
    "2000-1-1", "2000-01-01T00", "2000-01-01T00:00:60", "2000-01-01T00:00:00.", "2000-01-01T00:00:00.Z",
    "2000-01-01T00:00Zx",
    "9999-01-01",
  } do
    it(("takes %q for no time"):format(text), function() assert.is_nil(base.clock_parse(text)) end)
  end
end)

describe("addr", function()
  for _, case in ipairs {
    { "\xC6\x33\x64\x07", "198.51.100.7" },
    { "\0\0\0\0", "0.0.0.0" },
    { ("\0"):rep(16), "::" },
    { ("\0"):rep(15) .. "\1", "::1" },
    { "\x20\x01\x0d\xb8" .. ("\0"):rep(10) .. "\0\x42", "2001:db8::42" },
    { "\xfe\x80\0\0\0\0\0\0\x0a\x00\x2b\xff\xfe\x01\x02\x03", "fe80::a00:2bff:fe01:203" },
    { ("\0"):rep(10) .. "\xff\xff\xc0\0\2\1", "192.0.2.1" },
    { "\0\1\0\0\0\0\0\1\0\0\0\0\0\0\0\1", "1:0:0:1::1" },
    { "\0\1\0\0\0\1\0\1\0\1\0\1\0\1\0\1", "1:0:1:1:1:1:1:1" },
    { "\0\1\0\1\0\1\0\1\0\1\0\1\0\0\0\0", "1:1:1:1:1:1::" },
  } do
    it("writes " .. case[2] .. " as RFC 5952 does", function() assert.equal(case[2], base.addr_text(case[1])) end)
  end
end)

describe("hash", function()
  it("is SHA-256", function()
    assert.equal("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", base.sha256_base64url "")
    assert.equal("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0", base.sha256_base64url "abc")
  end)
  it("cuts to the bytes asked for", function()
    assert.equal("ungWv48Bz-pBQUDeXa4iIw", base.sha256_base64url("abc", 16))
  end)
end)

describe("buf", function()
  it("keeps what was appended and not dropped, whatever the order", function()
    for _ = 1, 200 do
      local story, want = {}, ""
      for i = 1, 60 do
        if math.random(3) == 1 then
          local n = math.random(0, #want)
          story[i], want = n, want:sub(n + 1)
        else
          local text = string.char(97 + i % 26):rep(math.random(0, 300))
          story[i], want = text, want .. text
        end
      end
      assert.equal(want, base.buf_story(table.unpack(story)))
    end
  end)
end)
