-- Names for people: whose zone, which machine, sent from which compute node. Nothing is asked, and no rule is here,
-- unless the settings name a service of Triton's or a file of zone names:
--
--   lookups = { services = {
--     { name = "vmapi", url = "http://vmapi.coal.joyent.us" },
--     { name = "mahi",  url = "http://mahi.coal.joyent.us" },
--     { name = "cnapi", url = "http://cnapi.coal.joyent.us" },
--   } }

local rule = require "auditrecv.rule"
local triton = require "auditrecv.triton"
local zone_commands = require "auditrecv.zone_commands"

local function name_zone(doc, name, from)
  local zone = triton.zone(name)
  if not zone then return end
  doc.zonealias = triton.alias(zone)
  zone.name, zone.from = name, from
  doc.zone = zone
end

local in_zone = rule {
  name = "triton_zone",
  about = "names the zone of a record, its owner and what it runs",
  phase = "enrich",
  adds = { "zone" },
  when = { zonename = rule.no { "global" } },
  apply = function(doc) name_zone(doc, doc.zonename) end,
}

local function suffixes(names)
  local list = {}
  for i, name in ipairs(names) do list[i] = rule.suffix("/" .. name) end
  return list
end

-- A zone command in the global zone is about another one.
local function name_target(doc)
  local target = zone_commands.target(doc.path, doc.exec_args)
  if target then name_zone(doc, target, "global") end
end

local from_global = rule {
  name = "triton_zone_command",
  about = "names the zone that a command in the global zone acts on",
  phase = "enrich",
  adds = { "zone" },
  when = { zonename = "global", exec_args = rule.present, path = suffixes(zone_commands.programs) },
  apply = name_target,
}

local from_script = rule {
  name = "triton_zone_script",
  about = "names the zone that a script in the global zone acts on, behind its interpreter",
  phase = "enrich",
  adds = { "zone" },
  when = {
    zonename = "global", path = suffixes(zone_commands.interpreters), exec_args = suffixes(zone_commands.scripts),
  },
  apply = name_target,
}

local node = rule {
  name = "triton_node",
  about = "names the compute node that sent a record",
  phase = "enrich",
  adds = { "node" },
  when = { from = rule.present },
  apply = function(doc) doc.node = triton.node(doc.from) end,
}

local rules = {}
if triton.knows_zones then rules = { in_zone, from_global, from_script } end
if triton.knows_nodes then rules[#rules + 1] = node end
return rules
