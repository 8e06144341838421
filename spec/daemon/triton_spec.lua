-- Stories of names from Triton: the real program, the rules as they are shipped, and services that go wrong.
local bsm = require "spec.support.bsm_build"
local cjson = require "cjson"
local daemon = require "spec.support.daemon"
local data = require "spec.support.triton_data"
local elasticsearch = require "spec.support.elasticsearch"
local process = require "spec.support.process"
local socket = require "socket"
local triton = require "spec.support.triton"

local UNKNOWN = "11111111-2222-4333-8444-555555555555"

describe("names from Triton", function()
  local services, d, es

  local function record(i, zone, says)
    local form = says or { event = "stat", bsm.path("/tmp/" .. i) }
    form.time, form.seq = { 1772366400, i }, i
    table.insert(form, bsm.subject64 { audit_id = 1001 })
    table.insert(form, bsm.zonename(zone))
    table.insert(form, bsm.return64 { 0, 0 })
    return bsm.record(form)
  end

  local function zlogin(i, zone)
    local form = { event = "execve", bsm.path "/usr/sbin/zlogin", bsm.exec_args { "zlogin", zone, "id" } }
    return record(i, "global", form)
  end

  local function list_of(names)
    local list = {}
    for _, name in ipairs(names) do list[#list + 1] = { name = name, url = services.url[name] } end
    return list
  end

  local function start(names, lookups, rest)
    local folder = process.folder()
    process.mkdir(folder .. "/rules")
    process.write(folder .. "/rules/triton.lua", process.read "rules/triton.lua")
    lookups = lookups or {}
    lookups.services = lookups.services or list_of(names or { "vmapi", "mahi", "cnapi" })
    local settings = rest or {}
    settings.lookups = lookups
    d = daemon.start { folder = folder, settings = settings }
    return d
  end

  local function send(records)
    local file = process.write(d.folder .. "/trail" .. math.random(1, 1 << 30), bsm.trail(records))
    local p = daemon.run(d.folder, { "send", "--to", "127.0.0.1:" .. d.port, "--mech", "dummy", file })
    assert.equal(0, p.status, p:stderr())
  end

  -- The documents by the number of their sequence token.
  local function documents()
    local list = {}
    for _, line in ipairs(d:documents()) do
      local document = cjson.decode(line)
      list[document.sequence] = document
    end
    return list
  end

  local function tags(document) return document.tags or {} end

  before_each(function() services = triton.start() end)
  after_each(function()
    if es then es:stop() end
    services:stop()
    es, d = nil, nil
    process.clean()
  end)

  it("come from VMAPI, Mahi and CNAPI, for live zones and destroyed ones, and for the node that sends", function()
    services:data { servers = { { uuid = data.CN_01, sysinfo = { ["Admin IP"] = "127.0.0.1" }, hostname = "cn-01",
      datacenter = "lab-1", setup = true, status = "running" } } }
    start()
    send {
      record(1, data.WEB), record(2, data.DESTROYED), record(3, "global"), record(4, UNKNOWN), zlogin(5, data.WEB),
    }
    local all = documents()
    assert.equal("racing-web-1", all[1].zonealias)
    assert.same({ alias = "web-1", name = data.WEB, brand = "joyent-minimal", state = "running",
      owner = { uuid = data.RACING, login = "racing" }, server = { uuid = data.CN_01, name = "cn-01" },
      package = { uuid = "c0ffee00-1234-4abc-8def-000000000001" } }, all[1].zone)
    assert.equal("ops.team-build-old", all[2].zonealias)
    assert.same({}, { all[3].zonealias, all[3].zone, all[4].zonealias, all[4].zone })
    assert.same({ "racing-web-1", "global" }, { all[5].zonealias, all[5].zone.from })
    for i = 1, 5 do
      assert.same({}, tags(all[i]))
      assert.same({ uuid = data.CN_01, name = "cn-01", datacenter = "lab-1" }, all[i].node)
    end
    d:stop()
    assert.not_matches(data.SECRET, d:log() .. process.read(d.documents_file), 1, true)
  end)

  it("are not asked for again while they are known", function()
    start { "vmapi", "mahi" }
    send { record(1, data.WEB) }
    d:logged("event=lookup_preloaded", "source=triton_vm") -- until then pages are asked for
    local asked = services:count "vmapi" + services:count "mahi"
    local many = {}
    for i = 2, 500 do many[#many + 1] = record(i, data.WEB) end
    send(many)
    assert.equal(500, #d:documents())
    assert.equal(asked, services:count "vmapi" + services:count "mahi")
  end)

  it("hold nothing up when VMAPI hangs: documents go on, and say what they lack", function()
    services:faults { vmapi = { kind = "hang" } }
    start({ "vmapi", "mahi" }, { deadline = 0.2 })
    send { record(1, data.WEB), record(2, "global"), record(3, data.BHYVE) }
    local all = documents()
    assert.same({ "lookup_missing:triton_vm" }, tags(all[1]))
    assert.is_nil(all[1].zonealias)
    assert.same({}, tags(all[2]))
    assert.same({ "lookup_missing:triton_vm" }, tags(all[3]))
    assert.equal(0, (d:stop()))
  end)

  it("call nobody unknown while Mahi is filling", function()
    services:faults { mahi = { kind = "not_ready" } }
    start { "vmapi", "mahi" }
    send { record(1, data.WEB) }
    local document = documents()[1]
    assert.same({ "lookup_missing:triton_login" }, tags(document))
    assert.same({ nil, "web-1" }, { document.zonealias, document.zone.alias })
  end)

  it("are remembered over a restart, also when VMAPI is down then", function()
    start({ "vmapi", "mahi" }, { cache_file = process.folder() .. "/cache" })
    send { record(1, data.WEB) }
    d:stop()
    services:down "vmapi"
    services:down "mahi"
    d = daemon.start { folder = d.folder, settings = { lookups = d.settings.lookups } }
    send { record(2, data.WEB) }
    for _, document in pairs(documents()) do assert.equal("racing-web-1", document.zonealias) end
  end)

  it("complete a document that went on without them, when that is wanted", function()
    services:faults { vmapi = { kind = "slow", delay = 1 } }
    es = elasticsearch.start {}
    start({ "vmapi", "mahi" }, { deadline = 0.05, complete_within = 30 },
      { output = { type = "elasticsearch", urls = { es.url } } })
    send { record(1, data.WEB) }
    local document
    for _ = 1, 200 do
      document = es:documents()[1]
      if document and document._source.zonealias then break end
      socket.sleep(0.05)
    end
    assert.equal("racing-web-1", document._source.zonealias)
    assert.same({}, tags(document._source))
    assert.equal(1, #es:documents())
    local _, counts = d:stop()
    assert.same({ 1, 1 }, { counts.received, counts.indexed })
  end)

  it("come from a file where there is no Triton, and follow it", function()
    local file = process.write(process.folder() .. "/zones.json",
      [[{ "web": { "zonename": "web", "alias": "shop", "owner": "sally", "state": "running" } }]])
    start(nil, { services = { { name = "zones", file = file } } })
    send { record(1, "web"), record(2, "other") }
    local all = documents()
    assert.equal("sally-shop", all[1].zonealias)
    assert.same({}, { all[2].zonealias, table.unpack(tags(all[2])) })
    process.write(file, [[{ "web": { "zonename": "web", "alias": "store", "owner": "sally" } }]])
    d:logged("event=lookup_file_read", "keys=1")
    local alias
    for i = 3, 100 do
      send { record(i, "web") }
      local lines = d:documents()
      alias = cjson.decode(lines[#lines]).zonealias
      if alias == "sally-store" then break end
      socket.sleep(0.1)
    end
    assert.equal("sally-store", alias)
  end)

  it("are there in decode, too", function()
    start { "vmapi", "mahi" }
    local trail = process.write(d.folder .. "/trail", bsm.trail { record(1, data.WEB), zlogin(2, data.BHYVE) })
    local p = daemon.run(d.folder, { "decode", "-c", d.settings_file, trail })
    assert.equal(0, p.status, p:stderr())
    local seen = {}
    for line in p:stdout():gmatch "[^\n]+" do seen[#seen + 1] = cjson.decode(line).zonealias end
    assert.same({ "racing-web-1", "racing-db-bhyve" }, seen)
  end)
end)
