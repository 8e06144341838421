-- Stories of records that wait for an answer, in the real program: each goes on in time, whatever happens meanwhile.
local bsm = require "spec.support.bsm_build"
local cjson = require "cjson"
local daemon = require "spec.support.daemon"
local fake = require "spec.support.fake_sender"
local process = require "spec.support.process"
local triton = require "spec.support.triton"
local uuid = require("spec.support.triton_data").uuid

local RULES = { ["a.lua"] = [[
  local rule = require "auditrecv.rule"
  local lookup = require "auditrecv.lookup"
  lookup.source { name = "vm", service = "vmapi", path = "/vms/{key}", key = "uuid", fields = { "alias" } }
  return rule { name = "name_zone", about = "x", phase = "enrich", apply = function(doc)
    local vm = lookup.vm(doc.zonename)
    if vm then doc.zonealias = vm.alias end
  end }
]] }

local NO_RULES = { ["a.lua"] = [[
  local rule = require "auditrecv.rule"
  return rule { name = "nothing", about = "x", apply = function() end }
]] }

describe("a record that waits for an answer", function()
  local services, d, sender

  before_each(function() services = triton.start { zones = 10 } end)
  after_each(function()
    if sender then sender:close() end
    services:stop()
    sender = nil
    process.clean()
  end)

  local function start(lookups, settings)
    settings = settings or {}
    lookups.services = { { name = "vmapi", url = services.url.vmapi } }
    settings.lookups = lookups
    d = daemon.start { rules = RULES, settings = settings }
    sender = fake.login { port = d.port, window = 2000 }
  end

  local function say(i, zone)
    sender:offer(bsm.record { event = "stat", seq = i, bsm.path("/tmp/" .. i), bsm.zonename(zone) })
  end

  local function asked(times)
    process.until_true("the question", function() return services:count "vmapi" >= times end, 30)
  end

  local function documents(count)
    process.until_true("the documents", function() return #d:documents() >= count end, 60)
    local list = {}
    for i, line in ipairs(d:documents()) do list[i] = cjson.decode(line) end
    return list
  end

  local function ends_well(records)
    local status, counts = d:stop()
    assert.same({ 0, records, records }, { status, counts.received, counts.indexed })
  end

  it("goes on at its deadline, with a tag", function()
    services:faults { vmapi = { kind = "hang" } }
    start { deadline = 0.2 }
    say(1, uuid(1))
    assert.same({ "lookup_missing:vm" }, documents(1)[1].tags)
    ends_well(1)
  end)

  it("is answered over a reload", function()
    services:faults { vmapi = { kind = "slow", delay = 1 } }
    start { deadline = 60 }
    say(1, uuid(1))
    asked(1)
    d:reload():logged "event=reloaded"
    assert.is_string(documents(1)[1].zonealias)
    assert.is_nil(documents(1)[1].tags)
    ends_well(1)
  end)

  it("goes on at once, with a tag, when a reload takes away what it asks", function()
    services:faults { vmapi = { kind = "hang" } }
    start { deadline = 60 }
    say(1, uuid(1))
    asked(1)
    d:write_rules(NO_RULES)
    d:reload():logged "event=reloaded"
    assert.same({ "lookup_missing:vm" }, documents(1)[1].tags)
    ends_well(1)
  end)

  it("is written before the program stops", function()
    services:faults { vmapi = { kind = "hang" } }
    start { deadline = 2 }
    say(1, uuid(1))
    asked(1)
    ends_well(1)
    assert.same({ "lookup_missing:vm" }, documents(1)[1].tags)
  end)

  it("leaves no place for more than may wait: those go on at once", function()
    services:faults { vmapi = { kind = "hang" } }
    start { deadline = 3, max_waiting = 2 }
    for i = 1, 5 do say(i, uuid(i)) end
    local order = {}
    for i, document in ipairs(documents(5)) do
      order[i] = document.sequence
      assert.same({ "lookup_missing:vm" }, document.tags)
    end
    assert.same({ 3, 4, 5, 1, 2 }, order)
    ends_well(5)
  end)

  it("is overtaken by those who do not wait, and keeps its place among those who wait with it", function()
    services:faults { vmapi = { kind = "slow", delay = 1 } }
    start { deadline = 60 }
    for i = 1, 9 do say(i, i % 3 == 0 and "global" or uuid(1)) end
    local order = {}
    for i, document in ipairs(documents(9)) do order[i] = document.sequence end
    assert.same({ 3, 6, 9, 1, 2, 4, 5, 7, 8 }, order)
    ends_well(9)
  end)

  it("is acknowledged before, with a journal", function()
    services:faults { vmapi = { kind = "hang" } }
    start({ deadline = 60 }, { journal = { directory = process.folder() .. "/journal" } })
    say(1, uuid(1))
    asked(1)
    assert.is_true(sender:settled(30))
    assert.same({}, d:documents())
    d:kill()
  end)

  it("asks once for a thousand", function()
    services:faults { vmapi = { kind = "slow", delay = 1 } }
    start { deadline = 60 }
    for i = 1, 1000 do say(i, uuid(1)) end
    for i, document in ipairs(documents(1000)) do
      assert.equal(i, document.sequence)
      assert.is_string(document.zonealias)
    end
    assert.equal(1, services:count "vmapi")
    ends_well(1000)
  end)
end)
