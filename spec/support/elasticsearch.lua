-- elasticsearch: a fake Elasticsearch for stories, run as a process of its own.
--
--   local es = elasticsearch.start { flavour = "O2", rules = { { nth = 1, answer = { fault = "busy" } } } }
--   … urls = { es.url } …
--   assert.equal(3, #es:documents())
--   es:stop()
--
-- Rules and settings: see fake_rules, fake_bulk, fake_index. It ends with the specs, whatever happens to them.
local http = require "socket.http"
local ltn12 = require "ltn12"
local socket = require "socket"

local json = require "spec.support.json"

http.TIMEOUT = 60

local elasticsearch = {}
elasticsearch.__index = elasticsearch

--- One request; headers is a table of names in lower case. Status is nil where no answer came, body is then the reason.
---@param method string
---@param url string
---@param body? string
---@param headers? table
---@return integer? status
---@return string body
---@return table? headers
function elasticsearch.http(method, url, body, headers)
  local parts = {}
  headers = headers or {}
  if body then headers["content-length"] = tostring(#body) end
  local done, status, answered = http.request {
    method = method, url = url, headers = headers, source = body and ltn12.source.string(body),
    sink = ltn12.sink.table(parts), redirect = false,
  }
  if not done then return nil, status end
  return math.tointeger(status), table.concat(parts), answered
end

--- Starts one. Options: flavour (E8), settings, rules, port, script (a file).
---@param options? table
---@return table
function elasticsearch.start(options)
  options = options or {}
  local self = setmetatable({}, elasticsearch)
  local port_file = os.tmpname()
  os.remove(port_file)
  local program = "exec lua5.4 spec/support/fake_elasticsearch.lua --until-eof"
  local command = ("%s --port-file '%s' --port %d --flavour %s"):format(program, port_file, options.port or 0,
    options.flavour or "E8")
  if options.script then command = ("%s --script '%s'"):format(command, options.script) end
  self.pipe = assert(io.popen(command, "w"))
  local file
  for _ = 1, 3000 do
    file = io.open(port_file)
    if file then break end
    socket.sleep(0.01)
  end
  assert(file, "the fake Elasticsearch did not start")
  self.port, self.control_port = file:read("n", "n")
  file:close()
  os.remove(port_file)
  self.url = "http://127.0.0.1:" .. self.port
  if options.settings then self:settings(options.settings) end
  if options.rules then self:rules(options.rules) end
  return self
end

local function control(self, method, deed, body)
  local url = ("http://127.0.0.1:%d/_fake/%s"):format(self.control_port, deed)
  local status, text = elasticsearch.http(method, url, body)
  assert(status == 200, text)
  return text
end

local function lines(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do list[#list + 1] = assert(json.decode(line)) end
  return list
end

--- What goes wrong from now on, in place of what was said before. In settings, json.null takes one back.
function elasticsearch:rules(list) control(self, "PUT", "rules", json.encode(json.list(list))) end
function elasticsearch:settings(settings) control(self, "PUT", "settings", json.encode(settings)) end
--- The stored documents in the order of storing: { _index, _id, attempts, _source }, decoded to the letter.
function elasticsearch:documents() return lines(control(self, "GET", "documents")) end
--- The same as JSON lines, for comparing bytes.
function elasticsearch:raw_documents() return control(self, "GET", "documents") end
--- All requests: { method, target, bytes, items, status, gzip, body_hash }.
function elasticsearch:requests() return lines(control(self, "GET", "requests")) end
--- { bulk_requests, stored, created, refused = { ["409"] = n, … } }
function elasticsearch:counts() return assert(json.decode(control(self, "GET", "counts"))) end
function elasticsearch:forget() control(self, "POST", "forget") end
--- As if it were killed: connections are reset, nobody listens. up() takes the same port again, with all documents.
function elasticsearch:down() control(self, "POST", "down") end
function elasticsearch:up() control(self, "POST", "up") end

--- A request as any client would make it: status, body, headers.
function elasticsearch:ask(method, path, body, headers)
  return elasticsearch.http(method, self.url .. path, body, headers)
end

function elasticsearch:stop()
  if not self.pipe then return end
  pcall(control, self, "POST", "stop")
  self.pipe:close()
  self.pipe = nil
end

return elasticsearch
