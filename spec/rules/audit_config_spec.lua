describe("rules.audit_config", function()
  local rules = require "rules.audit_config"

  local function tags(says)
    local doc = a_record(says)
    for _, rule in ipairs(rules) do assert.kept(rule.run(doc)) end
    return doc.tags
  end

  for _, case in ipairs {
    { "a change of the kernel's mask", { event = "auditon_setkmask" } },
    { "a change of policy", { event = "auditon_spolicy" } },
    { "writing audit_control", { event = "open_w", path = "/etc/security/audit_control" } },
    { "unlinking a trail", { event = "unlink", path = "/var/audit/20260301.not_terminated.host" } },
    { "disabling auditd", { event = "smf_disable", fmri = { "svc:/system/auditd:default" } } },
    { "running auditconfig", { event = "execve", path = "/usr/sbin/auditconfig", exec_args = { "auditconfig",
      "-setpolicy", "none" } } },
  } do
    it("tags " .. case[1], function() assert.same({ "audit_config" }, tags(case[2])) end)
  end

  for _, case in ipairs {
    { "reading audit_control", { event = "open_r", path = "/etc/security/audit_control" } },
    { "asking for a mask", { event = "auditon_getkmask" } },
    { "other files", { event = "open_w", path = "/etc/motd" } },
    { "other services", { event = "smf_disable" } },
    { "other programs", { event = "execve" } },
  } do
    it("leaves alone " .. case[1], function() assert.is_nil(tags(case[2])) end)
  end

  it("keeps tags that are there, and comes once", function()
    assert.same({ "mine", "audit_config" }, tags { event = "auditon_setkmask", tags = { "mine" } })
    assert.same({ "audit_config" }, tags { event = "auditon_setkmask", path = "/etc/security/audit_event" })
  end)
end)
