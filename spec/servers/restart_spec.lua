-- The server, or the receiver, ends in the middle of a stream and comes back: nothing is lost, nothing is there twice.
local documents = require "spec.servers.documents"
local receiver = require "spec.servers.receiver"
local shared = require "spec.servers.shared"
local shell = require "spec.servers.shell"

local COUNT = 30000

describe("in the middle of a stream", function()
  local node, r, trail, index

  local function begin(name, window)
    node, index = shared.node(), "audit-spec-" .. name
    r = receiver.new { index = index, output = { urls = { node:url() }, max_documents = 500 } }
    local printed, status = r:run("template", "install")
    assert.are.equal(0, status, printed)
    r:start()
    trail = receiver.generate(COUNT, 5)
    local sending = r:begin_send(trail, window)
    local some = shell.wait(60, function() return documents.count_so_far(node, index) > 1000 end, 0.02)
    assert.is_true(some, r:log_text())
    return sending
  end

  after_each(function()
    if not node.group then node:start() end
    r:remove()
    os.remove(trail)
    node:ask("DELETE", "/" .. index)
  end)

  local function finish(sending)
    local status, printed = sending:finish(180)
    assert.are.equal(0, status, printed .. r:log_text():sub(-3000))
    assert.is_nil(documents.problem_with_sequences(node, index, COUNT))
    assert.are.same({}, r:dead_letters())
  end

  for _, how in ipairs { "stop", "kill" } do
    it("the server " .. (how == "stop" and "is stopped" or "is killed") .. " and started again", function()
      local sending = begin("away-" .. how, 2000)
      node[how](node)
      assert.is_false(sending:ended(), "the stream was over before the server was")
      node:start()
      finish(sending)
      local counts = r:counts()
      -- Acknowledged once each over a connection that never broke.
      assert.are.equal(COUNT, counts.received)
      assert.are.equal(COUNT, counts.acknowledged)
      assert.are.equal(COUNT, counts.indexed + counts.existed)
    end)
  end

  it("the receiver is killed and started again: the window that is sent once more makes no duplicate", function()
    local sending = begin("receiver", 2000)
    r:kill()
    assert.is_false(sending:ended(), "the stream was over before the receiver was")
    local before = documents.count_so_far(node, index)
    r:start()
    finish(sending)
    local counts = r:counts()
    assert.is_true(counts.received >= COUNT - before)
    assert.are.equal(counts.received, counts.indexed + counts.existed)
    assert.are.equal(COUNT, before + counts.indexed)
  end)
end)
