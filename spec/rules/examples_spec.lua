describe("rules.examples.cron_noise", function()
  local cron_noise = require "rules.examples.cron_noise"

  it("drops root's scheduled runs", function()
    assert.dropped(cron_noise.run(a_record { event = "cron_invoke" }), "cron bookkeeping")
  end)

  for _, case in ipairs {
    { "a failed run", { event = "cron_invoke", ["return"] = -1 } },
    { "somebody's crontab", { event = "cron_invoke", subject = { uid = 1001 } } },
    { "another event", { event = "su" } },
  } do
    it("keeps " .. case[1], function() assert.is_nil(cron_noise.run(a_record(case[2]))) end)
  end
end)

describe("rules.examples.login_index", function()
  local login_index = require "rules.examples.login_index"

  it("gives logins an index of their own", function()
    for _, event in ipairs { "ssh", "login", "su", "zlogin" } do
      assert.routed(login_index.run(a_record { event = event, time = "2026-03-01T12:34:56.789012345Z" }),
        "audit-logins-2026-03")
    end
  end)

  it("leaves other events where they are", function() assert.is_nil(login_index.run(a_record())) end)
end)

describe("rules and their examples", function()
  local core = require "core.script"

  local function names(directory)
    local list = {}
    for i, rule in ipairs(assert(core.open { directory = directory }):rules()) do list[i] = rule.name end
    return list
  end

  it("are taken by the daemon", function()
    assert.same({
      "audit_config_calls", "audit_config_files", "audit_config_services", "audit_config_programs",
      "audit_drops", "secrets_in_arguments", "secrets_in_environment", "secrets_in_entries", "secrets_in_commands",
      "secrets_in_more",
    }, names "rules")
    assert.same({ "cron_noise", "login_index" }, names "rules/examples")
  end)

  it("run when an example is switched on by a file of one line", function()
    local rules_directory = require "spec.support.rules_directory"
    local directory = rules_directory.make { ["10_cron.lua"] = "return require 'examples.cron_noise'" }
    assert(os.execute(("cp -R rules/examples %s/"):format(directory)))
    assert.same({ "cron_noise" }, names(directory))
    local result = assert(core.open { directory = directory }):run(a_record.bytes { event = "cron_invoke" })
    assert.same({ "drop", "cron_noise", "cron bookkeeping" }, { result.verdict, result.rule, result.reason })
  end)
end)
