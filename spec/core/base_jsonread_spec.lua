local output = require "core.output"

local function tokens(text)
  local list = {}
  for i, t in ipairs(output.jsonread(text)) do list[i] = t[1] end
  return table.concat(list, " ")
end

-- A random value, as text with random blanks.
local function random_json(depth)
  local blank = ({ "", "", "", " ", "\n", "\t \r" })[math.random(6)]
  local kind = math.random(depth > 4 and 5 or 7)
  local text
  if kind == 1 then text = ({ "true", "false", "null" })[math.random(3)]
  elseif kind == 2 then text = ({ "0", "-1", "12.5", "1e9", "-0.25E-7", "9223372036854775807" })[math.random(6)]
  elseif kind <= 5 then text = ({ '""', '"a"', [["\"\\\/\b\f\n\r\t"]], [["\ud83d\ude00 \u00e9"]],
    '"é[{,:}]"' })[math.random(5)]
  else
    local parts = {}
    for i = 1, math.random(0, 4) do
      local key = kind == 6 and ('"k%d"%s:'):format(i, blank) or ""
      parts[i] = blank .. key .. random_json(depth + 1)
    end
    local inside = table.concat(parts, ",") .. blank
    text = kind == 6 and "{" .. inside .. "}" or "[" .. inside .. "]"
  end
  return blank .. text .. blank
end

describe("core.base.jsonread", function()
  for _, case in ipairs {
    { '{"a":[1,"x",true,false,null,{}],"b":[]}',
      "{ key [ number text true false null { } ] key [ ] } end" },
    { " 12 ", "number end" },
    { '"x"', "text end" },
    { "", "bad" }, { "{", "{ bad" }, { "[1,]", "[ number bad" }, { '{"a"}', "{ bad" }, { '{"a":}', "{ key bad" },
    { '{"a":1,}', "{ key number bad" }, { "{1:2}", "{ bad" }, { "[1}", "[ number bad" }, { '{"a":1]',
      "{ key number bad" },
    { "[1 2]", "[ number bad" }, { "1 2", "number bad" }, { "{}x", "{ } bad" }, { "]", "bad" }, { ",", "bad" },
    { "01", "bad" }, { "1.", "bad" }, { "-", "bad" }, { "1e", "bad" }, { ".5", "bad" }, { "+1", "bad" },
    { "tru", "bad" }, { "nul", "bad" }, { "NaN", "bad" },
    { '"a', "bad" }, { '"a\n"', "bad" }, { [["\x"]], "bad" }, { [["\u12"]], "bad" }, { [["\u12g4"]], "bad" },
      { [["\]], "bad" },
  } do
    it("reads " .. case[1], function() assert.equal(case[2], tokens(case[1])) end)
  end

  it("lends keys, texts and numbers as they are written", function()
    assert.same({ { "{", "{" }, { "key", [[a\n]] }, { "number", "-1.5e3" }, { "key", "" }, { "text", [[\u0041]] },
      { "}", "}" }, { "end", "}" } }, output.jsonread [[{"a\n": -1.5e3, "":"\u0041"}]])
  end)

  it("goes as deep as it says, and no deeper", function()
    local function nested(n) return ("["):rep(n) .. ("]"):rep(n) end
    assert.is_true(output.json_skip(nested(1024)))
    assert.is_nil(output.json_skip(nested(1025)))
    assert.is_true(output.json_skip((('{"a":'):rep(1000)) .. "1" .. ("}"):rep(1000)))
    assert.is_nil(output.json_skip(("["):rep(100000)))
  end)

  it("accepts what the grammar makes, and nothing that is cut off", function()
    for _ = 1, 400 do
      local text = random_json(0)
      assert.is_true(output.json_skip(text), text)
      local solid = text:gsub("[%s]+$", "")
      if solid:sub(1, 1):find "[%[{\"]" or solid:find "^%s*[%[{\"]" then
        for cut = 0, #solid - 1 do assert.is_nil(output.json_skip(solid:sub(1, cut)), solid:sub(1, cut)) end
      end
    end
  end)

  it("reads any bytes without harm", function()
    local alphabet = { "{", "}", "[", "]", ",", ":", '"', "\\", "u", "1", "e", "-", ".", "t", "true", "null", " ",
      "\0", "\255" }
    for _ = 1, 5000 do
      local parts = {}
      for i = 1, math.random(0, 30) do parts[i] = alphabet[math.random(#alphabet)] end
      output.jsonread(table.concat(parts))
    end
  end)

  it("understands escapes", function()
    assert.equal('"\\/\b\f\n\r\t', (output.json_decode [[\"\\\/\b\f\n\r\t]]))
    assert.equal("Aé€😀\0", (output.json_decode [[\u0041\u00e9\u20ac\ud83d\ude00\u0000]]))
    assert.equal("\u{FFFD}x\u{FFFD}A", (output.json_decode [[\ud83dx\udc00\u0041]]))
    assert.equal("\u{FFFD}A", (output.json_decode [[\ud83d\u0041]]))
    local text, good = output.json_decode [[ab\q]]
    assert.equal("ab", text)
    assert.is_false(good)
  end)

  it("reads integers exactly, or not at all", function()
    for _, v in ipairs { "0", "-1", "9223372036854775807", "-9223372036854775808" } do
      assert.equal(math.tointeger(tonumber(v)) or math.mininteger, output.json_integer(v))
    end
    for _, v in ipairs { "9223372036854775808", "-9223372036854775809", "1.0", "1e3", "99999999999999999999" } do
      assert.is_nil(output.json_integer(v))
    end
  end)
end)
