-- Records whose rules wait for a lookup, through everything that can happen meanwhile.
local oracle = require "spec.oracle.oracle"
local process = require "spec.support.process"

describe("records that wait for a lookup", function()
  after_each(oracle.clean)

  it("are each one document in the end, through reloads, a stop and a kill", function()
    local o = oracle.start(5, 100, "wait")
    o:tell("delay", 0.02) -- the index is the service, too: it knows nothing, and takes its time to say so
    local d = o:daemon { settings = { lookups = { services = { { name = "vmapi", url = o.url } }, deadline = 20,
      max_requests = 64 } }, rules = { ["ask.lua"] = [[
        local lookup = require "auditrecv.lookup"
        local rule = require "auditrecv.rule"
        local vm = lookup.source { name = "vm", service = "vmapi", path = "/vms/{key}", fields = { "alias" } }
        return rule { name = "ask", about = "asks", phase = "enrich",
          apply = function(doc) if vm(doc.path) then doc.zonealias = "never" end end }]] } }
    o:tell("to", d.port)
    o:tell("rate", 300)
    process.sleep(0.5)
    for _ = 1, 2 do
      d:reload():logged "event=reloaded"
      process.sleep(0.2)
    end
    assert.equal(0, (d:stop(20)))
    d = d.again()
    process.sleep(0.3)
    d:kill()
    d = d.again()
    process.sleep(0.3)
    o:tell("rate", 0)
    o:settled()
    oracle.idle(d)
    local asked = d.numbers(d:logged("event=lookup_counts", "source=vm"))
    assert.is_true(asked.requests > 50, asked.requests)
    assert.equal(0, (d:stop()))
  end)
end)
