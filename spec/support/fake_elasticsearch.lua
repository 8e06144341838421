-- fake_elasticsearch: a server that answers as Elasticsearch and OpenSearch do, and goes wrong as they do, when told.
--
--   lua5.4 spec/support/fake_elasticsearch.lua [--port 0] [--port-file FILE] [--flavour E8] [--script FILE.lua]
--          [--until-eof]
--
-- Writes its port and its control port into the port file, one a line. A script returns a table { settings = …,
-- rules = … }. With --until-eof it ends when its standard input does. From specs: see spec/support/elasticsearch.lua.
--
-- Control, over HTTP on either port:
--   GET  /_fake/documents      what is stored, in that order, as JSON lines { _index, _id, attempts, _source }
--   GET  /_fake/requests       all requests since the start, as JSON lines
--   GET  /_fake/counts         counters
--   PUT  /_fake/rules          a list of rules (fake_rules) in place of the old ones; bulk requests count from 1 again
--   PUT  /_fake/settings       settings laid over the old ones: flavour, auth = { "Basic …" }, max_content_length,
--                              root, nodes (false: not allowed), health, and those of fake_index
--   POST /_fake/forget         forgets documents, requests and counters
--   POST /_fake/down           as if killed: connections are reset, the port is closed; /_fake/up opens it again
--   POST /_fake/stop           the end

local here = arg and arg[0] and arg[0]:match("^(.*)spec/support/fake_elasticsearch%.lua$")
if here then package.path = here .. "?.lua;" .. package.path end

local bulk = require "spec.support.fake_bulk"
local flavours = require "spec.support.fake_flavours"
local http = require "spec.support.fake_http"
local json = require "spec.support.json"
local rules = require "spec.support.fake_rules"
local search = require "spec.support.fake_search"

local quote = flavours.quote
local MOST_REQUESTS = 100000

local state = { settings = { flavour = "E8" }, templates = {}, template_names = {} }

local function forget()
  state.indices, state.attempts, state.counts = {}, {}, {}
  state.stored, state.order_index, state.order_id = 0, {}, {}
  state.created, state.made_ids, state.bulk_requests = 0, 0, 0
  state.log, state.connections = {}, 0
end

local function set_rules(list)
  state.rules = rules.compile(list)
  state.bulk_requests = 0
end

local function set(settings)
  for name, value in pairs(settings) do
    if value == json.null then value = nil end
    state.settings[name] = value
  end
  state.flavour = flavours.get(state.settings.flavour)
  state.selections = {}
  state.mapped_paths = nil
  if state.settings.mapping then
    state.mapped_paths = {}
    for path in pairs(state.settings.mapping) do table.insert(state.mapped_paths, path) end
    table.sort(state.mapped_paths)
  end
end

forget()
set_rules {}
set {}

local function reply(status, body, content_type)
  return { status = status, headers = { { "content-type", content_type or "application/json" } }, body = body }
end

local function ok(body) return { status = 200, headers = flavours.headers(state.flavour), body = body } end

-- 1. Control

local control = {}

control["GET documents"] = function()
  local lines = {}
  for i = 1, state.stored do
    local index, id = state.order_index[i], state.order_id[i]
    lines[i] = ('{"_index":%s,"_id":%s,"attempts":%d,"_source":%s}\n'):format(quote(index), quote(id),
      state.attempts[index .. "\0" .. id] or 1, state.indices[index].documents[id])
  end
  return reply(200, table.concat(lines), "application/x-ndjson")
end

control["GET requests"] = function()
  return reply(200, #state.log > 0 and table.concat(state.log, "\n") .. "\n" or "", "application/x-ndjson")
end

control["GET counts"] = function()
  local parts = {}
  for status, count in pairs(state.counts) do parts[#parts + 1] = ('"%d":%d'):format(status, count) end
  table.sort(parts)
  return reply(200, ('{"bulk_requests":%d,"stored":%d,"created":%d,"refused":{%s}}'):format(state.bulk_requests,
    state.stored, state.created, table.concat(parts, ",")))
end

control["PUT rules"] = function(request)
  local list, problem = json.decode(request.body)
  if type(list) ~= "table" then return reply(400, problem or "a list, please", "text/plain") end
  local good, why = pcall(set_rules, list)
  return good and reply(200, "{}") or reply(400, tostring(why), "text/plain")
end

control["PUT settings"] = function(request)
  local settings, problem = json.decode(request.body)
  if type(settings) ~= "table" then return reply(400, problem or "an object, please", "text/plain") end
  local good, why = pcall(set, settings)
  return good and reply(200, "{}") or reply(400, tostring(why), "text/plain")
end

control["POST forget"] = function()
  forget()
  return reply(200, "{}")
end

control["POST down"] = function()
  state.server:down "bulk"
  return reply(200, "{}")
end

control["POST up"] = function()
  state.server:down "bulk"
  state.server:listen(state.port, "bulk")
  return reply(200, "{}")
end

control["POST stop"] = function()
  state.server:after(0.05, function() state.server:stop() end)
  return reply(200, "{}")
end

-- 2. The server's own pages

local function authorised(request)
  local allowed = state.settings.auth
  if not allowed then return true end
  for _, value in ipairs(allowed) do
    if request.headers.authorization == value then return true end
  end
  return false
end

local function unauthorised(request)
  local sent = request.headers.authorization
  local reason = ("missing authentication credentials for REST request [%s]"):format(request.target)
  if sent and sent:find("^Basic") then
    reason = "unable to authenticate user [shipper] for REST request [" .. request.target .. "]"
  elseif sent then
    reason = "unable to authenticate with provided credentials and anonymous access is not allowed for this request"
  end
  local answer = bulk.failure(state.flavour, 401, { type = "security_exception", reason = reason })
  local basic = state.flavour.name == "E7" and 'Basic realm="security" charset="UTF-8"'
    or 'Basic realm="security", charset="UTF-8"'
  for i, value in ipairs { basic, 'Bearer realm="security"', "ApiKey" } do
    table.insert(answer.headers, i, { "WWW-Authenticate", value })
  end
  return answer
end

local function wrong_method(request, allowed)
  local answer = bulk.failure(state.flavour, 405, { text = ("Incorrect HTTP method for uri [%s] and method [%s], "
    .. "allowed: [%s]"):format(request.target, request.method, allowed) })
  table.insert(answer.headers, 1, { "Allow", allowed })
  return answer
end

local function root(request)
  local flavour = state.flavour
  if not flavour.root and not state.settings.root then return wrong_method(request, "DELETE") end
  local distribution = flavour.elastic and '"build_flavor":"default"' or '"distribution":"opensearch"'
  return ok(('{"name":"fake","cluster_name":"fake","cluster_uuid":"uMKPGf3oRoGX6nMj6OEltQ","version":{%s,'
    .. '"number":%s,"build_type":"zip","build_snapshot":false,"lucene_version":"9.12.0"},"tagline":%s}'):format(
    distribution, quote(flavour.number),
    quote(flavour.elastic and "You Know, for Search" or "The OpenSearch Project: https://opensearch.org/")))
end

local function node_version()
  if state.settings.nodes == false then
    return bulk.failure(state.flavour, 403, { text = "action [cluster:monitor/nodes/info] is unauthorized" })
  end
  return ok(('{"nodes":{"TGMXawOoS82Q5BFOYA8_8w":{"version":%s}}}'):format(quote(state.flavour.number)))
end

local function health()
  return ok(('{"cluster_name":"fake","status":%s,"timed_out":false,"number_of_nodes":1,"number_of_data_nodes":1,'
    .. '"active_primary_shards":1,"active_shards":1,"unassigned_shards":0}'):format(
    quote(state.settings.health or "green")))
end

local function template_json(name)
  return ('{"name":%s,"index_template":%s}'):format(quote(name), state.templates[name])
end

local function get_templates(asked)
  local found = {}
  local pattern = asked and "^" .. asked:gsub("[%-%.]", "%%%0"):gsub("%*", ".*") .. "$" or "."
  for _, name in ipairs(state.template_names) do
    if name:find(pattern) then found[#found + 1] = template_json(name) end
  end
  if #found == 0 and asked and not asked:find("*", 1, true) then
    return bulk.failure(state.flavour, 404,
      { type = "resource_not_found_exception", reason = ("index template matching [%s] not found"):format(asked) })
  end
  return ok('{"index_templates":[' .. table.concat(found, ",") .. "]}")
end

local function templates(request, name)
  if request.method == "GET" or request.method == "HEAD" then return get_templates(name) end
  if not name then return wrong_method(request, "GET,HEAD") end
  if request.method == "DELETE" then
    if not state.templates[name] then return get_templates(name) end
    state.templates[name] = nil
    for i, known in ipairs(state.template_names) do
      if known == name then table.remove(state.template_names, i) break end
    end
    return ok '{"acknowledged":true}'
  end
  if request.method ~= "PUT" and request.method ~= "POST" then
    return wrong_method(request, "GET,PUT,DELETE,HEAD,POST")
  end
  local template, problem = json.decode(request.body)
  if type(template) ~= "table" or not template.index_patterns then
    return bulk.failure(state.flavour, 400, { type = "x_content_parse_exception",
      reason = problem or "[index_template] missing required field(s) [[index_patterns]]" })
  end
  if not state.templates[name] then table.insert(state.template_names, name) end
  state.templates[name] = request.body
  return ok '{"acknowledged":true}'
end

local function log(request, answer, items)
  if #state.log >= MOST_REQUESTS then return end
  state.log[#state.log + 1] = ('{"method":%s,"target":%s,"bytes":%d,"items":%d,"status":%s,"gzip":%s,"body_hash":%s}')
    :format(quote(request.method), quote(request.target), #(request.body or ""), items,
      answer.hang and "null" or answer.no_head and "null" or tostring(answer.status), tostring(request.packed or false),
      quote(("%08x"):format(require("zlib").crc32()(request.body or ""))))
end

local function page(request)
  local path, method = request.path, request.method
  if path == "/_bulk" or path == "/_bulk/" or path:find("^/[^_/][^/]*/_bulk/?$") then
    if method ~= "POST" and method ~= "PUT" then return wrong_method(request, "POST,PUT"), 0 end
    return bulk.answer(state, request, path:match("^/([^_/][^/]*)/_bulk"))
  end
  if path == "/" then return root(request), 0 end
  if path == "/_nodes/_local" and request.target:find("filter_path=nodes.*.version", 1, true) then
    return node_version(), 0
  end
  if path:find("^/_cluster/health") then return health(), 0 end
  local template = path:match("^/_index_template/?([^/]*)$")
  if template then return templates(request, template ~= "" and template or nil), 0 end
  return search.page(state, request) or bulk.failure(state.flavour, 400, {
    text = ("no handler found for uri [%s] and method [%s]"):format(request.target, method),
  }), 0
end

local function pack_if_asked(request, answer)
  if not (request.headers["accept-encoding"] or ""):find("gzip", 1, true) or answer.body == "" then return end
  for _, header in ipairs(answer.headers) do if header[1]:lower() == "content-encoding" then return end end
  answer.body = require("zlib").deflate(1, 31)(answer.body, "finish")
  table.insert(answer.headers, { "content-encoding", "gzip" })
end

local function handle(request)
  local deed = request.path:match("^/_fake/(%w+)$")
  if deed then
    local act = control[request.method .. " " .. deed]
    return act and act(request) or reply(404, "no such deed", "text/plain")
  end
  local answer, items
  if not authorised(request) then
    answer, items = unauthorised(request), 0
  else
    answer, items = page(request)
  end
  log(request, answer, items)
  local opaque = request.headers["x-opaque-id"]
  if opaque then table.insert(answer.headers, 1, { "X-Opaque-Id", opaque }) end
  if request.method == "HEAD" then answer.body = "" end
  pack_if_asked(request, answer)
  return answer
end

-- A fault of the fake itself must not look like one of the server's.
local function guarded(request)
  local good, answer = xpcall(handle, debug.traceback, request)
  if good then return answer end
  io.stderr:write("fake_elasticsearch: ", answer, "\n")
  return reply(599, answer, "text/plain")
end

-- Before the body is read: too large, or not allowed.
local function head(request)
  if request.path:find("^/_fake/") then return nil end
  local length = tonumber(request.headers["content-length"] or 0)
  if length > (state.settings.max_content_length or math.huge) then
    request.body = ""
    local answer = { status = 413, headers = {}, body = "" }
    log(request, answer, 0)
    return answer
  end
  if not authorised(request) then
    local answer = unauthorised(request)
    log(request, answer, 0)
    return answer
  end
  return nil
end

-- 3. The program

local function main()
  local options, i = {}, 1
  while i <= #arg do
    local name = arg[i]:match("^%-%-(.+)$")
    if name == "until-eof" then
      options[name] = true
    elseif name == "port" or name == "port-file" or name == "flavour" or name == "script" then
      i = i + 1
      options[name] = assert(arg[i], "--" .. name .. " wants a value")
    else
      io.stderr:write("fake_elasticsearch: what is ", arg[i], "?\n")
      os.exit(2)
    end
    i = i + 1
  end
  if options.flavour then set { flavour = options.flavour } end
  if options.script then
    local script = assert(loadfile(options.script))()
    set(script.settings or {})
    set_rules(script.rules or {})
  end

  state.server = http.new { request = guarded, head = head }
  state.port = state.server:listen(tonumber(options.port or 0), "bulk")
  local control_port = state.server:listen(0, "control")
  if options["until-eof"] then state.server:watch_stdin() end
  if options["port-file"] then
    local new = options["port-file"] .. ".new"
    local file = assert(io.open(new, "w"))
    file:write(state.port, "\n", control_port, "\n")
    file:close()
    assert(os.rename(new, options["port-file"]))
  else
    print(state.port, control_port)
    io.stdout:flush()
  end
  state.server:run()
end

main()
