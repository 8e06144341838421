-- demo_triton: the zones of the demo's trail, told to the fake services of Triton, and the settings that name these.
--
--   lua5.4 spec/demo_triton.lua PORT-FILE      waits for the file that fake_triton writes its ports into
package.path = "./?.lua;" .. package.path

local http = require "spec.support.elasticsearch".http
local json = require "spec.support.json"
local socket = require "socket"

local OWNERS = { acme = "9a1e6c34-2b5d-4f70-8c93-6d0e4b7a2f51", ["ops.team"] = "e27b5d80-93c6-4e1a-a5f4-7c8d9e0b1a62" }
local NODE = "44454c4c-3200-1042-8050-b4c04f313233"

local function vm(uuid, alias, login, brand)
  return { uuid = uuid, alias = alias, owner_uuid = OWNERS[login], brand = brand, state = "running", server_uuid = NODE,
    billing_id = "00000000-0000-0000-0000-000000000000", tags = {}, customer_metadata = {} }
end

local function account(login)
  return { roles = {}, account = { type = "account", uuid = OWNERS[login], login = login } }
end

local data = {
  vms = {
    vm("b6d2c1f0-3a57-4e0c-9f27-5d6f0c1e8a11", "web-1", "acme", "joyent-minimal"),
    vm("0f9e7a44-81c3-4b6d-a2be-73d1c90ab522", "db-1", "acme", "joyent-minimal"),
    vm("5c1ad9e3-6f20-4f83-8d14-e2b7f35c6933", "build-3", "ops.team", "lx"),
  },
  accounts = { account "acme", account "ops.team" },
  servers = { { uuid = NODE, hostname = "cn-01", datacenter = "lab-1", status = "running", setup = true,
    sysinfo = { ["Admin IP"] = "127.0.0.1" } } },
}

local function ports_of(name)
  for _ = 1, 500 do
    local file = io.open(name)
    local text = file and file:read "a"
    if file then file:close() end
    if text and text:find "}" then return assert(json.decode(text)) end
    socket.sleep(0.02)
  end
  error "the fake services did not start"
end

local ports = ports_of((assert(arg[1], "which file?")))
local status, answer = http("PUT", ("http://127.0.0.1:%d/_fake/data"):format(ports.control), json.encode(data))
assert(status == 200, answer)
for _, name in ipairs { "vmapi", "mahi", "cnapi" } do
  print(('    { name = "%s", url = "http://127.0.0.1:%d" },'):format(name, ports[name]))
end
