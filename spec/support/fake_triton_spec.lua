local data = require "spec.support.triton_data"
local json = require "spec.support.json"
local triton = require "spec.support.triton"

describe("the fake Triton", function()
  local fake
  setup(function() fake = triton.start { zones = 10 } end)
  teardown(function() fake:stop() end)

  local function ask(service, path)
    local status, body = fake:ask(service, "GET", path)
    return status, body ~= "" and json.decode(body) or nil
  end

  for _, case in ipairs {
    { "vmapi", "/vms/global", 409, "ValidationFailed" },
    { "vmapi", "/vms/" .. data.WEB:upper(), 409, "ValidationFailed" },
    { "vmapi", "/vms/" .. data.uuid(11), 404, "ResourceNotFound" }, { "vmapi", "/nowhere", 404, "ResourceNotFound" },
    { "vmapi", "/vms/" .. data.WEB .. "?owner_uuid=" .. data.OPS, 404, "ResourceNotFound" },
    { "vmapi", "/vms?color=red", 409, "ValidationFailed" },
    { "vmapi", "/vms?fields=uuid,nics", 409, "ValidationFailed" },
    { "vmapi", "/vms?limit=1001", 409, "ValidationFailed" }, { "vmapi", "/vms?uuids=x", 409, "ValidationFailed" },
    { "vmapi", "/vms?offset=1&marker=%7B%22uuid%22%3A%22x%22%7D", 409, "ValidationFailed" },
    { "mahi", "/accounts/" .. data.uuid(1), 404, "AccountIdDoesNotExist" },
    { "mahi", "/accounts?login=nobody", 404, "AccountDoesNotExist" }, { "mahi", "/accounts", 400, "BadRequestError" },
    { "mahi", "/users/" .. data.uuid(1), 404, "UserIdDoesNotExist" },
    { "cnapi", "/servers/" .. data.uuid(1), 404, "ResourceNotFound" },
    { "cnapi", "/servers?color=red", 409, "InvalidArgument" },
    { "cnapi", "/servers/cn-01", 409, "InvalidParameters" },
    { "napi", "/search/ips?ip=192.0.2.99", 404, "ResourceNotFound" },
    { "imgapi", "/images/" .. data.uuid(1), 404, "ResourceNotFound" },
  } do
    it(("refuses %s%s as %s"):format(case[1], case[2], case[4]), function()
      local status, body = ask(case[1], case[2])
      assert.same({ case[3], case[4] }, { status, body.code })
    end)
  end

  it("pages through active zones, the highest uuid first, until a page is empty", function()
    local seen, marker = {}, ""
    repeat
      local _, page = ask("vmapi", "/vms?state=active&limit=5&fields=uuid&marker=" .. marker)
      for _, vm in ipairs(page) do seen[#seen + 1] = vm.uuid end
      if #page > 0 then marker = "%7B%22uuid%22%3A%22" .. page[#page].uuid .. "%22%7D" end
    until #page == 0
    assert.equal(12, #seen)
    assert.same({ data.BHYVE, data.WEB, data.uuid(10) }, { seen[1], seen[2], seen[3] })
  end)

  it("knows destroyed zones, and leaves unknown fields of one zone out", function()
    local status, vm = ask("vmapi", "/vms/" .. data.DESTROYED .. "?fields=state,color")
    assert.same({ 200, { state = "destroyed" } }, { status, vm })
  end)

  it("names the accounts that it knows, many at once", function()
    local _, names = ask("mahi", "/names?uuid=" .. data.OPS .. "&uuid=" .. data.uuid(1) .. "&uuid=" .. data.RACING)
    assert.same({ [data.OPS] = "ops.team", [data.RACING] = "racing" }, names)
  end)

  it("shows sysinfo to whom asks for it", function()
    local _, bare = ask("cnapi", "/servers?limit=1")
    assert.is_nil(bare[1].sysinfo)
    local _, full = ask("cnapi", "/servers?extras=sysinfo&offset=1&fields=uuid,sysinfo")
    assert.same({ data.CN_02, "dhcp" }, { full[1].uuid, full[1].sysinfo["Admin IP"] })
    assert.is_nil(full[1].hostname)
  end)

  it("fails as it is told, as often as it is told, and counts what it was asked", function()
    fake:forget()
    fake:faults { mahi = { kind = "not_ready", times = 1 }, vmapi = { kind = "error", path = "/vms/" } }
    assert.equal("ReplicatorNotReady", select(2, ask("mahi", "/names")).code)
    assert.equal(200, (ask("mahi", "/names")))
    assert.equal(500, (ask("vmapi", "/vms/" .. data.WEB)))
    assert.equal(200, (ask("vmapi", "/vms?limit=1")))
    fake:well "vmapi"
    assert.same({ 2, 2 }, { fake:count "mahi", fake:count "vmapi" })
    assert.equal("/names", fake:requests()[1].target)
    fake:down "mahi"
    assert.is_nil((fake:ask("mahi", "GET", "/names")))
    fake:up "mahi"
    assert.equal(200, (ask("mahi", "/names")))
  end)
end)
