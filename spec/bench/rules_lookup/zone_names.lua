-- One question for each record, and a field made of its answer.
local lookup = require "auditrecv.lookup"
local rule = require "auditrecv.rule"

local vm = lookup.source { name = "vm", service = "vmapi", path = "/vms/{key}", fields = { "alias", "owner" } }

return rule {
  name  = "zone_names",
  about = "the name of the zone, from a lookup",
  phase = "enrich",
  apply = function(doc)
    local zone = vm(doc.zonename)
    if zone then doc.zonealias = zone.alias end
  end,
}
