-- Tags what touches the configuration of auditing itself: the first thing to look for when a trail has a hole.

local rule = require "auditrecv.rule"
local list = require "auditrecv.list"

local function tag(doc)
  doc.tags = list.add(doc.tags, "audit_config")
end

local READING = {
  "open_r", "stat", "lstat", "fstat", "access", "readlink", "statvfs", "pathconf", "execve", "exec",
}

-- What gz-smf/kernel-drops tells. A zone could write the same.
local function tag_drops(doc)
  local lost, total = doc.text[1]:match "^auditrecv kernel%-drops lost=(%d+) total=(%d+) since=%d+$"
  if not lost or doc.zonename and doc.zonename ~= "global" then return end
  doc.tags = list.add(doc.tags, "kernel_drops")
  doc.args = { lost = math.tointeger(lost), total = math.tointeger(total) }
end

return {
  rule {
    name = "audit_config_calls",
    about = "tags changes of masks, policy, state and queue of the audit system",
    when = {
      event = {
        "auditon_spolicy", "auditon_sestate", "auditon_sqctrl", "auditon_setkmask", "auditon_setstat",
        "auditon_setumask", "auditon_setsmask", "auditon_setcond", "auditon_setclass", "auditon_setamask",
        "auditon_setpmask", "auditon_setkaudit", "auditon_stermid", "auditsvc", "setaudit", "setaudit_addr", "setauid",
      },
    },
    apply = tag,
  },
  rule {
    name = "audit_config_files",
    about = "tags writing to the files of the audit system and to the trail",
    when = {
      event = rule.no(READING),
      path = {
        rule.prefix "/etc/security/audit", rule.prefix "/var/audit", rule.prefix "/etc/user_attr",
        rule.prefix "/etc/security/prof_attr",
      },
    },
    apply = tag,
  },
  rule {
    name = "audit_config_services",
    about = "tags changes to the services that audit",
    when = { fmri = { rule.contains "system/auditd", rule.contains "system/auditset" } },
    apply = tag,
  },
  rule {
    name = "audit_config_programs",
    about = "tags runs of the programs that configure auditing",
    when = {
      event = { "execve", "exec", "pfexec" },
      path = { "/usr/sbin/audit", "/usr/sbin/auditconfig", "/usr/sbin/auditd" },
    },
    apply = tag,
  },
  rule {
    name = "audit_drops",
    about = "tags what a host tells of records that its kernel threw away",
    when = { event = "smserverd", text = rule.prefix "auditrecv kernel-drops " },
    apply = tag_drops,
  },
}
