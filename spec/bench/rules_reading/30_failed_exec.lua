local rule = require "auditrecv.rule"

return rule {
  name = "failed_exec",
  about = "tags programs that could not be started",
  when = { event = "execve", outcome = "failure" },
  apply = function(doc) doc.tags = { "failed_exec" } end,
}
