-- The server, or the receiver, ends in the middle of a stream and comes back: nothing is lost, nothing is there twice.
local documents = require "spec.servers.documents"
local receiver = require "spec.servers.receiver"
local process = require "spec.support.process"
local shared = require "spec.servers.shared"

local COUNT = 20000

describe("in the middle of a stream", function()
  local node, d, options

  local function begin(name, window)
    node = shared.node()
    options = { index = "audit-spec-" .. name, output = { urls = { node:url() }, max_documents = 500 } }
    d = receiver.start(options)
    receiver.install_template(d)
    local sending = receiver.begin_send(d, receiver.generate(COUNT, 5), window)
    process.until_true("some documents", function() return documents.count_so_far(node, options.index) > 1000 end, 60)
    return sending
  end

  after_each(function()
    if not node.process then node:start() end
    receiver.give_up(d)
    node:ask("DELETE", "/" .. options.index)
  end)

  local function finish(sending)
    receiver.finish_send(d, sending, 180)
    assert.is_nil(documents.problem_with_sequences(node, options.index, COUNT))
    assert.are.same({}, d:dead())
  end

  for _, how in ipairs { "stop", "kill" } do
    it("the server " .. (how == "stop" and "is stopped" or "is killed") .. " and started again", function()
      local sending = begin("away-" .. how, 2000)
      node[how](node)
      assert.is_nil(sending:poll(), "the stream was over before the server was")
      node:start()
      finish(sending)
      local counts = receiver.counts(d)
      -- Acknowledged once each over a connection that never broke.
      assert.are.equal(COUNT, counts.received)
      assert.are.equal(COUNT, counts.acknowledged)
      assert.are.equal(COUNT, counts.indexed + counts.existed)
    end)
  end

  it("the receiver is killed and started again: the window that is sent once more makes no duplicate", function()
    local sending = begin("receiver", 2000)
    d:kill()
    assert.is_nil(sending:poll(), "the stream was over before the receiver was")
    local before = documents.count_so_far(node, options.index)
    options.again = d
    d = receiver.start(options)
    finish(sending)
    local counts = receiver.counts(d)
    assert.is_true(counts.received >= COUNT - before)
    assert.are.equal(counts.received, counts.indexed + counts.existed)
    -- The server may have gone on with what the dead receiver had sent.
    assert.is_true(before + counts.indexed <= COUNT)
  end)
end)
