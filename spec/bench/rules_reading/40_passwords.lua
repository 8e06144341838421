local rule = require "auditrecv.rule"
local redact = require "auditrecv.redact"

local OPTIONS = { "-p", "--password" }

-- As in rules/, but every argument of every program is read in Lua.
return rule {
  name = "passwords",
  about = "masks what follows -p and --password",
  phase = "redact",
  when = { exec_args = rule.present },
  apply = function(doc) redact.after(doc.exec_args, OPTIONS) end,
}
