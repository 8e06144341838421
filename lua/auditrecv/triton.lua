--- Names of zones, their owners and hosts from Triton's services, or from a file of zone names.
---
---     local triton = require "auditrecv.triton"
---     local zone = triton.zone(doc.zonename)
---     doc.zonealias = zone and triton.alias(zone)
---
--- What is asked depends on the services that the settings name: `vmapi` (zones), `mahi` (owners' logins), `cnapi`
--- (compute nodes), `imgapi` and `papi` (names of images and packages), or `zones`, a file as `zone-names` writes it in
--- a global zone, for hosts without Triton. Each may be missing; its part of an answer is then missing too. Each may
--- be a file of answers instead of a service, for trying rules.

local lookup = require "auditrecv.lookup"

local triton = {}

local LONG = 86400 -- seconds; what hardly ever changes
local NIL_UUID = "00000000-0000-0000-0000-000000000000"

-- VMAPI checks these names in /vms and knows more of them in /vms/UUID; metadata, with its keys and passwords, is not
-- asked for at all.
local VM_FIELDS = "uuid,alias,owner_uuid,brand,state,server_uuid,billing_id"

-- Mahi names accounts; while its replicator fills, nobody is unknown.
local MAHI_STARTS = { { status = 503, code = "ReplicatorNotReady" } }

local sources = {
  vmapi = {
    {
      name = "triton_vm", key = "uuid", path = "/vms/{key}?fields=" .. VM_FIELDS,
      fields = { "alias", "owner_uuid", "brand", "state", "server_uuid", "billing_id" },
      none = { { status = 404, code = "ResourceNotFound" } },
      not_ready = { { status = 503 } },
      keep = 3600, keep_none = 60, stale = LONG, key_field = "uuid",
      batch = { path = "/vms?uuids={keys}&fields=" .. VM_FIELDS, most = 100 },
      preload = {
        path = "/vms?state=active&limit={limit}&fields=" .. VM_FIELDS .. "&marker={marker}",
        page = "marker", marker = '{"uuid":"{last}"}', limit = 500, every = 6 * 3600,
      },
    },
    {
      name = "triton_vm_image", key = "uuid", key_field = "uuid", path = "/vms/{key}?fields=image_uuid,disks",
      fields = { "image_uuid", "disks" }, none = { { status = 404, code = "ResourceNotFound" } },
      not_ready = { { status = 503 } }, keep = LONG, stale = 7 * LONG,
    },
  },
  mahi = {
    {
      name = "triton_login", key = "uuid", key_field = "uuid", keep = 3600, stale = LONG, not_ready = MAHI_STARTS,
      batch = { path = "/names?uuid={keys}", separator = "&uuid=", form = "object", most = 50 },
    },
  },
  cnapi = {
    {
      name = "triton_server", key = "uuid", key_field = "uuid", fields = { "uuid", "hostname", "datacenter" },
      keep = 3600, stale = LONG,
      batch = { path = "/servers?uuids={keys}&fields=uuid,hostname,datacenter", most = 50 },
    },
    {
      name = "triton_node", key = "address",
      key_field = {
        "sysinfo.Admin IP", "sysinfo.Network Interfaces.*.ip4addr", "sysinfo.Virtual Network Interfaces.*.ip4addr",
      },
      fields = { "uuid", "hostname", "datacenter" }, keep = 3600, stale = LONG,
      preload = {
        path = "/servers?setup=true&extras=sysinfo&fields=uuid,hostname,datacenter,sysinfo" ..
          "&limit={limit}&offset={offset}",
        page = "offset", limit = 100, every = 3600,
      },
    },
  },
  imgapi = {
    {
      name = "triton_image", key = "uuid", key_field = "uuid", path = "/images/{key}", fields = { "name", "version" },
      none = { { status = 404, code = "ResourceNotFound" } }, keep = 7 * LONG, stale = 7 * LONG,
    },
  },
  papi = {
    {
      name = "triton_package", key = "uuid", key_field = "uuid", path = "/packages/{key}", fields = { "name" },
      none = { { status = 404, code = "ResourceNotFound" } }, keep = 7 * LONG, stale = 7 * LONG,
    },
  },
  zones = {
    {
      name = "triton_zone_file", key = "text", key_field = "zonename",
      fields = { "alias", "owner_uuid", "owner", "brand", "state" },
    },
  },
}

local ask = {}
for service, list in pairs(sources) do
  if lookup.has(service) then
    for _, description in ipairs(list) do
      description.service = service
      ask[description.name] = lookup.source(description)
    end
  end
end

local function nothing() end
local function asker(name) return ask[name] or nothing end

local vm, vm_image, login = asker "triton_vm", asker "triton_vm_image", asker "triton_login"
local server, node = asker "triton_server", asker "triton_node"
local image, package, zone_file = asker "triton_image", asker "triton_package", asker "triton_zone_file"

--- Can the names of zones be asked, and those of compute nodes?
---@type boolean
triton.knows_zones = ask.triton_vm ~= nil or ask.triton_zone_file ~= nil
---@type boolean
triton.knows_nodes = ask.triton_node ~= nil

local function is_set(uuid) return uuid ~= nil and uuid ~= NIL_UUID end

-- The answer is a name; `missing` is its own word, so that nobody is called unknown who was not asked for.
local function owner_of(uuid)
  if not is_set(uuid) then return nil end
  if not ask.triton_login then return { uuid = uuid } end
  local name, why = login(uuid)
  if type(name) ~= "string" then name = not why and "unknown" or nil end
  return { uuid = uuid, login = name }
end

local function image_of(uuid)
  if not ask.triton_image then return nil end
  local of = vm_image(uuid)
  local disk = of and type(of.disks) == "table" and of.disks[1]
  local id = of and of.image_uuid or disk and disk.image_uuid
  if not is_set(id) then return nil end
  local known = image(id)
  return { uuid = id, name = known and known.name, version = known and known.version }
end

local function package_of(uuid)
  if not is_set(uuid) then return nil end
  local known = package(uuid)
  return { uuid = uuid, name = known and known.name }
end

local function server_of(uuid)
  if not is_set(uuid) then return nil end
  local known = server(uuid)
  return { uuid = uuid, name = known and known.hostname }
end

local function from_file(name)
  local known = zone_file(name)
  if not known then return nil end
  local owner = (known.owner or is_set(known.owner_uuid)) and { uuid = known.owner_uuid, login = known.owner } or nil
  return { alias = known.alias, owner = owner, brand = known.brand, state = known.state }
end

--- What is known about a zone: { alias, owner = { uuid, login }, image = { uuid, name, version }, brand, state,
--- server = { uuid, name }, package = { uuid, name } }, each where it is known; nil when nothing is. Destroyed zones
--- are known to VMAPI for ever. An owner whom Mahi does not know has the login `unknown`.
---@param name string?  the zone's name: a UUID in Triton; a file of zone names takes any
---@return table?
function triton.zone(name)
  if name == nil or name == "global" then return nil end
  local known = vm(name)
  if not known then return from_file(name) end
  return {
    alias = known.alias, owner = owner_of(known.owner_uuid), image = image_of(name),
    package = package_of(known.billing_id), server = server_of(known.server_uuid), brand = known.brand,
    state = known.state,
  }
end

--- The name of a zone for people: its owner's login, a hyphen, its alias. Only the alias where nobody can be asked
--- for owners; nil where the owner could not be asked just now.
---@param zone table?  of `triton.zone`
---@return string?
function triton.alias(zone)
  if not zone or not zone.alias then return nil end
  if zone.owner and zone.owner.login then return zone.owner.login .. "-" .. zone.alias end
  if ask.triton_login then return not zone.owner and "unknown-" .. zone.alias or nil end
  return zone.alias
end

--- The compute node that has an address: { uuid, name, datacenter }, or nil.
---@param address string?
---@return table?
function triton.node(address)
  local known = node(address)
  return known and { uuid = known.uuid, name = known.hostname, datacenter = known.datacenter }
end

return triton
