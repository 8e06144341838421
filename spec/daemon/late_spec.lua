-- Stories of documents that went on without an answer, and are completed when it comes.
local bsm = require "spec.support.bsm_build"
local daemon = require "spec.support.daemon"
local elasticsearch = require "spec.support.elasticsearch"
local fake = require "spec.support.fake_sender"
local process = require "spec.support.process"
local triton = require "spec.support.triton"

local ZONE = "5c1ad9e3-6f20-4f83-8d14-e2b7f35c6933"

local rules = { ["a.lua"] = [[
  local rule = require "auditrecv.rule"
  local lookup = require "auditrecv.lookup"
  lookup.source { name = "vm", service = "vmapi", path = "/vms/{key}", key = "uuid", fields = { "alias" } }
  return rule { name = "name_zone", about = "x", phase = "enrich", apply = function(doc)
    local vm = lookup.vm(doc.zonename)
    if vm then doc.zonealias = vm.alias end
  end }
]] }

local MOVE = [[
  local rule = require "auditrecv.rule"
  return rule { name = "move", about = "x", phase = "route", apply = function(doc)
    if doc.zonealias then return rule.route("zone-" .. doc.zonealias) end
  end }
]]

describe("a document without an answer", function()
  local es, services, d

  local function start(lookups, more)
    es, services = elasticsearch.start(), triton.start { zones = 0 }
    services:data { vms = { { uuid = ZONE, alias = "web", owner_uuid = ZONE, state = "running" } } }
    lookups.services = { { name = "vmapi", url = services.url.vmapi } }
    lookups.deadline = 0.05
    local all = { ["b.lua"] = more }
    for name, source in pairs(rules) do all[name] = source end
    d = daemon.start { rules = all, settings = { lookups = lookups,
      output = { type = "elasticsearch", urls = { es.url } } } }
  end

  local function say()
    local s = fake.login { port = d.port }
    s:offer(bsm.record { event = "stat", seq = 1, bsm.path "/tmp/1", bsm.zonename(ZONE) })
    assert.is_true(s:settled())
    return es:documents()
  end

  after_each(function()
    es:stop()
    services:stop()
  end)

  it("is completed under its id when the answer comes", function()
    start { complete_within = 60 }
    services:faults { vmapi = { kind = "slow", delay = 0.5 } }
    local before = say()
    assert.same({ nil, { "lookup_missing:vm" } }, { before[1]._source.zonealias, before[1]._source.tags })
    process.until_true("the alias", function() return es:documents()[1]._source.zonealias end, 30)
    local after = es:documents()
    assert.equal(1, #after)
    assert.same({ before[1]._id, before[1]._index, "web" },
      { after[1]._id, after[1]._index, after[1]._source.zonealias })
    assert.is_nil(after[1]._source.tags)
    local status, counts = d:stop()
    assert.same({ 0, 1, 1 }, { status, counts.received, counts.indexed })
    assert.matches("event=late_counts noted=1 completed=1 given_up=0 no_room=0", d:log(), 1, true)
  end)

  it("stays as it is when none comes in time", function()
    start { complete_within = 2 }
    services:faults { vmapi = { kind = "hang" } }
    say()
    process.until_true("the end of its time", function()
      d.process:kill(process.signal.SIGUSR1)
      return d:log():find("late_counts noted=1 completed=0 given_up=1", 1, true)
    end, 30)
    assert.same({ "lookup_missing:vm" }, es:documents()[1]._source.tags)
    d:stop()
  end)

  it("stays as it is when the answer sends it into another index: there would be two", function()
    start({ complete_within = 60 }, MOVE)
    services:faults { vmapi = { kind = "slow", delay = 0.5 } }
    say()
    process.until_true("the answer", function()
      d.process:kill(process.signal.SIGUSR1)
      return d:log():find("late_counts noted=1 completed=0 given_up=1", 1, true)
    end, 30)
    assert.equal(1, #es:documents())
    d:stop()
  end)

  it("stays as it is unless the settings say otherwise", function()
    start {}
    services:faults { vmapi = { kind = "slow", delay = 0.2 } }
    say()
    process.until_true("the answer", function()
      d.process:kill(process.signal.SIGUSR1)
      return d:log():match "event=lookup_counts source=vm [^\n]* entries=1"
    end, 30)
    assert.is_nil(d:log():find("late_counts", 1, true))
    assert.same({ "lookup_missing:vm" }, es:documents()[1]._source.tags)
    d:stop()
  end)
end)
