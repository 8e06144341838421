local core = require "core.lookup"
local data = require "spec.support.triton_data"
local lookup_door = require "spec.support.lookup_door"
local process = require "spec.support.process"
local tls = require "spec.support.tls"
local triton = require "spec.support.triton"

local VM = {
  name = "vm", service = "vmapi", key = "uuid", path = "/vms/{key}", fields = { "alias", "owner_uuid" },
  none = { { status = 404, code = "ResourceNotFound" } }, not_ready = { { status = 503 } },
}

-- The same, with other members.
local function vm_with(members)
  local description = {}
  for name, value in pairs(VM) do description[name] = value end
  for name, value in pairs(members) do description[name] = value end
  return description
end

local BATCH = { path = "/vms?uuids={keys}&fields=uuid,alias,owner_uuid", most = 100 }

describe("lookup of a service", function()
  local fake, door

  local function open(options)
    options = options or {}
    options.deadline = options.deadline or 20
    options.services = options.services or {
      { name = "vmapi", url = fake.url.vmapi }, { name = "mahi", url = fake.url.mahi .. "/" },
      { name = "cnapi", url = fake.url.cnapi },
    }
    door = lookup_door.open(options)
    return door
  end

  before_each(function() fake = triton.start { zones = 2000 } end)
  after_each(function()
    if door then door:close() end
    door = nil
    fake:stop()
  end)

  it("finds, keeps the declared fields, and asks no second time", function()
    local vm = open():source(VM)
    local word, value, version = door:answer(vm, data.WEB)
    assert.equal("found", word)
    assert.same({ alias = "web-1", owner_uuid = data.RACING }, value)
    assert.same({ "found", '{"alias":"web-1","owner_uuid":"' .. data.RACING .. '"}', version },
      { door.room:ask(vm, data.WEB) })
    assert.equal(1, fake:count "vmapi")
    local counters = door:counters "vm"
    assert.same({ 3, 2, 1 }, { counters.asked, counters.cached, counters.requests })
  end)

  it("knows that there is none, and that a destroyed zone is one", function()
    local vm = open():source(VM)
    assert.equal("nothing", door:answer(vm, data.uuid(999999)))
    assert.equal("nothing", door:answer(vm, data.uuid(999999)))
    assert.equal("build-old", select(2, door:answer(vm, data.DESTROYED)).alias)
    assert.equal(2, fake:count "vmapi")
  end)

  it("asks nobody for a key of another form", function()
    local vm = open():source(VM)
    for _, key in ipairs { "global", "../accounts", data.WEB:upper(), data.WEB .. "/x", "" } do
      assert.equal("nothing", door.room:ask(vm, key))
    end
    door:turn(0.05)
    assert.equal(0, fake:count "vmapi")
  end)

  it("writes a key of text into a URL so that it stays a key", function()
    open()
    local named = door:source { name = "named", service = "mahi", path = "/accounts?login={key}", fields = { "uuid" },
      at = "account" }
    door:answer(named, "../x?a=b&c#d/%41")
    assert.equal("/accounts?login=..%2Fx%3Fa%3Db%26c%23d%2F%2541", fake:requests()[1].target)
  end)

  it("reads below `at`, and never shows what was not declared", function()
    open()
    local account = door:source { name = "account", service = "mahi", path = "/accounts/{key}", key = "uuid",
      at = "account", fields = { "login" } }
    local word, text = door:answer(account, data.OPS)
    assert.same({ "found", { login = "ops.team" } }, { word, text })
    assert.is_nil(door:log():find(data.SECRET, 1, true))
  end)

  it("makes one request of a thousand questions for one key", function()
    local vm = open():source(VM)
    for _ = 1, 1000 do assert.equal("wait", (door:ask(vm, data.WEB))) end
    assert.equal(1000, #door:turn(20, 1000))
    assert.equal(1, fake:count "vmapi")
  end)

  it("asks for what is wanted in one turn of the loop in one request", function()
    local vm = open():source(vm_with { batch = BATCH, key_field = "uuid" })
    for i = 1, 150 do door:ask(vm, data.uuid(i)) end
    door:ask(vm, data.uuid(77777))
    assert.equal(151, #door:turn(20, 151))
    assert.equal(2, fake:count "vmapi")
    assert.equal('{"alias":"zone-150","owner_uuid":"' .. data.RACING .. '"}', select(2,
      door.room:ask(vm, data.uuid(150))))
    assert.equal("nothing", door.room:ask(vm, data.uuid(77777)))
  end)

  it("asks for one alone by its own path", function()
    local vm = open():source(vm_with { batch = BATCH, key_field = "uuid" })
    door:answer(vm, data.WEB)
    assert.equal("/vms/" .. data.WEB, fake:requests()[1].target)
  end)

  it("takes answers by key, and who is not among them is unknown", function()
    open()
    local login = door:source { name = "login", service = "mahi", key = "uuid", not_ready = { 503 },
      batch = { path = "/names?uuid={keys}", separator = "&uuid=", form = "object", most = 50 } }
    local tickets = { (door:ask(login, data.RACING)), (door:ask(login, data.OPS)), (door:ask(login, data.uuid(1))) }
    assert.same({ "wait", "wait", "wait" }, tickets)
    door:turn(20, 3)
    assert.equal('"racing"', select(2, door.room:ask(login, data.RACING)))
    assert.equal('"ops.team"', select(2, door.room:ask(login, data.OPS)))
    assert.equal("nothing", door.room:ask(login, data.uuid(1)))
    assert.equal(1, fake:count "mahi")
  end)

  it("has no more requests in flight than allowed, and sends the rest when they are back", function()
    fake:faults { vmapi = { delay = 0.3 } }
    local vm = open { max_requests = 3 }:source(VM)
    for i = 1, 9 do door:ask(vm, data.uuid(i)) end
    door:turn(0.1)
    assert.equal(3, door:counters "vm".requests)
    assert.equal(9, #door:turn(20, 9))
    assert.equal(9, door:counters "vm".requests)
  end)

  it("says missing at once when as many wait as may, and counts it", function()
    fake:faults { vmapi = { kind = "hang" } }
    local vm = open { max_waiters = 20 }:source(VM)
    for i = 1, 20 do assert.equal("wait", (door:ask(vm, data.uuid(i)))) end
    assert.equal("missing", (door:ask(vm, data.uuid(21))))
    assert.equal("missing", (door:ask(vm, data.uuid(1))))
    assert.same({ 2, 2 }, { door:counters "vm".refused, door:counters "vm".missing })
  end)

  it("gives up questions that nobody waits for any more, when others need their room", function()
    fake:faults { cnapi = { kind = "hang" } }
    open { max_waiters = 4, deadline = 0.05 }
    local node = door:source { name = "node", service = "cnapi", key = "address", fields = { "uuid" },
      key_field = { "ip" }, preload = { path = "/servers?limit={limit}", limit = 10 } }
    local vm = door:source(VM)
    for i = 1, 4 do assert.equal("wait", (door:ask(node, "192.0.2." .. i))) end
    assert.equal("missing", (door:ask(vm, data.WEB)))
    assert.equal(4, #door:turn(20, 4))
    assert.equal("wait", (door:ask(vm, data.WEB)))
  end)

  it("lets nobody wait beyond the deadline, and keeps the answer that comes later", function()
    fake:faults { vmapi = { delay = 0.5 } }
    local vm = open { deadline = 0.1 }:source(VM)
    local _, _, _, ticket = door:ask(vm, data.WEB)
    assert.same({ ticket }, door:turn(20, 1))
    assert.equal("missing", (door:ask(vm, data.WEB)))
    door:until_true("the late answer", function() return door.room:ask(vm, data.WEB) == "found" end)
    assert.equal(1, fake:count "vmapi")
  end)

  it("tells those who wait for one answer in the order in which they asked", function()
    fake:faults { vmapi = { kind = "slow", delay = 0.1 } }
    local vm, tickets = open():source(VM), {}
    for i = 1, 5 do tickets[i] = select(4, door:ask(vm, data.WEB)) end
    assert.same(tickets, door:turn(20, 5))
  end)

  it("tells nobody who was forgotten", function()
    local vm = open():source(VM)
    local _, _, _, first = door:ask(vm, data.WEB)
    local _, _, _, second = door:ask(vm, data.WEB)
    door.room:forget(first)
    assert.same({ second }, door:turn(20, 1))
    assert.same({}, door:turn(0.05))
  end)

  it("never lets a question without a ticket wait, and asks it all the same", function()
    local vm = open():source(VM)
    assert.equal("missing", door.room:ask(vm, data.WEB))
    door:until_true("the answer", function() return door.room:ask(vm, data.WEB) == "found" end)
  end)

  it("gives an old answer while it asks for a new one, whose version is another", function()
    local vm = open():source(vm_with { keep = 1, stale = 600 })
    local _, _, version = door:answer(vm, data.WEB)
    fake:data { vms = { { uuid = data.WEB, alias = "web-2", owner_uuid = data.OPS } } }
    door:turn(1.1)
    local word, text, same = door.room:ask(vm, data.WEB)
    assert.same({ "found", version }, { word, same })
    assert.truthy(text:find "web%-1")
    assert.equal(1, door:counters "vm".stale)
    door:until_true("the new one", function() return select(2, door.room:ask(vm, data.WEB)):find "web%-2" end)
    assert.are_not.equal(version, select(3, door.room:ask(vm, data.WEB)))
  end)

  it("keeps the version of an answer that came again as it was", function()
    local vm = open():source(vm_with { keep = 1, stale = 600 })
    local _, _, version = door:answer(vm, data.WEB)
    door:turn(1.1)
    door.room:ask(vm, data.WEB)
    door:until_true("a second request", function() return fake:count "vmapi" == 2 end)
    door:turn(0.1)
    assert.equal(version, select(3, door.room:ask(vm, data.WEB)))
  end)

  it("asks again for what there was not, after a time of its own", function()
    local vm = open():source(vm_with { keep = 600, keep_none = 1 })
    assert.equal("nothing", door:answer(vm, data.uuid(5000)))
    fake:data { vms = { { uuid = data.uuid(5000), alias = "new" } } }
    assert.equal("nothing", door:answer(vm, data.uuid(5000)))
    door:turn(1.1)
    assert.equal("found", door:answer(vm, data.uuid(5000)))
  end)

  for _, kind in ipairs { "error", "html", "cut_json", "wrong_json", "empty", "huge", "deep", "reset", "cut" } do
    it("takes for missing, and not for unknown, an answer that is: " .. kind, function()
      fake:faults { vmapi = { kind = kind, times = 1 } }
      local vm = open():source(VM)
      assert.equal("missing", (door:answer(vm, data.WEB)))
      assert.equal("missing", (door:answer(vm, data.WEB))) -- not asked again in the next moment
      assert.equal(1, fake:count "vmapi")
      assert.equal(1, door:counters "vm".failed)
      assert.equal("found", (door:answer(vm, data.BHYVE)))
    end)
    it("takes for missing many that are asked for together, when the answer is: " .. kind, function()
      fake:faults { vmapi = { kind = kind, times = 1 } }
      local vm = open():source(vm_with { batch = BATCH, key_field = "uuid" })
      door:ask(vm, data.uuid(1))
      door:ask(vm, data.uuid(2))
      door:turn(20, 2)
      assert.same({ "missing", "missing" }, { door.room:ask(vm, data.uuid(1)), (door.room:ask(vm, data.uuid(2))) })
    end)
  end

  it("takes a wrong path of many for missing, not for none of them", function()
    local vm = open():source { name = "vm", service = "vmapi", key = "uuid", key_field = "uuid",
      batch = { path = "/nowhere?uuids={keys}" } }
    assert.equal("missing", (door:answer(vm, data.WEB)))
  end)

  it("never takes a service that is not ready for one that knows of none", function()
    fake:faults { mahi = { kind = "not_ready" } }
    open()
    local login = door:source { name = "login", service = "mahi", key = "uuid",
      not_ready = { { status = 503, code = "ReplicatorNotReady" } },
      batch = { path = "/names?uuid={keys}", separator = "&uuid=", form = "object" } }
    for _ = 1, 8 do assert.equal("missing", (door:answer(login, data.RACING))) end
    assert.equal(1, fake:count "mahi")
    assert.is_false(door:counters "login".resting)
    fake:well "mahi"
    door:until_true("it is ready", function() return door:answer(login, data.RACING) == "found" end)
  end)

  it("leaves a service alone that fails again and again, and finds it when it is back", function()
    fake:down "vmapi"
    local vm = open { max_requests = 1 }:source(VM)
    for i = 1, 40 do door:answer(vm, data.uuid(i)) end
    local counters = door:counters "vm"
    assert.is_true(counters.resting)
    assert.equal(5, counters.requests)
    assert.is_true(counters.refused >= 35)
    fake:up "vmapi"
    door:until_true("the service is tried again", function() return door:answer(vm, data.WEB) == "found" end)
    assert.is_false(door:counters "vm".resting)
    assert.truthy(door:log():find("lookup_well_again", 1, true))
  end)

  it("gives old answers while a service is down", function()
    local vm = open():source(vm_with { keep = 1, stale = 600 })
    door:answer(vm, data.WEB)
    fake:down "vmapi"
    door:turn(1.1)
    for _ = 1, 3 do
      assert.equal("found", door.room:ask(vm, data.WEB))
      door:turn(0.1)
    end
  end)

  it("keeps within its memory, whatever is asked for", function()
    local vm = open { max_bytes = 256 * 1024 }:source(vm_with { batch = BATCH, key_field = "uuid" })
    local most = 0
    for from = 1, 4000, 500 do
      for i = from, from + 499 do door:ask(vm, data.uuid(i)) end
      assert.equal(500, #door:turn(20, 500))
      most = math.max(most, door:counters "vm".bytes)
    end
    assert.is_true(most <= 256 * 1024)
    assert.is_true(door:counters "vm".entries > 500)
    assert.equal("wait", (door:ask(vm, data.uuid(1))))
    assert.are_not.equal("wait", (door:ask(vm, data.uuid(4000))))
  end)

  it("keeps what is asked for when memory is short", function()
    local vm = open { max_bytes = 256 * 1024 }:source(vm_with { batch = BATCH, key_field = "uuid" })
    door:answer(vm, data.WEB)
    for from = 1, 4000, 500 do
      for i = from, from + 499 do door:ask(vm, data.uuid(i)) end
      door:turn(20, 500)
      assert.equal("found", (door:ask(vm, data.WEB)))
    end
  end)

  it("asks ten thousand unknown keys in bounded requests", function()
    fake:faults { vmapi = { delay = 0.02 } }
    local vm = open { max_requests = 4, max_waiters = 10000 }:source(vm_with { batch = BATCH, key_field = "uuid" })
    for i = 1, 10000 do door:ask(vm, data.uuid(100000 + i)) end
    assert.equal("missing", (door:ask(vm, data.uuid(1))))
    local told = 0
    while told < 10000 do told = told + #door:turn(20, 1) end
    assert.equal(100, fake:count "vmapi")
    assert.equal("nothing", door.room:ask(vm, data.uuid(110000)))
  end)

  it("keeps its answers when a source is declared anew with the same fields, and not with others", function()
    local vm = open():source(VM)
    door:answer(vm, data.WEB)
    assert.equal(vm, door:source(VM))
    assert.equal(vm, door:source(vm_with { keep = 50 }))
    assert.equal("found", door.room:ask(vm, data.WEB))
    assert.equal(vm, door:source(vm_with { fields = { "brand" } }))
    assert.equal('joyent-minimal', select(2, door:answer(vm, data.WEB)).brand)
    assert.equal(2, fake:count "vmapi")
  end)

  it("tells those who wait when the source they ask is declared anew", function()
    fake:faults { vmapi = { kind = "hang" } }
    local vm = open():source(VM)
    local _, _, _, ticket = door:ask(vm, data.WEB)
    door:turn(0.1)
    fake:well "vmapi"
    door:source(vm_with { keep = 50 })
    assert.same({ ticket }, door:turn(20, 1))
    assert.equal("found", (door:answer(vm, data.WEB)))
  end)

  it("asks again what was in flight when certificates and headers are read anew", function()
    fake:faults { vmapi = { kind = "hang" } }
    local vm = open():source(VM)
    door:ask(vm, data.WEB)
    door:turn(0.1)
    fake:well "vmapi"
    door.room:reopen()
    assert.equal(1, #door:turn(20, 1))
    assert.equal("found", door.room:ask(vm, data.WEB))
  end)

  it("ends with questions under way, and nobody is told", function()
    fake:faults { vmapi = { kind = "hang" } }
    local vm = open { max_requests = 2 }:source(VM)
    for i = 1, 50 do door:ask(vm, data.uuid(i)) end
    door:turn(0.1)
    door:close()
  end)

  it("answers within the question when it may block", function()
    local vm = open { blocking = true }:source(VM)
    assert.equal('{"alias":"web-1","owner_uuid":"' .. data.RACING .. '"}', select(2, door.room:ask(vm, data.WEB)))
    assert.equal("nothing", door.room:ask(vm, data.uuid(9999)))
  end)

  it("blocks until the deadline at most", function()
    fake:faults { vmapi = { kind = "hang" } }
    local vm = open { blocking = true, deadline = 0.2 }:source(VM)
    assert.equal("missing", door.room:ask(vm, data.WEB))
  end)

  it("names the service that is meant, when there is none of that name", function()
    open()
    local id, why = door.room:declare(lookup_door.declaration(vm_with { service = "vmpai" }))
    assert.is_nil(id)
    assert.equal('vm: lookups.services has no "vmpai"; did you mean "vmapi"?', why)
    assert.same({ true, false }, { door.room:has "vmapi", door.room:has "vmap" })
  end)

  it("takes no declaration that is cut off", function()
    open()
    local text = lookup_door.declaration(vm_with { batch = BATCH, key_field = "uuid" })
    for at = 0, #text - 1, 3 do assert.is_nil((door.room:declare(text:sub(1, at)))) end
  end)

  it("is quick to answer what it knows", function()
    local vm = open():source(VM)
    door:answer(vm, data.WEB)
    assert.is_true(door.room:cost(vm, data.WEB, 1000) > 0)
    assert.equal(1002, door:counters "vm".asked)
  end)

  it("sends the headers of a private file, and only of a private one", function()
    local folder = process.folder()
    local file = process.write(folder .. "/headers", "# for the proxy\nX-Token: s3cret\r\n\nX-Other: a: b\n")
    process.chmod(file, tonumber("600", 8))
    local service = { name = "vmapi", url = fake.url.vmapi, headers_file = file }
    local vm = open { services = { service } }:source(VM)
    door:answer(vm, data.WEB)
    assert.same({ "s3cret", "a: b" }, { fake:requests()[1].headers["x-token"], fake:requests()[1].headers["x-other"] })
    process.write(file, "X-Token: another\n")
    door.room:reopen()
    door:answer(vm, data.BHYVE)
    assert.equal("another", fake:requests()[2].headers["x-token"])
    process.chmod(file, tonumber("644", 8))
    assert.has_error(function() core.open { services = { service } } end,
      ('lookups: service "vmapi": %s has mode 0644, so others get at the secret in it: chmod 600'):format(file))
  end)

  for _, case in ipairs {
    { "a URL with credentials", { url = "http://u:p@host" }, "credentials do not belong into a URL" },
    { "what is no URL", { url = "vmapi.example.net" }, "is not a URL" },
    { "neither URL nor file", {}, "either a url or a file" },
    { "headers that are not encrypted", { url = "http://vmapi.example.net", headers_file = "/x" }, "is not encrypted" },
    { "a certificate without its key", { url = "https://host", cert_file = "/x" }, "belong together" },
  } do
    it("refuses a service with " .. case[1], function()
      case[2].name = "vmapi"
      local good, why = pcall(core.open, { services = { case[2] } })
      assert.is_false(good)
      assert.truthy(why:find(case[3], 1, true), why)
    end)
  end

  it("asks over TLS with a CA of its own, and not without", function()
    local folder = tls.folder "IP:127.0.0.1"
    local front = tls.front(folder, fake.ports.vmapi)
    local vm = open { services = { { name = "vmapi", url = front.url, ca_file = folder .. "/ca.crt" } } }:source(VM)
    assert.equal("found", (door:answer(vm, data.WEB)))
    door:close()
    vm = open { services = { { name = "vmapi", url = front.url } } }:source(VM)
    assert.equal("missing", (door:answer(vm, data.WEB)))
  end)

  it("shows a certificate to a service that wants one", function()
    local folder = tls.folder "IP:127.0.0.1"
    process.mkdir(folder .. "/vms")
    process.write(folder .. "/vms/" .. data.WEB, '{"alias":"behind TLS"}')
    local server = process.start(folder, "server", { "sh", "-c", "cd '" .. folder .. "' && exec openssl s_server "
      .. "-accept 127.0.0.1:0 -cert n.crt -key n.key -CAfile ca.crt -Verify 1 -verify_return_error -WWW" })
    local port = process.until_true("the server", function()
      if server:poll() then error("it ended:\n" .. server:stderr(), 0) end
      return server:stdout():match "ACCEPT [%d.]+:(%d+)"
    end)
    local service = { name = "vmapi", url = "https://127.0.0.1:" .. port, ca_file = folder .. "/ca.crt" }
    local vm = open { services = { service } }:source(VM)
    assert.equal("missing", (door:answer(vm, data.WEB)))
    door:close()
    service.cert_file, service.key_file = folder .. "/n.crt", folder .. "/n.key"
    process.chmod(service.key_file, tonumber("600", 8))
    vm = open { services = { service } }:source(VM)
    assert.equal("behind TLS", select(2, door:answer(vm, data.WEB)).alias)
    server:kill():wait()
  end)
end)
