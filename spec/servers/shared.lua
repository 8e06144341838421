-- shared: the one node that most specs of a run use, started by the first that asks.
local server = require "spec.servers.server"

local shared = {}
local node
local nodes = 0

--- A node without security, with a small limit on the size of a request.
---@return server.Node
function shared.node()
  if not node then
    nodes = nodes + 1
    node = server.node {
      name = "shared" .. nodes, settings = { ["http.max_content_length"] = shared.max_content_length .. "b" },
    }
    node:start()
  end
  return node
end

--- Ends the node, so that a spec with several of its own has the machine for itself.
function shared.rest()
  if node then node:stop() end
  node = nil
end

--- The limit on a request's body, in bytes.
shared.max_content_length = 2 * 1024 * 1024

--- The name of the file in etc/template for this server.
---@return string
function shared.template_name()
  if server.product == "elasticsearch" then return "elasticsearch" end
  return server.major == 1 and "opensearch-1" or "opensearch"
end

return shared
