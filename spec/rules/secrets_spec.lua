describe("rules.secrets", function()
  local rules = require "rules.secrets"
  local X = "[redacted]"

  local function after(says)
    local doc = a_record(says)
    for _, rule in ipairs(rules) do assert.kept(rule.run(doc)) end
    return doc
  end

  for _, case in ipairs {
    { "what follows an option", { "curl", "--token", "canary" }, { "curl", "--token", X } },
    { "what is tied to an option", { "app", "--password=canary" }, { "app", "--password=" .. X } },
    { "what follows -p", { "tool", "-p", "canary" }, { "tool", "-p", X } },
    { "a setting", { "app", "db.password=canary", "x" }, { "app", "db.password=" .. X, "x" } },
    { "a query string", { "wget", "http://h/?a=1&TOKEN=canary&b=2" }, { "wget", "http://h/?a=1&TOKEN=" .. X
      .. "&b=2" } },
    { "a URL", { "git", "clone", "https://me:canary@host/x" }, { "git", "clone", "https://me:" .. X .. "@host/x" } },
    { "a header", { "curl", "-H", "Authorization: Bearer canary" }, { "curl", "-H", "Authorization: " .. X } },
    { "a header of small letters", { "curl", "-H", "authorization:canary" }, { "curl", "-H", "authorization:" .. X } },
  } do
    it("masks " .. case[1], function()
      assert.same(case[3], after({ path = "/usr/bin/tool", exec_args = case[2] }).exec_args)
    end)
  end

  for _, case in ipairs {
    { "mkdir -p", "/usr/bin/mkdir", { "mkdir", "-p", "/var/x" } }, { "ssh -p", "/usr/bin/ssh", { "ssh", "-p", "22",
      "host" } },
    { "a plain URL", "/usr/bin/curl", { "curl", "https://host:8080/path" } },
    { "words without a value", "/bin/echo", { "echo", "password", "token" } }, { "ls -l", "/bin/ls", { "ls", "-l" } },
  } do
    it("leaves alone " .. case[1], function()
      assert.same(case[3], after({ path = case[2], exec_args = case[3] }).exec_args)
    end)
  end

  it("masks variables whose names speak of secrets", function()
    local env = { PATH = "/bin", DB_PASSWORD = "canary", GITHUB_TOKEN = "canary", PROXY = "http://u:canary@p/",
      LANG = "C" }
    assert.same({ PATH = "/bin", DB_PASSWORD = X, GITHUB_TOKEN = X, PROXY = "http://u:" .. X .. "@p/", LANG = "C" },
      after({ exec_env = env }).exec_env)
    assert.same({ "A_SECRET=" .. X, "odd" },
      after({ exec_env = { A = "1" }, exec_env_more = { "A_SECRET=canary", "odd" } }).exec_env_more)
    assert.same({ "A_SECRET=" .. X }, after({ exec_env_more = { "A_SECRET=canary" } }).exec_env_more)
  end)

  it("masks commands, and what comes more than once", function()
    local doc = after {
      cmd = { args = { "x", "--secret", "canary" }, env = { "API_KEY=canary" } },
      more = {
        exec_args = { { "x", "token=canary" } }, exec_env = { { MY_PASSWORD = "canary" } },
        cmd = { { args = { "--passwd=canary" }, env = { "TOKEN=canary" } } },
      },
    }
    assert.same({ args = { "x", "--secret", X }, env = { "API_KEY=" .. X } }, doc.cmd)
    assert.same({
      exec_args = { { "x", "token=" .. X } }, exec_env = { { MY_PASSWORD = X } },
      cmd = { { args = { "--passwd=" .. X }, env = { "TOKEN=" .. X } } },
    }, doc.more)
  end)

  it("masks in the daemon what it masks here", function()
    local core = require "core.script"
    local script = assert(core.open { directory = "rules" })
    for _, eager in ipairs { false, true } do
      script = assert(core.open { directory = "rules", eager = eager })
      local result = script:run(a_record.bytes {
        path = "/usr/bin/tool", exec_args = { "tool", "-p", "canary", "--token=canary", "https://u:canary@h/",
          "x_secret=canary" },
        exec_env = { MYSQL_PWD = "canary", LANG = "C" },
      })
      assert.equal("index", result.verdict)
      assert.is_nil(result.json:find("canary", 1, true), result.json)
      assert.truthy(result.json:find('"LANG":"C"', 1, true))
    end
    script:close()
  end)
end)
