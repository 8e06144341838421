-- fake_triton: VMAPI, Mahi, CNAPI, NAPI, IMGAPI and PAPI, each on a port of its own, answering, refusing and limiting
-- as they do, and failing when told.
--
--   lua5.4 spec/support/fake_triton.lua [--port-file FILE] [--zones N] [--until-eof]
--
-- Prints a line { "vmapi": port, … } or writes it into the port file. From specs: see spec/support/triton.lua.
--
-- Control, over HTTP on any of the ports:
--   GET  /_fake/requests   all requests since the start, or the last forget, as JSON lines { service, method, target,
--                          status, headers }
--   GET  /_fake/counts     { service = requests }
--   PUT  /_fake/faults     { service = fault }, laid over the old ones; null takes one back. A fault is { kind = …,
--                          delay = seconds, path = only requests whose path holds this text, times = only so many }
--   PUT  /_fake/data       { vms = [ … ], accounts = [ … ], servers = [ … ] } put in place of those of the same uuid;
--                          { without = { vms = [ uuid ] } } takes some away
--   POST /_fake/forget     forgets requests and counts
--   POST /_fake/down?S     as if service S were killed; /_fake/up?S starts it again
--   POST /_fake/stop       the end
--
-- Kinds of fault: "slow" (delay only), "error" (500 as without a database), "not_ready" (503 as while starting), "html"
-- (200 with a page of a proxy), "cut_json", "wrong_json" (a list for an object and the other way round), "empty",
-- "huge" (16 MiB), "deep", "hang", "reset", "cut".

local here = arg and arg[0] and arg[0]:match("^(.*)spec/support/fake_triton%.lua$")
if here then package.path = here .. "?.lua;" .. package.path end

local data_of = require "spec.support.triton_data"
local http = require "spec.support.fake_http"
local json = require "spec.support.json"

local SERVICES = { "vmapi", "mahi", "cnapi", "napi", "imgapi", "papi" }
local MOST_REQUESTS = 100000
local UUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

local state = { data = data_of.new(), faults = {}, ports = {} }

local function forget() state.log, state.counts = {}, {} end
forget()

local function reply(status, value, headers)
  local list = { { "content-type", "application/json" }, { "x-request-id", "fake" }, { "x-response-time", "1" } }
  for _, header in ipairs(headers or {}) do list[#list + 1] = header end
  return { status = status, headers = list, body = type(value) == "string" and value or json.encode(value) }
end

local function failure(status, code, message, errors)
  return reply(status, { code = code, message = message, errors = errors and json.list(errors) or nil })
end

local function is_uuid(text) return text:find(UUID) ~= nil and text == text:lower() end

local function no_path(request)
  return failure(404, "ResourceNotFound", request.path .. " does not exist")
end

local function unescape(text)
  return (text:gsub("%+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- name → list of values, in their order: Mahi takes a name more than once.
local function parameters(target)
  local all = {}
  for pair in (target:match "%?(.*)$" or ""):gmatch "[^&]+" do
    local name, value = pair:match "^([^=]*)=?(.*)$"
    name = unescape(name)
    all[name] = all[name] or {}
    table.insert(all[name], unescape(value))
  end
  return all
end

local function split(text)
  local list = {}
  for word in (text or ""):gmatch "[^,]+" do list[#list + 1] = word end
  return list
end

local function set_of(list)
  local set = {}
  for _, word in ipairs(list) do set[word] = true end
  return set
end

local function only(object, fields)
  if not fields or fields["*"] then return object end
  local kept = {}
  for name in pairs(fields) do kept[name] = object[name] end
  return kept
end

local function sorted(objects, descending)
  local list = {}
  for _, it in pairs(objects) do list[#list + 1] = it end
  table.sort(list, function(a, b)
    if descending then return a.uuid > b.uuid end
    return a.uuid < b.uuid
  end)
  return list
end

local services = {}

-- 1. VMAPI

local VM_PARAMETERS = set_of {
  "uuid", "uuids", "owner_uuid", "server_uuid", "image_uuid", "billing_id", "brand", "docker", "alias", "state",
  "query", "predicate", "fields", "limit", "marker", "offset", "order", "sort", "ram", "create_timestamp",
}
local VM_FIELDS = set_of {
  "uuid", "alias", "owner_uuid", "brand", "state", "zone_state", "server_uuid", "billing_id", "tags", "last_modified",
  "*",
}

local function invalid(field, code, message)
  return failure(409, "ValidationFailed", "Invalid Parameters", { { field = field, code = code, message = message } })
end

local function is_active(vm) return vm.state ~= "destroyed" and vm.state ~= "failed" end

local function matches(vm, asked)
  for _, name in ipairs { "uuid", "owner_uuid", "server_uuid", "image_uuid", "billing_id", "brand" } do
    if asked[name] and vm[name] ~= asked[name] then return false end
  end
  if asked.state == "active" and not is_active(vm) then return false end
  if asked.state and asked.state ~= "active" and vm.state ~= asked.state then return false end
  if asked.alias and vm.alias:sub(1, #asked.alias) ~= asked.alias then return false end
  return true
end

-- The parameters of a list, one value each, or the refusal of one.
local function check_vm_list(all)
  local asked = {}
  for name, values in pairs(all) do
    if not VM_PARAMETERS[name] and not name:find "^tag%." then
      return nil, invalid(name, "Invalid", "Unsupported parameter")
    end
    asked[name] = values[#values]
  end
  for _, field in ipairs(split(asked.fields)) do
    if not VM_FIELDS[field] then return nil, invalid("fields", "Invalid", "Invalid field: " .. field) end
  end
  for _, uuid in ipairs(split(asked.uuids)) do
    if not is_uuid(uuid) then return nil, invalid("uuids", "Invalid", "Invalid UUID") end
  end
  asked.limit = math.tointeger(tonumber(asked.limit or 1000))
  if not asked.limit or asked.limit < 1 or asked.limit > 1000 then
    return nil, invalid("limit", "Invalid", "Not a valid number: number must be between 1 and 1000")
  end
  if asked.marker and asked.offset then
    return nil, invalid("offset", "ConflictingParameters", "offset and marker")
  end
  if asked.marker and asked.marker ~= "" then
    local marker = json.decode(asked.marker)
    if type(marker) ~= "table" or not marker.uuid then
      return nil, invalid("marker", "Invalid", "Invalid marker")
    end
    asked.below = marker.uuid
  end
  return asked
end

local function list_vms(request)
  local asked, refusal = check_vm_list(parameters(request.target))
  if not asked then return refusal end
  local wanted = asked.uuids and set_of(split(asked.uuids))
  local fields = asked.fields and set_of(split(asked.fields))
  local page, total, skip = {}, 0, math.tointeger(tonumber(asked.offset or 0)) or 0
  for _, vm in ipairs(sorted(state.data.vms, true)) do
    if matches(vm, asked) and (not wanted or wanted[vm.uuid]) then
      total = total + 1
      local behind = not asked.below or vm.uuid < asked.below
      if behind and skip > 0 then
        skip = skip - 1
      elseif behind and #page < asked.limit then
        page[#page + 1] = only(vm, fields)
      end
    end
  end
  return reply(200, json.list(page), { { "x-joyent-resource-count", tostring(total) } })
end

function services.vmapi(request)
  if request.path == "/ping" then
    return reply(200, { healthy = true, status = "OK", services = { moray = "online" } })
  end
  if request.path == "/vms" then return list_vms(request) end
  local uuid = request.path:match "^/vms/([^/]+)$"
  if not uuid then return no_path(request) end
  if not is_uuid(uuid) then return invalid("uuid", "Invalid", "Invalid UUID") end
  local asked, vm = parameters(request.target), state.data.vms[uuid]
  if not vm or asked.owner_uuid and asked.owner_uuid[1] ~= vm.owner_uuid then
    return failure(404, "ResourceNotFound", "VM not found")
  end
  return reply(200, only(vm, asked.fields and set_of(split(asked.fields[1]))))
end

-- 2. Mahi

local function account_by_login(login)
  for _, account in pairs(state.data.accounts) do
    if account.account.login == login then return account end
  end
end

function services.mahi(request)
  local asked, path = parameters(request.target), request.path
  if path == "/ping" then return { status = 204, headers = {}, body = "" } end
  if path == "/names" then
    local names = {}
    for _, uuid in ipairs(asked.uuid or {}) do
      local account = state.data.accounts[uuid]
      names[uuid] = account and account.account.login
    end
    return reply(200, names)
  end
  if path == "/accounts" then
    if not asked.login then return failure(400, "BadRequestError", "login is required") end
    local account = account_by_login(asked.login[1])
    return account and reply(200, account) or failure(404, "AccountDoesNotExist", asked.login[1] .. " does not exist")
  end
  if path == "/uuids" then
    local account = account_by_login((asked.account or {})[1])
    if not account then return failure(404, "AccountDoesNotExist", "account does not exist") end
    return reply(200, { account = account.account.uuid })
  end
  if path == "/lookup" then
    local all = {}
    for uuid, account in pairs(state.data.accounts) do
      all[uuid] = { approved = true, login = account.account.login }
    end
    return reply(200, all)
  end
  local uuid = path:match "^/accounts/([^/]+)$"
  if uuid then
    local account = state.data.accounts[uuid]
    return account and reply(200, account) or failure(404, "AccountIdDoesNotExist", uuid .. " does not exist")
  end
  local user = path:match "^/users/([^/]+)$"
  if user then return failure(404, "UserIdDoesNotExist", user .. " does not exist") end
  return no_path(request)
end

-- 3. CNAPI and NAPI

local SERVER_PARAMETERS = set_of { "setup", "extras", "fields", "uuids", "hostname", "limit", "offset", "headnode",
  "reserved", "reservoir" }

local function list_servers(request)
  local asked = {}
  for name, values in pairs(parameters(request.target)) do
    if not SERVER_PARAMETERS[name] then return failure(409, "InvalidArgument", "Invalid parameter: " .. name) end
    asked[name] = values[#values]
  end
  local limit, skip = tonumber(asked.limit or 1000), tonumber(asked.offset or 0)
  if not math.tointeger(limit) or limit < 1 or limit > 1000 or not math.tointeger(skip) then
    return failure(409, "InvalidParameters", "Request parameters failed validation")
  end
  local wanted = asked.uuids and set_of(split(asked.uuids))
  local extras = set_of(split(asked.extras))
  local page, at = {}, 0
  for _, server in ipairs(sorted(state.data.servers)) do
    if (not wanted or wanted[server.uuid]) and (not asked.hostname or asked.hostname == server.hostname) then
      at = at + 1
      if at > skip and #page < limit then
        local seen = only(server, nil)
        if not (extras.sysinfo or extras.all) then
          seen = {}
          for name, value in pairs(server) do if name ~= "sysinfo" then seen[name] = value end end
        end
        page[#page + 1] = only(seen, asked.fields and set_of(split(asked.fields)))
      end
    end
  end
  return reply(200, json.list(page))
end

function services.cnapi(request)
  if request.path == "/ping" then return reply(200, { ready = true, services = { moray = "online" } }) end
  if request.path == "/servers" then return list_servers(request) end
  local uuid = request.path:match "^/servers/([^/]+)$"
  if not uuid then return no_path(request) end
  if not is_uuid(uuid) then return failure(409, "InvalidParameters", "Request parameters failed validation") end
  local server = state.data.servers[uuid]
  return server and reply(200, server) or failure(404, "ResourceNotFound", "Server UUID not found")
end

function services.napi(request)
  if request.path == "/ping" then return reply(200, { healthy = true }) end
  if request.path ~= "/search/ips" then return no_path(request) end
  local ip = (parameters(request.target).ip or {})[1]
  for uuid, server in pairs(state.data.servers) do
    for _, nic in pairs(server.sysinfo["Network Interfaces"]) do
      if nic.ip4addr == ip then
        return reply(200, json.list { { ip = ip, belongs_to_type = "server", belongs_to_uuid = uuid } })
      end
    end
  end
  return failure(404, "ResourceNotFound", "No networks found containing that IP address")
end

-- 4. IMGAPI, PAPI

local function one_of(list, folder)
  return function(request)
    if request.path == "/ping" then return reply(200, { ping = "pong", backend = "up" }) end
    local uuid = request.path:match("^/" .. folder .. "/([^/]+)$")
    local it = uuid and state.data[list][uuid]
    if not uuid then return no_path(request) end
    return it and reply(200, it) or failure(404, "ResourceNotFound", folder .. " not found")
  end
end

services.imgapi, services.papi = one_of("images", "images"), one_of("packages", "packages")

-- 5. Faults

local kinds = {}

function kinds.slow() return nil end
function kinds.error() return reply(500, { message = "moray: no connections" }) end
function kinds.not_ready(service)
  if service == "mahi" then return failure(503, "ReplicatorNotReady", "the replicator has not caught up") end
  return failure(503, "MorayBucketsNotSetup", "Moray buckets are not setup")
end
function kinds.html()
  return { status = 200, headers = { { "content-type", "text/html" } }, body = "<html><body>Sign in</body></html>" }
end
function kinds.cut_json(_, answer)
  answer.body = answer.body:sub(1, #answer.body // 2)
  return answer
end
function kinds.wrong_json(_, answer)
  answer.body = answer.body:find "^%[" and '{"vms":true}' or '["wrong"]'
  return answer
end
function kinds.empty(_, answer)
  answer.body = ""
  return answer
end
function kinds.huge() return reply(200, '{"alias":"' .. ("x"):rep(16 << 20) .. '"}') end
function kinds.deep() return reply(200, '{"alias":' .. ("["):rep(5000) .. ("]"):rep(5000) .. "}") end
function kinds.hang() return { hang = true } end
function kinds.reset() return { status = 200, headers = {}, body = "", no_head = true, reset = 0 } end
function kinds.cut(_, answer)
  answer.cut = #answer.body // 2
  return answer
end

local function with_fault(service, request, answer)
  local fault = state.faults[service]
  if not fault or fault.path and not request.path:find(fault.path, 1, true) then return answer end
  if fault.times then
    if fault.times <= 0 then return answer end
    fault.times = fault.times - 1
  end
  answer = kinds[fault.kind or "slow"](service, answer) or answer
  answer.delay = fault.delay
  return answer
end

-- 6. Control

local control = {}

local function plain(status, text) return { status = status, headers = {}, body = text } end

control["GET requests"] = function()
  return plain(200, #state.log > 0 and table.concat(state.log, "\n") .. "\n" or "")
end
control["GET counts"] = function() return plain(200, json.encode(state.counts)) end
control["POST forget"] = function()
  forget()
  return plain(200, "{}")
end
control["PUT faults"] = function(request)
  for service, fault in pairs(assert(json.decode(request.body))) do
    if fault == json.null then fault = nil end
    assert(not fault or kinds[fault.kind or "slow"], "no such kind of fault")
    state.faults[service] = fault
  end
  return plain(200, "{}")
end
control["PUT data"] = function(request)
  local given = assert(json.decode(request.body))
  for list, uuids in pairs(given.without or {}) do
    for _, uuid in ipairs(uuids) do state.data[list][uuid] = nil end
  end
  given.without = nil
  for list, elements in pairs(given) do
    for _, it in ipairs(elements) do state.data[list][it.uuid or it.account.uuid] = it end
  end
  return plain(200, "{}")
end
control["POST down"] = function(_, service)
  state.server:down(service)
  return plain(200, "{}")
end
control["POST up"] = function(_, service)
  state.server:down(service)
  state.server:listen(state.ports[service], service)
  return plain(200, "{}")
end
control["POST stop"] = function()
  state.server:after(0.05, function() state.server:stop() end)
  return plain(200, "{}")
end

local function handle(request)
  local deed, service = request.target:match "^/_fake/(%w+)%??(%w*)$"
  if deed then
    local act = control[request.method .. " " .. deed]
    return act and act(request, service) or plain(404, "no such deed")
  end
  service = request.role
  local answer = with_fault(service, request, services[service](request))
  state.counts[service] = (state.counts[service] or 0) + 1
  if #state.log < MOST_REQUESTS then
    state.log[#state.log + 1] = json.encode { service = service, method = request.method, target = request.target,
      status = answer.status or 0, headers = request.headers }
  end
  if request.method == "HEAD" then answer.body = "" end
  return answer
end

-- A fault of the fake itself must not look like one of the services'.
local function guarded(request)
  local good, answer = xpcall(handle, debug.traceback, request)
  if good then return answer end
  io.stderr:write("fake_triton: ", answer, "\n")
  return plain(599, answer)
end

local function main()
  local options, i = {}, 1
  while i <= #arg do
    local name = arg[i]:match "^%-%-(.+)$"
    if name == "until-eof" then
      options[name] = true
    elseif name == "port-file" or name == "zones" then
      i = i + 1
      options[name] = assert(arg[i], "--" .. name .. " wants a value")
    else
      io.stderr:write("fake_triton: what is ", arg[i], "?\n")
      os.exit(2)
    end
    i = i + 1
  end
  data_of.add_zones(state.data, math.tointeger(tonumber(options.zones or 0)))
  state.server = http.new { request = guarded, max_request_line = 16384 }
  for _, service in ipairs(SERVICES) do state.ports[service] = state.server:listen(0, service) end
  state.ports.control = state.server:listen(0, "control")
  if options["until-eof"] then state.server:watch_stdin() end
  if options["port-file"] then
    local new = options["port-file"] .. ".new"
    local file = assert(io.open(new, "w"))
    file:write(json.encode(state.ports))
    file:close()
    assert(os.rename(new, options["port-file"]))
  else
    print(json.encode(state.ports))
    io.stdout:flush()
  end
  state.server:run()
end

main()
