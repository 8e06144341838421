-- Three nodes, one of them killed under load: nothing lost, nothing twice.
local documents = require "spec.servers.documents"
local process = require "spec.support.process"
local receiver = require "spec.servers.receiver"
local server = require "spec.servers.server"

if server.name ~= "elasticsearch-8" and server.name ~= "opensearch-2" then return end

local COUNT = 40000

describe("a cluster of three nodes", function()
  local nodes, d
  local index = "audit-spec-cluster"

  setup(function()
    require "spec.servers.shared".rest()
    nodes = server.cluster(3)
  end)

  teardown(function()
    if d then receiver.give_up(d) end
    for _, node in ipairs(nodes or {}) do node:kill() end
  end)

  it("loses one under load", function()
    local urls = {}
    for i, node in ipairs(nodes) do urls[i] = node:url() end
    d = receiver.start { index = index, output = { urls = urls, max_documents = 500 } }
    receiver.install_template(d)
    nodes[1]:must("PUT", "/" .. index, { settings = { number_of_shards = 3, number_of_replicas = 1 } })
    nodes[1]:must("GET", "/_cluster/health/" .. index .. "?wait_for_status=green&timeout=60s")

    local sending = receiver.begin_send(d, receiver.generate(COUNT, 9), 4000)
    process.until_true("some documents", function() return documents.count_so_far(nodes[1], index) > 2000 end, 60)
    nodes[3]:kill()
    assert.is_nil(sending:poll(), "the stream was over before the node was")
    receiver.finish_send(d, sending, 240)

    assert.is_nil(documents.problem_with_sequences(nodes[1], index, COUNT))
    local status, counts = d:stop()
    assert.are.equal(0, status)
    assert.are.equal(COUNT, counts.received)
    assert.are.equal(COUNT, counts.acknowledged)
    assert.are.equal(COUNT, counts.indexed + counts.existed)
    assert.are.equal(0, counts.waiting)
    assert.are.same({}, d:dead())
  end)
end)
