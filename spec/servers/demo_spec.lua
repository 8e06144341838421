-- The demo with ELASTICSEARCH_URL: documents indexed, and found by a search.
local process = require "spec.support.process"
local shared = require "spec.servers.shared"

describe("the demo", function()
  it("indexes on the server, and searches there, as often as one likes", function()
    local node = shared.node()
    for _ = 1, 2 do
      local folder = process.folder()
      local demo = process.start(folder, "demo", { "sh", "spec/demo" }, { env = { ELASTICSEARCH_URL = node:url() } })
      local status, text = demo:wait(120), demo:stdout()
      assert(status == 0, text .. demo:stderr())
      local hits = text:match '"total" : {%s*"value" : (%d+)'
      assert(hits and tonumber(hits) > 20, text)
      assert.matches('"_index" : "auditrecv%-demo%-2026%-03%-14"', text)
      local received, acknowledged, dropped, indexed =
        text:match "(%d+) records received, (%d+) acknowledged; (%d+) dropped by rules, %d+ redacted, (%d+) indexed%."
      assert(received, text)
      assert.equal(received, acknowledged)
      assert.equal(tonumber(received), dropped + indexed)
    end
  end)
end)
