local redact = require "auditrecv.redact"

local X = "[redacted]"

describe("auditrecv.redact", function()
  describe("after", function()
    for _, case in ipairs {
      { "what follows", { "mysql", "-p", "secret", "db" }, { "mysql", "-p", X, "db" }, 1 },
      { "what is tied by =", { "x", "--password=secret" }, { "x", "--password=" .. X }, 1 },
      { "an empty tied value", { "--password=" }, { "--password=" .. X }, 1 },
      { "what looks like an option but follows one", { "-p", "-x" }, { "-p", X }, 1 },
      { "twice the same", { "-p", "a", "-p", "b" }, { "-p", X, "-p", X }, 2 },
      { "nothing behind the last", { "x", "-p" }, { "x", "-p" }, 0 },
      { "no other options", { "-px", "--passwordx=1", "--port=5", "p" }, { "-px", "--passwordx=1", "--port=5", "p" },
        0 },
      { "nothing in nothing", {}, {}, 0 },
    } do
      it("masks " .. case[1], function()
        assert.equal(case[4], redact.after(case[2], { "-p", "--password" }))
        assert.same(case[3], case[2])
      end)
    end
    it("knows options without a dash", function()
      local list = { "pass=x", "user=y", "pass", "z" }
      assert.equal(2, redact.after(list, { "pass" }))
      assert.same({ "pass=" .. X, "user=y", "pass", X }, list)
    end)
    it("takes nil for a field that is not there", function() assert.equal(0, redact.after(nil, { "-p" })) end)
  end)

  it("joined: masks what is written behind a short option", function()
    local list = { "mysql", "-psecret", "-p", "-uroot" }
    assert.equal(1, redact.joined(list, { "-p" }))
    assert.same({ "mysql", "-p" .. X, "-p", "-uroot" }, list)
    assert.equal(0, redact.joined(nil, { "-p" }))
  end)

  describe("matching", function()
    for _, case in ipairs {
      { "the whole match", "%d+", "a1b22", "a" .. X .. "b" .. X, 2 },
      { "the capture only", "key=(%w+)", "key=abc, key=def", "key=" .. X .. ", key=" .. X, 2 },
      { "the first capture at its own place", "(p):(p)", "p:p", X .. ":p", 1 },
      { "a capture that stands twice in the match", "htt(p)://", "http://", "htt" .. X .. "://", 1 },
      { "behind a set with a parenthesis", "[(](%w+)", "(secret)", "(" .. X .. ")", 1 },
      { "behind a set that begins with ]", "[](](%w+)", "](x)", "](" .. X .. ")", 1 },
      { "behind an escaped parenthesis", "%((%w+)", "(secret)", "(" .. X .. ")", 1 },
      { "nothing for an empty match", "x*", "abc", "abc", 0 },
    } do
      it("masks " .. case[1], function()
        local list = { case[3], name = case[3], other = 5 }
        assert.equal(2 * case[5], redact.matching(list, case[2]))
        assert.same({ case[4], name = case[4], other = 5 }, list)
      end)
    end
    it("takes nil", function() assert.equal(0, redact.matching(nil, "x")) end)
  end)

  it("urls: masks passwords only", function()
    local list = {
      "https://user:secret@host/path?x=1", "see ftp://a:b@c and http://d:e@f", "https://host:8080/@x",
        "user:secret@host", "http://u@h/",
    }
    assert.equal(3, redact.urls(list))
    assert.same({
      "https://user:" .. X .. "@host/path?x=1", "see ftp://a:" .. X .. "@c and http://d:" .. X .. "@f",
        "https://host:8080/@x",
      "user:secret@host", "http://u@h/",
    }, list)
    assert.equal(0, redact.urls(nil))
  end)

  it("words: masks what is tied to a word, in any case, anywhere", function()
    local list = { "token=abc", "x?Password=a&token=b;c", 'jdbc "PASSWORD=q r"', "token=", "token", "token=" .. X, 7 }
    assert.equal(4, redact.words(list, { "token", "password" }))
    assert.same({
      "token=" .. X, "x?Password=" .. X .. "&token=" .. X .. ";c", 'jdbc "PASSWORD=' .. X .. ' r"', "token=",
        "token", "token=" .. X, 7,
    }, list)
  end)

  it("env: masks the values of names", function()
    local env = { PATH = "/bin", DB_PASSWORD = "x", token_file = "y", ["A-B"] = "z", AxB = "w" }
    assert.equal(2, redact.env(env, { "*PASSWORD*", "A-B" }))
    assert.same({ PATH = "/bin", DB_PASSWORD = X, token_file = "y", ["A-B"] = X, AxB = "w" }, env)
    local list = { "DB_PASSWORD=x", "NOEQUALS", "PATH=a=b" }
    assert.equal(1, redact.env(list, { "*PASSWORD*" }))
    assert.same({ "DB_PASSWORD=" .. X, "NOEQUALS", "PATH=a=b" }, list)
    assert.equal(0, redact.env(nil, { "x" }))
  end)

  it("keep_env: masks all others", function()
    local env = { PATH = "/bin", LC_ALL = "C", SECRET = "x" }
    assert.equal(1, redact.keep_env(env, { "PATH", "LC_*" }))
    assert.same({ PATH = "/bin", LC_ALL = "C", SECRET = X }, env)
    local list = { "PATH=a", "SECRET=b", "noequals" }
    assert.equal(2, redact.keep_env(list, { "PATH" }))
    assert.same({ "PATH=a", "SECRET=" .. X, X }, list)
  end)
end)
