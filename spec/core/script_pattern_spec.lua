-- Our patterns against Lua's own: the same answers, the same refusals.
local core = require "core.script"

local patterns = {
  "", "a", "^a", "a$", "^a$", "^", "$", ".", "..", "%a", "%a+", "%a*", "%a-", "%a?", "(%a+)", "()", "(a)(b)", "((a)b)",
  "%w+=%w+", "(%w+)=(%w*)", "[abc]", "[^abc]+", "[a-c]+", "[%a_]+", "[]]", "[^]]+", "[a-]", "[%]]", "%%", "%.", "a-b",
  "a.-b", "a.*b", "^(.-)%s*$", "%f[%w]%w+", "%f[%W]", "%bab", "%b()", "(.)%1", "(a*)b?c", "x*", "[%z\1-\31]", "\0",
    "a\0b",
  "%s*$", "^%s+", "([^/]*)$", "(%d+)%.(%d+)", "[0-9a-fA-F]+", "%x%x", "%p+", "%c", "%u%l*", "%g+", "(.-)(%d-)$",
    "a?b?c?",
  "[[]", "[%a-z]", "[a-%%]", "é", "[é]+", "$a", "a^b", "a$b", "(a$)", "%1", "(%1)", "((.)%2)", "[a", "[]", "[^]",
    "%", "(",
  ")", "(()", "%f", "%fa", "%b", "%ba", "a**", "+", "(a)+", "[%", "[a%", "%g-%s",
}

local subjects = {
  "", "a", "b", "ab", "aab", "abc", "hello world", "key=value", "x=1, y=22", "  trim  ", "(a(b)c)", "a.b.c", "aXbXc",
    "THE (quick) fox",
  "/usr/bin/ls", "192.0.2.1", "aa bb cc", "foo\0bar", "a\0b", "%d%%", "[x]", "caf\xC3\xA9", "\xFF\xFE", "]]]", "a-b",
    "1e3", ("ab"):rep(40),
}

local function all_of(gmatch)
  return function(...)
    local list = {}
    for a, b in gmatch(...) do
      list[#list + 1] = tostring(a)
      list[#list + 1] = tostring(b)
    end
    return table.concat(list, "|")
  end
end

local ways = {
  find = { string.find, core.find },
  match = { string.match, core.match },
  gmatch = { all_of(string.gmatch), all_of(core.gmatch) },
  gsub = { string.gsub, core.gsub },
}

-- One text of all that a call answers. Of a refusal, only that it was one.
local function told(f, ...)
  local all = table.pack(pcall(f, ...))
  if not all[1] then return "refused" end
  for i = 1, all.n do all[i] = tostring(all[i]) end
  return table.concat(all, "\1", 1, all.n)
end

-- Nothing, or where the two differ.
local function difference(way, ...)
  local theirs, ours = told(ways[way][1], ...), told(ways[way][2], ...)
  if theirs ~= ours then
    return ("%s(%q, %q, %s): %q, not %q"):format(way, (...), (select(2, ...)), tostring((select(3, ...))), ours, theirs)
  end
end

local inits = { 1, 2, 0, -1, -3, 5, 100, math.maxinteger, math.mininteger }

local replacements = {
  "", "<%0>", "<%1>", "%%", "%2", "%", "%x", { a = "A", key = 1, b = false }, function(a, b) return b or a end,
  function() return nil end, function() return {} end,
}

describe("core.script patterns", function()
  for _, pattern in ipairs(patterns) do
    it(("do with %q what Lua does"):format(pattern), function()
      for _, subject in ipairs(subjects) do
        for _, init in ipairs(inits) do
          assert.is_nil(difference("find", subject, pattern, init))
          assert.is_nil(difference("find", subject, pattern, init, true))
          assert.is_nil(difference("match", subject, pattern, init))
        end
        assert.is_nil(difference("gmatch", subject, pattern))
        for _, replacement in ipairs(replacements) do
          for _, most in ipairs { 1000, 1, 0, -1 } do
            assert.is_nil(difference("gsub", subject, pattern, replacement, most))
          end
        end
      end
    end)
  end

  it("do with made-up patterns what Lua does", function()
    local bits = {
      "a", "b", ".", "%a", "%d", "[ab]", "[^a]", "*", "+", "-", "?", "(", ")", "^", "$", "%1", "%b()", "%f[a]", "()",
        "]",
    }
    local letters = { "a", "b", "c", "(", ")", "1", " " }
    for _ = 1, 20000 do
      local pattern, subject = {}, {}
      for i = 1, math.random(0, 7) do pattern[i] = bits[math.random(#bits)] end
      for i = 1, math.random(0, 12) do subject[i] = letters[math.random(#letters)] end
      pattern, subject = table.concat(pattern), table.concat(subject)
      assert.is_nil(difference("find", subject, pattern))
      assert.is_nil(difference("gsub", subject, pattern, "<%0>"))
    end
  end)

  it("refuse to nest without end", function()
    assert.has_error(function() core.find(("a"):rep(1000), ("a?"):rep(1000)) end)
    assert.has_error(function() core.find(("x"):rep(300), ("(x"):rep(300)) end)
  end)
end)
