-- triton_data: invented zones, accounts and compute nodes, as Triton's services tell of them.
--
--   local data = triton_data.new()
--   triton_data.add_zones(data, 10000)     -- more of them, each with a name of its own
local json = require "spec.support.json"

local triton_data = {}

local RACING, OPS = "9a1e6c34-2b5d-4f70-8c93-6d0e4b7a2f51", "e27b5d80-93c6-4e1a-a5f4-7c8d9e0b1a62"
local CN_01, CN_02 = "44454c4c-3200-1042-8050-b4c04f313233", "44454c4c-4700-1051-8033-c8c04f443536"

triton_data.WEB = "5f3c1d52-8a07-4e6b-9d41-0c2b7e9a1f10"
triton_data.BHYVE = "d8e4a7b0-66f1-4c2d-b3a9-51e0c97f2283"
triton_data.DESTROYED = "0b6d2f9e-1c48-4a35-8e77-f4a3d5c60912"
triton_data.RACING, triton_data.OPS = RACING, OPS
triton_data.CN_01, triton_data.CN_02 = CN_01, CN_02
-- Stands in every zone's metadata and in every account, and must never be seen again.
triton_data.SECRET = "do-not-log-this"

local function vm(own)
  local it = {
    autoboot = true, customer_metadata = { root_authorized_keys = triton_data.SECRET }, datasets = json.list {},
    destroyed = json.null, internal_metadata = { root_pw = triton_data.SECRET }, nics = json.list {}, ram = 1024,
    tags = {}, zpool = "zones", billing_id = "c0ffee00-1234-4abc-8def-000000000001", server_uuid = CN_01,
    owner_uuid = RACING, zonepath = "/zones/" .. own.uuid,
  }
  for name, value in pairs(own) do it[name] = value end
  return it
end

local function account(uuid, login, operator)
  return {
    roles = {}, account = {
      type = "account", uuid = uuid, login = login, groups = json.list(operator and { "operators" } or {}),
      approved_for_provisioning = true, isOperator = operator, keys = { one = triton_data.SECRET },
    },
  }
end

local function node(uuid, hostname, tag, admin_ip, ip)
  return {
    uuid = uuid, hostname = hostname, datacenter = "lab-1", status = "running", setup = true,
    sysinfo = {
      UUID = uuid, Hostname = hostname, ["Admin NIC Tag"] = tag, ["Admin IP"] = admin_ip,
      ["Network Interfaces"] = { ixgbe0 = { ip4addr = ip, ["NIC Names"] = json.list { tag } } },
    },
  }
end

function triton_data.new()
  local data = { vms = {}, accounts = {}, servers = {}, images = {}, packages = {} }
  local function add(list, it) data[list][it.uuid or it.account.uuid] = it end
  add("vms", vm { uuid = triton_data.WEB, alias = "web-1", brand = "joyent-minimal", state = "running",
    zone_state = "running", image_uuid = "a1b2c3d4-0001-4000-8000-00000000abcd",
    create_timestamp = "2025-02-03T04:05:06.789Z", last_modified = "2025-06-01T10:00:00.000Z",
    tags = { role = "www", weight = 2 },
    nics = json.list { { interface = "net0", nic_tag = "external", ip = "198.51.100.20" } } })
  add("vms", vm { uuid = triton_data.BHYVE, alias = "db-bhyve", brand = "bhyve", state = "stopped",
    zone_state = "installed", server_uuid = CN_02, billing_id = "00000000-0000-0000-0000-000000000000", vcpus = 2,
    create_timestamp = "2024-11-12T13:14:15.161Z", last_modified = "2025-05-20T08:30:00.000Z",
    disks = json.list { { boot = true, model = "virtio", image_uuid = "a1b2c3d4-0002-4000-8000-00000000abcd",
      size = 20480 } } })
  add("vms", vm { uuid = triton_data.DESTROYED, alias = "build-old", brand = "joyent", state = "destroyed",
    zone_state = "destroyed", owner_uuid = OPS, image_uuid = "a1b2c3d4-0003-4000-8000-00000000abcd",
    create_timestamp = "2023-01-02T03:04:05.006Z", last_modified = "2024-07-08T09:10:11.000Z",
    destroyed = "2024-07-08T09:10:12.345Z" })
  add("accounts", account(RACING, "racing", false))
  add("accounts", account(OPS, "ops.team", true))
  add("servers", node(CN_01, "cn-01", "admin", "192.0.2.11", "192.0.2.11"))
  add("servers", node(CN_02, "cn-02", "admin_rack_b", "dhcp", "192.0.2.12"))
  for i, name in ipairs { "base-64-lts", "debian-12", "base-old" } do
    add("images", { uuid = ("a1b2c3d4-000%d-4000-8000-00000000abcd"):format(i), name = name, version = "22.4.0",
      os = "smartos", type = "zone-dataset", owner = OPS, state = "active" })
  end
  add("packages", { uuid = "c0ffee00-1234-4abc-8def-000000000001", name = "g1-small", version = "1.0.0",
    group = "g1" })
  return data
end

--- The UUID of the n-th zone of add_zones, and of any that does not exist.
function triton_data.uuid(n) return ("%08x-0000-4000-8000-00000000beef"):format(n) end

function triton_data.add_zones(data, count)
  for i = 1, count do
    local uuid = triton_data.uuid(i)
    data.vms[uuid] = vm { uuid = uuid, alias = "zone-" .. i, brand = "joyent", state = "running",
      zone_state = "running", create_timestamp = "2025-01-01T00:00:00.000Z",
      last_modified = "2025-01-01T00:00:00.000Z" }
  end
end

return triton_data
