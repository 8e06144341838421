-- Three nodes, one of them killed under load: nothing lost, nothing twice.
local documents = require "spec.servers.documents"
local receiver = require "spec.servers.receiver"
local server = require "spec.servers.server"
local shell = require "spec.servers.shell"

if server.name ~= "elasticsearch-8" and server.name ~= "opensearch-2" then return end

local COUNT = 60000

describe("a cluster of three nodes", function()
  local nodes, r, trail
  local index = "audit-spec-cluster"

  setup(function()
    require "spec.servers.shared".rest()
    nodes = server.cluster(3)
    trail = receiver.generate(COUNT, 9)
  end)

  teardown(function()
    if r then r:remove() end
    for _, node in ipairs(nodes or {}) do node:kill() end
    os.remove(trail)
  end)

  it("loses one under load", function()
    local urls = {}
    for i, node in ipairs(nodes) do urls[i] = node:url() end
    r = receiver.new { index = index, output = { urls = urls, max_documents = 500 } }
    local printed, status = r:run("template", "install")
    assert.are.equal(0, status, printed)
    nodes[1]:must("PUT", "/" .. index, { settings = { number_of_shards = 3, number_of_replicas = 1 } })
    nodes[1]:must("GET", "/_cluster/health/" .. index .. "?wait_for_status=green&timeout=60s")
    r:start()

    local sending = r:begin_send(trail, 4000)
    assert.is_true(shell.wait(60, function() return documents.count_so_far(nodes[1], index) > 2000 end, 0.02))
    nodes[3]:kill()
    assert.is_false(sending:ended(), "the stream was over before the node was")
    local ended, said = sending:finish(240)
    assert.are.equal(0, ended, said .. r:log_text():sub(-3000))

    assert.is_nil(documents.problem_with_sequences(nodes[1], index, COUNT))
    local counts = r:stop()
    assert.are.equal(COUNT, counts.received)
    assert.are.equal(COUNT, counts.acknowledged)
    assert.are.equal(COUNT, counts.indexed + counts.existed)
    assert.are.equal(0, counts.waiting)
    assert.are.same({}, r:dead_letters())
  end)
end)
