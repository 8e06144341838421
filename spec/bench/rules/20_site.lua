local rule = require "auditrecv.rule"

return rule {
  name = "site",
  about = "adds a field to every record",
  adds = { "site" },
  apply = function(doc)
    doc.site = doc.zonename == "global" and "compute" or "tenant"
  end,
}
