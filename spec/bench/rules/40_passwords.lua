local rule = require "auditrecv.rule"
local redact = require "auditrecv.redact"

return rule {
  name = "passwords",
  about = "masks what follows -p and --password",
  phase = "redact",
  when = { exec_args = { "-p", "--password", rule.prefix "--password=" } },
  apply = function(doc) redact.after(doc.exec_args, { "-p", "--password" }) end,
}
