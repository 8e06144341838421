local rule = require "auditrecv.rule"

return rule {
  name = "cron_noise",
  about = "cron's own bookkeeping repeats every minute and says nothing new",
  when = { event = "cron_invoke", ["return"] = 0, subject = { uid = 0 } },
  apply = function() return rule.drop "cron bookkeeping" end,
}
