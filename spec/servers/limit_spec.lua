-- A request over the server's limit on the size of a body is sent in parts; a document that is over it by itself is
-- set aside, and its neighbours go in.
local bsm = require "spec.support.bsm_build"
local documents = require "spec.servers.documents"
local receiver = require "spec.servers.receiver"
local shared = require "spec.servers.shared"

local COUNT, SIZE = 400, 40000
local huge = 150

-- Records of 40 kB; one of them makes a document that is too large alone: each byte \1 is six in JSON.
local function write_trail(with_huge)
  local records = {}
  for i = 1, COUNT do
    local argument = with_huge and i == huge and ("\1"):rep(shared.max_content_length // 4) or ("x"):rep(SIZE)
    records[i] = bsm.record {
      event = "execve", time = { 1700000000, i }, bsm.path "/bin/echo", bsm.exec_args { "echo", argument },
      bsm.subject64 { audit_id = 1001 }, bsm.return64 { 0, 0 },
    }
  end
  return receiver.write(bsm.trail(records))
end

describe("a request over the server's size limit", function()
  for _, gzip in ipairs { false, true } do
    describe(gzip and "after it is unpacked" or "as it stands", function()
      local node, d
      local index = "audit-spec-limit"

      before_each(function()
        node = shared.node()
        -- Requests that may grow to several times what the server takes.
        d = receiver.start { index = index, output = {
          urls = { node:url() }, gzip = gzip, max_bytes = 4 * shared.max_content_length, max_in_flight = 1,
        } }
      end)

      after_each(function()
        receiver.give_up(d)
        node:ask("DELETE", "/" .. index)
      end)

      it("goes in by halves", function()
        receiver.send(d, write_trail(false), COUNT)
        assert.are.equal(COUNT, receiver.counts(d).indexed)
        assert.is_nil(documents.problem_with_sequences(node, index, COUNT))
        assert.are.same({}, d:dead())
      end)

      it("with one document too large by itself: that one is set aside, the others go in", function()
        receiver.send(d, write_trail(true), COUNT)
        local counts = receiver.counts(d)
        assert.are.equal(COUNT - 1, counts.indexed + counts.existed)
        assert.are.equal(1, counts.dead)
        assert.are.equal(COUNT - 1, documents.count(node, index))
        local letters = d:dead()
        assert.are.equal(1, #letters)
        local letter = letters[1]
        assert.are.equal(huge, letter.sender_sequence)
        assert.is_truthy(letter.record:find(("\1"):rep(100), 1, true))
      end)
    end)
  end
end)
