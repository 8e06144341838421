local data = require "spec.support.triton_data"
local lookup_door = require "spec.support.lookup_door"
local triton = require "spec.support.triton"

local FIELDS = "uuid,alias,owner_uuid"

local VM = {
  name = "vm", service = "vmapi", key = "uuid", path = "/vms/{key}", fields = { "alias" }, key_field = "uuid",
  preload = { path = "/vms?state=active&limit={limit}&fields=" .. FIELDS .. "&marker={marker}", page = "marker",
    marker = '{"uuid":"{last}"}', limit = 500 },
}

local NODE = {
  name = "node", service = "cnapi", key = "address", fields = { "hostname" },
  key_field = { "sysinfo.Admin IP", "sysinfo.Network Interfaces.*.ip4addr" },
  preload = { path = "/servers?extras=sysinfo&limit={limit}&offset={offset}", page = "offset", limit = 1 },
}

describe("preload", function()
  local fake, door

  local function open(options)
    options = options or {}
    options.deadline = 20
    options.services = { { name = "vmapi", url = fake.url.vmapi }, { name = "cnapi", url = fake.url.cnapi } }
    door = lookup_door.open(options)
    return door
  end
  local function preloaded() return door:log():find "event=lookup_preloaded" ~= nil end

  before_each(function() fake = triton.start { zones = 1200 } end)
  after_each(function()
    if door then door:close() end
    door = nil
    fake:stop()
  end)

  it("reads all active zones page by page, and asks for none of them", function()
    local vm = open():source(VM)
    door:until_true("the preload", preloaded)
    assert.truthy(door:log():find("elements=1202 pages=4", 1, true))
    assert.equal(4, fake:count "vmapi")
    for i = 1, 1200, 100 do assert.equal('{"alias":"zone-' .. i .. '"}', select(2, door.room:ask(vm, data.uuid(i)))) end
    assert.equal(4, fake:count "vmapi")
    assert.equal("build-old", select(2, door:answer(vm, data.DESTROYED)).alias)
    assert.equal(5, fake:count "vmapi")
  end)

  it("knows of what it has not, where it has everything", function()
    local node = open():source(NODE)
    assert.equal("cn-02", select(2, door:answer(node, "192.0.2.12")).hostname)
    assert.equal("cn-01", select(2, door:answer(node, "192.0.2.11")).hostname)
    assert.equal("nothing", (door:answer(node, "192.0.2.99")))
  end)

  it("comes round again, and what has gone is gone", function()
    local changed = {}
    for name, value in pairs(NODE) do changed[name] = value end
    changed.preload = { path = NODE.preload.path, page = "offset", limit = 1, every = 10 }
    local text = lookup_door.declaration(changed):gsub('"every":10', '"every":1')
    open()
    local node = assert(door.room:declare(text))
    assert.equal("found", (door:answer(node, "192.0.2.12")))
    fake:data { without = { servers = { data.CN_02 } } }
    door:until_true("it to be gone", function() return door.room:ask(node, "192.0.2.12") == "nothing" end)
    assert.equal("found", door.room:ask(node, "192.0.2.11"))
  end)

  it("is no reason to wait, nor to take anything for unknown, while the service is away", function()
    fake:faults { cnapi = { kind = "not_ready" } }
    local node = open { max_waiters = 10 }:source(NODE)
    assert.equal("wait", (door:ask(node, "192.0.2.12")))
    door:turn(0.2)
    fake:well "cnapi"
    assert.equal(1, #door:turn(20, 1))
    assert.equal("found", door.room:ask(node, "192.0.2.12"))
  end)

  it("goes on with the page that failed", function()
    fake:faults { vmapi = { kind = "cut_json", times = 1 } }
    local vm = open():source(VM)
    door:until_true("the last page", function() return fake:count "vmapi" == 5 end)
    door:turn(0.3)
    assert.same({ "found", "found" }, { (door.room:ask(vm, data.uuid(1))), (door.room:ask(vm, data.uuid(1200))) })
    assert.equal(5, fake:count "vmapi")
  end)

  it("ends where a service gives the same page again and again", function()
    local text = lookup_door.declaration(VM):gsub("&marker={marker}", "")
    open()
    assert(door.room:declare(text))
    door:until_true("the complaint", function() return door:log():find "ends as the one before it did" end)
  end)

  it("does not call unknown what memory had no room for", function()
    fake:data { servers = (function()
      local list = {}
      for i = 1, 2000 do
        list[i] = { uuid = data.uuid(i), hostname = ("x"):rep(200) .. i,
          sysinfo = { ["Admin IP"] = ("10.0.%d.%d"):format(i // 250, i % 250) } }
      end
      return list
    end)() }
    local text = lookup_door.declaration(NODE):gsub('"limit":1,', '"limit":1000,')
    open { max_bytes = 256 * 1024 }
    local node = assert(door.room:declare(text))
    door:until_true("the preload", preloaded)
    local words = {}
    for i = 1, 2000 do
      local word = door.room:ask(node, ("10.0.%d.%d"):format(i // 250, i % 250))
      words[word] = (words[word] or 0) + 1
    end
    assert.is_true(words.found > 100)
    assert.is_nil(words.nothing)
    assert.truthy(door:log():find("lookup_memory_short", 1, true))
  end)

  it("is waited for where a question may block", function()
    local node = open { blocking = true }:source(NODE)
    assert.equal('{"hostname":"cn-02"}', select(2, door.room:ask(node, "192.0.2.12")))
    assert.equal("nothing", door.room:ask(node, "192.0.2.99"))
  end)

  it("ends for a source that no rule asks any more, which keeps what it knows for when one does", function()
    local vm = open():source(VM)
    door:until_true("the first page", function() return fake:count "vmapi" > 0 end)
    door:turn(0.05)
    door.room:withdraw "vm"
    local asked = fake:count "vmapi"
    door:turn(0.5)
    assert.equal(asked, fake:count "vmapi")
    assert.equal("missing", door.room:ask(vm, data.WEB))
    assert.is_nil(door:counters "vm")
    assert.equal(vm, door:source(VM))
    assert.equal("found", door.room:ask(vm, data.WEB))
  end)
end)
