-- triton: a fake VMAPI, Mahi, CNAPI, NAPI, IMGAPI and PAPI for stories, run as a process of its own.
--
--   local triton = require "spec.support.triton".start { zones = 1000 }
--   … services = { { name = "vmapi", url = triton.url.vmapi } } …
--   triton:faults { vmapi = { kind = "not_ready" } }
--   assert.equal(1, triton:count "vmapi")
--   triton:stop()
--
-- Faults and data: see fake_triton. It ends with the specs, whatever happens to them.
local socket = require "socket"

local http = require "spec.support.elasticsearch".http
local json = require "spec.support.json"

local triton = {}
triton.__index = triton

---@param options? { zones?: integer }
function triton.start(options)
  options = options or {}
  local self = setmetatable({ url = {} }, triton)
  local port_file = os.tmpname()
  os.remove(port_file)
  self.pipe = assert(io.popen(("exec lua5.4 spec/support/fake_triton.lua --until-eof --port-file '%s' --zones %d")
    :format(port_file, options.zones or 0), "w"))
  local file
  for _ = 1, 3000 do
    file = io.open(port_file)
    if file then break end
    socket.sleep(0.01)
  end
  assert(file, "the fake Triton did not start")
  self.ports = assert(json.decode(file:read "a"))
  file:close()
  os.remove(port_file)
  for service, port in pairs(self.ports) do self.url[service] = "http://127.0.0.1:" .. port end
  return self
end

local function control(self, method, deed, body)
  local status, text = http(method, ("%s/_fake/%s"):format(self.url.control, deed), body)
  assert(status == 200, text)
  return text
end

function triton:faults(faults) control(self, "PUT", "faults", json.encode(faults)) end
--- No more faults of these services.
function triton:well(...)
  local faults = {}
  for _, service in ipairs { ... } do faults[service] = json.null end
  self:faults(faults)
end
function triton:data(data) control(self, "PUT", "data", json.encode(data)) end
function triton:forget() control(self, "POST", "forget", "") end
function triton:down(service) control(self, "POST", "down?" .. service, "") end
function triton:up(service) control(self, "POST", "up?" .. service, "") end

--- { service, method, target, status, headers } each, in their order.
function triton:requests()
  local list = {}
  for line in control(self, "GET", "requests"):gmatch "[^\n]+" do list[#list + 1] = assert(json.decode(line)) end
  return list
end

--- How many requests a service had.
function triton:count(service)
  return math.tointeger(assert(json.decode(control(self, "GET", "counts")))[service] or 0)
end

--- A request as any client would make it: status, body, headers.
function triton:ask(service, method, path) return http(method, self.url[service] .. path) end

function triton:stop()
  if not self.pipe then return end
  pcall(control, self, "POST", "stop", "")
  self.pipe:close()
  self.pipe = nil
end

return triton
