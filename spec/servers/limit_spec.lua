-- A request over the server's limit on the size of a body is sent in parts; a document that is over it by itself is
-- set aside, and its neighbours go in.
local bsm = require "spec.support.bsm_build"
local documents = require "spec.servers.documents"
local http = require "spec.servers.http"
local receiver = require "spec.servers.receiver"
local shared = require "spec.servers.shared"
local shell = require "spec.servers.shell"

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
  local path = os.tmpname()
  shell.write_file(path, bsm.trail(records))
  return path
end

describe("a request over the server's size limit", function()
  for _, gzip in ipairs { false, true } do
    describe(gzip and "after it is unpacked" or "as it stands", function()
      local node, r, trail
      local index = "audit-spec-limit"

      before_each(function()
        node = shared.node()
        -- Requests that may grow to several times what the server takes.
        r = receiver.new { index = index, output = {
          urls = { node:url() }, gzip = gzip, max_bytes = 4 * shared.max_content_length, max_in_flight = 1,
        } }
        r:start()
      end)

      after_each(function()
        r:remove()
        os.remove(trail)
        node:ask("DELETE", "/" .. index)
      end)

      it("goes in by halves", function()
        trail = write_trail(false)
        r:send(trail, COUNT)
        assert.are.equal(COUNT, r:counts().indexed)
        assert.is_nil(documents.problem_with_sequences(node, index, COUNT))
        assert.are.same({}, r:dead_letters())
      end)

      it("with one document too large by itself: that one is set aside, the others go in", function()
        trail = write_trail(true)
        r:send(trail, COUNT)
        local counts = r:counts()
        assert.are.equal(COUNT - 1, counts.indexed + counts.existed)
        assert.are.equal(1, counts.dead)
        assert.are.equal(COUNT - 1, documents.count(node, index))
        local letters = r:dead_letters()
        assert.are.equal(1, #letters)
        local letter = http.decode(letters[1])
        assert.are.equal(huge, letter.sender_sequence)
        assert.is_truthy(letter.record_hex:find(("01"):rep(100), 1, true))
      end)
    end)
  end
end)
