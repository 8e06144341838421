local rule = require "auditrecv.rule"

return rule {
  name = "login_index",
  about = "logins have an index of their own, one a month, for those who keep them longer",
  phase = "route",
  when = {
    event = {
      "login", "logout", "telnet", "rlogin", "ssh", "openssh", "su", "su_logout", "role_login", "role_logout", "zlogin",
      "newgrp_login", "lw_login", "lw_logout",
    },
  },
  apply = function(doc) return rule.route("audit-logins-" .. doc.time:sub(1, 7)) end,
}
