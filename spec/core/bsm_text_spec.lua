local build = require "spec.support.bsm_build"
local decode = require "spec.support.bsm_decode"

---The bytes that a spelled text stands for.
local function bytes_of(text)
  return (text:gsub("\\(.)(%x?%x?)", function(c, hex)
    if c == "\\" then return "\\" .. hex end
    return string.char(tonumber(hex, 16))
  end))
end

---Is a text under this exact path spelled, as `escaped` has it?
local function is_spelled(doc, field, exact)
  for _, path in ipairs(doc.escaped or {}) do
    if path == field or path == exact then return true end
  end
  return false
end

describe("a text that is not UTF-8", function()
  for what, case in pairs {
    ["a stray byte"] = { "caf\xFF", "caf\\xFF" },
    ["a byte of Latin-1 and a backslash"] = { "C:\\caf\xE9", "C:\\\\caf\\xE9" },
    ["what looks like a spelling already"] = { "\\xFF\xFF", "\\\\xFF\\xFF" },
    ["an overlong form"] = { "\xC0\xAF", "\\xC0\\xAF" },
    ["a surrogate"] = { "\xED\xA0\x80", "\\xED\\xA0\\x80" },
    ["beyond Unicode"] = { "\xF4\x90\x80\x80", "\\xF4\\x90\\x80\\x80" },
    ["a sequence cut off"] = { "\xE2\x82", "\\xE2\\x82" },
    ["good ones around a bad one"] = { "é\x80€", "é\\x80€" },
  } do
    it("has one spelling, and is listed: " .. what, function()
      local doc = decode.record { build.path(case[1]) }
      assert.equal(case[2], doc.path)
      assert.same({ "path" }, doc.escaped)
      assert.equal(case[1], bytes_of(doc.path))
    end)
  end

  it("as in the example", function()
    local doc = decode.record { build.exec_args { "caf\xFF" } }
    assert.same({ "caf\\xFF" }, doc.exec_args)
    assert.same({ "exec_args" }, doc.escaped)
  end)

  it("does not touch its neighbours", function()
    local doc = decode.record { build.exec_args { "a\\b", "caf\xFF", "plain" }, build.path "/c\\d" }
    assert.same({ "a\\b", "caf\\xFF", "plain" }, doc.exec_args)
    assert.equal("/c\\d", doc.path)
    -- The list as a whole cannot be listed, or a reader would take a backslash from its neighbour.
    assert.same({ "exec_args.1" }, doc.escaped)
  end)

  it("is listed once, wherever it is", function()
    local doc = decode.record {
      build.path "/\x80", build.path "/ok", build.path "/third\x80", build.exec_args { "\x80", "\x81" },
      build.text "\x80", build.cmd { args = { "ok" }, env = { "\x80" } }, build.user { 0, "\x80" },
      build.data { print = "string", bytes = "\x80" }, build.xselect { "a", "b", "\xFF\0\xFE" }, build.zonename "\x80",
    }
    assert.same({ "zonename", "user.name", "path", "exec_args", "cmd.env", "text", "data.text", "x.data", "more.path" },
      doc.escaped)
    assert.equal("\\xFF\0\\xFE", doc.x[1].data)
  end)

  it("may be a name", function()
    local doc = decode.record {
      build.exec_env { "A\xFF=1\\2", "B=\xFE", "C=c" }, build.arg32 { 1, "n\xFF", 7 }, build.arg32 { 1, "n\xFF", 8 },
      build.priv { "S\xFF", "p" },
    }
    assert.same({ ["A\\xFF"] = "1\\\\2", B = "\\xFE", C = "c" }, doc.exec_env)
    assert.same({ ["n\\xFF"] = { 7, 8 } }, doc.args)
    assert.same({ ["S\\xFF"] = "p" }, doc.privs)
    assert.same({ "privs", "exec_env", "args" }, doc.escaped)
  end)

  it("in an environment with backslashes is listed by name", function()
    local doc = decode.record { build.exec_env { "A=\xFF", "B=\\", "C\xFE=\\" } }
    assert.same({ A = "\\xFF", B = "\\", ["C\\xFE"] = "\\\\" }, doc.exec_env)
    assert.same({ "exec_env.A", "exec_env.C\\xFE" }, doc.escaped)
  end)

  it("may stand beside nothing at all", function()
    local doc = decode.record { build.priv { "S\xFF", "" }, build.exec_env { "\xFF=" } }
    assert.same({ ["S\\xFF"] = "" }, doc.privs)
    assert.same({ ["\\xFF"] = "" }, doc.exec_env)
  end)

  it("comes from the stream, too", function()
    local doc = decode.document("x", { origin = { from = "192.0.2.1", host = "caf\xE9", received = 0, sequence = 1 } })
    assert.equal("caf\\xE9", doc.host)
    assert.same({ "host" }, doc.escaped)
  end)

  it("never makes one name out of two", function()
    local doc = decode.record { build.exec_env { "\\xFF=literal", "\xFF=byte" } }
    assert.same({ ["\\xFF"] = "literal" }, doc.exec_env)
    assert.same({ "\\xFF=byte" }, doc.exec_env_more)
  end)
end)

describe("a text that is UTF-8", function()
  for _, text in ipairs {
    "", "plain", "\\", "C:\\dir\\xFF", "é€𝄞", 'say "hi"', "tab\tline\nbell\a", "\127", ("x"):rep(1000),
      "\u{10FFFF}",
    "eight by" .. "tes\\here", "0123456\"", "01234567\"",
  } do
    it(("is kept as it is: %q"):format(text:sub(1, 30)), function()
      local doc = decode.record { build.path(text), build.exec_args { text, text } }
      assert.equal(text, doc.path)
      assert.same({ text, text }, doc.exec_args)
      assert.is_nil(doc.escaped)
    end)
  end

  it("keeps NULs inside, and loses the one at its end", function()
    local doc = decode.record { build.raw(0x28, "\0\4a\0b\0"), build.raw(0x28, "\0\2\0\0") }
    assert.same({ "a\0b", "\0" }, doc.text)
  end)
end)

describe("any bytes", function()
  it("can be had back, whatever they are and beside whatever they stand", function()
    local alphabet = { "\\", "x", "F", "\x80", "\xFF", "é", "\xE2\x82", "a", "=", '"', "\n", "\\xFF" }
    local function random_text()
      local parts = {}
      for i = 1, math.random(0, 6) do parts[i] = alphabet[math.random(#alphabet)] end
      return table.concat(parts)
    end
    for _ = 1, 3000 do
      local args, path = {}, random_text()
      for i = 1, math.random(0, 4) do args[i] = random_text() end
      local doc = decode.record { build.path(path), build.exec_args(args) }
      local function back(text, field, exact)
        return is_spelled(doc, field, exact) and bytes_of(text) or text
      end
      assert.equal(path, back(doc.path, "path"))
      for i, text in ipairs(args) do
        assert.equal(text, back(doc.exec_args[i], "exec_args", "exec_args." .. i - 1))
      end
    end
  end)
end)
