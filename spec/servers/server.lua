-- server: a real Elasticsearch or OpenSearch on this machine, one node or several that form a cluster.
--
-- spec/servers/run says by the environment where things are:
--   SERVER_NAME     a name of spec/servers/distributions
--   SERVER_HOME     the unpacked distribution, readable to the user the server runs as
--   SERVER_JAVA     the JVM's folder
--   SERVER_WORK     an empty folder for data, settings and logs of nodes, owned by that user
--   SERVER_USER     that user, when we are root (these servers refuse to run as root); else empty
--   SERVER_GROUPS   file for the groups of processes that run, which it ends when we cannot
local http = require "spec.servers.http"
local process = require "spec.support.process"
local shell = require "spec.servers.shell"
local socket = require "socket"

local server = {}

--- What the spec run is about: name, product, major version.
server.name = assert(os.getenv "SERVER_NAME", "run these specs by spec/servers/run")
server.product, server.major = server.name:match "^(%a+)%-(%d+)$"
server.major = math.tointeger(tonumber(server.major))

local elastic = server.product == "elasticsearch"
local home, java = os.getenv "SERVER_HOME", os.getenv "SERVER_JAVA"
local work, user = os.getenv "SERVER_WORK", os.getenv "SERVER_USER" or ""

---@class server.Node
---@field name string
---@field port integer
---@field process? table while it runs; the leader of its group
local node = {}
node.__index = node

local running = {} -- nodes

-- A node is a group of processes: the start script of Elasticsearch 8 and 9 stays beside the server that it starts.
local function group_alive(leader)
  if leader:poll() == nil then return true end
  local states = shell.run(("ps -o stat= -g %d"):format(leader.pid)):gsub("Z%S*", "")
  return states:match "%S" ~= nil
end

local function signal_group(leader, signal) process.signal.kill(-leader.pid, signal) end

local function note_running(self, runs)
  running[self] = runs
  local groups = {}
  for n in pairs(running) do groups[#groups + 1] = n.process.pid .. "\n" end
  process.write(os.getenv "SERVER_GROUPS", table.concat(groups))
end

local function free_port()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return math.tointeger(tonumber(port))
end

local function as_user(list)
  if user == "" then return list end
  local group = shell.must("id -g " .. user):match "%d+"
  local all = { "setpriv", "--reuid=" .. user, "--regid=" .. group, "--clear-groups" }
  for _, word in ipairs(list) do all[#all + 1] = word end
  return all
end

--- Gives a file or folder to the user that the server runs as.
local function hand_over(path)
  if user ~= "" then shell.must(("chown -R %s %s"):format(user, shell.quote(path))) end
end

local function environment(self)
  local prefix = elastic and "ES" or "OPENSEARCH"
  return {
    [prefix .. "_JAVA_HOME"] = java,
    [prefix .. "_PATH_CONF"] = self.folder .. "/config",
    [prefix .. "_JAVA_OPTS"] = ("-Xms%dm -Xmx%dm -XX:-UseG1GC -XX:+UseSerialGC -XX:TieredStopAtLevel=1")
      :format(self.heap, self.heap),
    [prefix .. "_TMPDIR"] = self.folder .. "/tmp",
    JDK_JAVA_OPTIONS = ("-Djava.io.tmpdir=%s/tmp"):format(self.folder),	-- for the start script's own small JVMs
    HOME = self.folder,
  }
end

--- Makes a throw-away CA and a certificate for loopback in a folder: ca.crt, n.key, n.crt.
---@param folder string
function server.make_certificates(folder)
  process.write(folder .. "/extensions", "subjectAltName=IP:127.0.0.1,DNS:localhost\n")
  shell.must(([[cd %s &&
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj '/CN=throw-away CA' &&
    openssl req -newkey rsa:2048 -nodes -keyout n.key -out n.csr -subj /CN=localhost &&
    openssl x509 -req -in n.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out n.crt -days 2 -extfile extensions]])
    :format(shell.quote(folder)))
end

---@class server.Options
---@field name? string of the node and its folder (default "single")
---@field heap? integer MB (default 384)
---@field settings? table setting → value, as in the server's own settings file
---@field users? table name → { password = …, roles = … }: turns security and TLS on (Elasticsearch)
---@field roles? string text of roles.yml

--- Prepares a node; nothing runs yet.
---@param options server.Options
---@return server.Node
function server.node(options)
  local self = setmetatable({
    name = options.name or "single", heap = options.heap or 384, access = {}, scheme = "http",
    port = free_port(), transport_port = free_port(),
  }, node)
  self.folder = ("%s/%s"):format(work, self.name)
  self.config = self.folder .. "/config"
  shell.must(("mkdir -p %s/data %s/logs %s/tmp && cp -R %s/config %s")
    :format(self.folder, self.folder, self.folder, home, self.folder))
  -- No log of the garbage collector, no heap dumps.
  shell.must(("sed -i -e '/Xlog:gc/d' -e '/HeapDump/d' -e '/PrintGC/d' %s/jvm.options"):format(self.config))
  self.settings = {
    ["node.name"] = self.name, ["http.port"] = self.port, ["transport.port"] = self.transport_port,
    ["path.data"] = self.folder .. "/data", ["path.logs"] = self.folder .. "/logs",
    -- A fuller disk than the server likes is no business of ours.
    ["cluster.routing.allocation.disk.threshold_enabled"] = "false",
  }
  if not (options.settings or {})["discovery.seed_hosts"] then self.settings["discovery.type"] = "single-node" end
  if elastic then self.settings["xpack.security.enabled"] = tostring(options.users ~= nil) end
  for key, value in pairs(options.settings or {}) do self.settings[key] = value end
  if options.users then self:secure(options) end
  hand_over(self.folder)
  return self
end

function node:secure(options)
  local folder = self.config .. "/tls"
  shell.must("mkdir -p " .. shell.quote(folder))
  server.make_certificates(folder)
  self.scheme, self.access.ca = "https", folder .. "/ca.crt"
  self.settings["xpack.security.http.ssl.enabled"] = "true"
  self.settings["xpack.security.http.ssl.key"] = "tls/n.key"
  self.settings["xpack.security.http.ssl.certificate"] = "tls/n.crt"
  if options.roles then process.write(self.config .. "/roles.yml", options.roles) end
  hand_over(self.folder)
  for name, u in pairs(options.users) do
    local list = { home .. "/bin/elasticsearch-users", "useradd", name, "-p", u.password, "-r", u.roles }
    local with_environment = { "env" }
    for key, value in pairs(environment(self)) do with_environment[#with_environment + 1] = key .. "=" .. value end
    table.move(list, 1, #list, #with_environment + 1, with_environment)
    shell.must(shell.line(as_user(with_environment)))
    if u.roles == "superuser" then self.access.user = name .. ":" .. u.password end
  end
end

---@return string
function node:url() return ("%s://127.0.0.1:%d"):format(self.scheme, self.port) end

--- Starts the node, with the data that it has; waits until it answers unless told not to.
---@param dont_wait? boolean
function node:start(dont_wait)
  local list = { home .. "/bin/" .. server.product }
  for key, value in pairs(self.settings) do list[#list + 1] = ("-E%s=%s"):format(key, value) end
  self.starts = (self.starts or 0) + 1
  self.process = process.start(self.folder, "output" .. self.starts, { "setsid", table.unpack(as_user(list)) },
    { env = environment(self) })
  note_running(self, true)
  if not dont_wait then self:wait() end
end

--- Waits until the node answers and its shards that can be there are.
function node:wait()
  process.until_true(server.name .. " to answer", function()
    if not group_alive(self.process) then
      error(("%s ended:\n%s%s"):format(server.name, self.process:stdout():sub(-4000), self.process:stderr():sub(-4000)))
    end
    process.sleep(0.2)
    return self:ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s") == 200
  end, 120)
end

--- Ends the node as an operator would.
function node:stop()
  if not self.process then return end
  signal_group(self.process, process.signal.SIGTERM)
  local _, late = pcall(process.until_true, self.name .. " to stop", function()
    return not group_alive(self.process)
  end, 30)
  self:kill()
  if type(late) == "string" then error(late, 2) end
end

--- Ends the node as a power cut would.
function node:kill()
  if not self.process then return end
  signal_group(self.process, process.signal.SIGKILL)
  process.until_true(self.name .. " to be gone", function() return not group_alive(self.process) end)
  note_running(self, nil)
  self.process = nil
end

--- One request: status (0 without an answer) and the text of the body. The path begins with a slash.
---@param method string
---@param path string
---@param body? string|table a table is sent as JSON
---@param content_type? string
---@return integer, string
function node:ask(method, path, body, content_type)
  if type(body) == "table" then body = http.encode(body) end
  return http.ask(self.access, method, self:url() .. path, body, content_type)
end

--- A request that has to be answered with a status below 300; the decoded body.
---@param method string
---@param path string
---@param body? string|table
---@return table
function node:must(method, path, body)
  local status, text = self:ask(method, path, body)
  if status < 200 or status > 299 then error(("%s %s: %d %s"):format(method, path, status, text:sub(1, 2000)), 2) end
  return text ~= "" and http.decode(text) or {}
end

--- Several nodes, started together as one cluster; answers when all have joined.
---@param count integer
---@param heap? integer MB each
---@return server.Node[]
function server.cluster(count, heap)
  local nodes, names, seeds = {}, {}, {}
  local shared = {
    ["cluster.name"] = "auditrecv-specs", ["discovery.seed_hosts"] = "filled in below",
    -- Notice a lost node soon, so that a spec need not wait.
    ["cluster.fault_detection.follower_check.interval"] = "500ms",
  }
  for i = 1, count do
    nodes[i] = server.node { name = "n" .. i, heap = heap, settings = shared }
    names[i], seeds[i] = "n" .. i, "127.0.0.1:" .. nodes[i].transport_port
  end
  local initial = (elastic or server.major == 1) and "cluster.initial_master_nodes"
    or "cluster.initial_cluster_manager_nodes"
  for _, n in ipairs(nodes) do
    n.settings["discovery.seed_hosts"] = table.concat(seeds, ",")
    n.settings[initial] = table.concat(names, ",")
    n:start(true)
  end
  for _, n in ipairs(nodes) do n:wait() end
  nodes[1]:must("GET", "/_cluster/health?wait_for_nodes=" .. count .. "&timeout=60s")
  return nodes
end

--- Ends whatever still runs.
function server.stop_all()
  for n in pairs(running) do n:kill() end
end

return server
