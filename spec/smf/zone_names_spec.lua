-- The file of zones that a host writes for receivers that have no Triton to ask.
local daemon = require "spec.support.daemon"
local fake_host = require "spec.support.smf.fake_host"
local json = require "spec.support.json"
local process = require "spec.support.process"

local WEB, DB = "5f3c1d52-8a07-4e6b-9d41-0c2b7e9a1f10", "d8e4a7b0-66f1-4c2d-b3a9-51e0c97f2283"
local OWNER = "9a1e6c34-2b5d-4f70-8c93-6d0e4b7a2f51"
local FILE = "/var/zone-names/zones.json"

local function vm(uuid, alias, state, zone)
  return ('  {\n    "zonename": "%s",\n    "uuid": "%s",\n    "alias": %s,\n    "owner_uuid": "%s",\n'
    .. '    "brand": "lx",\n    "state": "%s"\n  }'):format(zone or uuid, uuid, alias, OWNER, state)
end

local function vms(...) return "[\n" .. table.concat({ ... }, ",\n") .. "\n]\n" end

local function smartos(...)
  local host = fake_host.new()
  host:has "vmadm"
  process.write(host.folder .. "/vmadm", vms(...))
  host:set("zone-names", { interval = 1 })
  return host
end

local function once(host, options)
  local status, said = host:run("zone-names", "once", options)
  assert.equal(0, status, said)
  return json.decode(host:read(FILE)), said
end

local function inode(host)
  local p = assert(io.popen(("ls -i '%s%s'"):format(host.root, FILE)))
  local text = p:read "l"
  p:close()
  return text
end

local function files(host)
  local p = assert(io.popen(("ls '%s/var/zone-names'"):format(host.root)))
  local text = p:read "a"
  p:close()
  return text
end

describe("zone-names", function()
  for _, shell in ipairs { "dash", "mksh", "ksh93" } do
    it("writes what vmadm knows, by the name of the zone: " .. shell, function()
      local host = smartos(vm(WEB, '"web-1"', "running"), vm(DB, '"db"', "stopped", "named"))
      assert.same({
        [WEB] = { zonename = WEB, alias = "web-1", owner_uuid = OWNER, brand = "lx", state = "running" },
        named = { zonename = "named", alias = "db", owner_uuid = OWNER, brand = "lx", state = "stopped" },
      }, once(host, { shell = shell }))
      assert.equal("zones.json\n", files(host))
    end)

    it("writes what zoneadm and zonecfg know: " .. shell, function()
      local host = fake_host.new(function(state)
        state.zones = {
          build = 'attr:\n\tname: alias\n\ttype: string\n\tvalue: "old: build \\ box"\nattr:\n\tname: owner-uuid\n'
            .. "\ttype: string\n\tvalue: " .. OWNER .. "\n",
          mail = "attr:\n\tname: resolvers\n\ttype: string\n\tvalue: 192.0.2.53\n",
        }
      end)
      process.write(host.folder .. "/zoneadm", "0:global:running:/::ipkg:shared\n"
        .. "3:build:running:/zones/b\\:uild:aaaa-bbbb:lipkg:excl\n-:mail:installed:/zones/mail::lipkg:excl:0\n")
      assert.same({
        build = { zonename = "build", alias = "old: build \\ box", owner_uuid = OWNER, brand = "lipkg",
          state = "running" },
        mail = { zonename = "mail", alias = "mail", owner_uuid = json.null, brand = "lipkg", state = "installed" },
      }, once(host, { shell = shell }))
    end)
  end

  it("takes any alias, and none", function()
    local zones = once(smartos(vm(WEB, [["a\"b\\}],{\"state\":\"x\"}\u00e9 é"]], "running"), vm(DB, "null", "running")))
    assert.equal([[a"b\}],{"state":"x"}é é]], zones[WEB].alias)
    assert.equal(json.null, zones[DB].alias)
  end)

  it("reads a list that stands on one line, and fields that it does not know", function()
    local host = smartos()
    process.write(host.folder .. "/vmadm", ('[{"nics":[{"ip":"192.0.2.1"}],"tags":{"a":{"b":1}},"ram":512,'
      .. '"zonename":"%s","autoboot":true,"alias":"web"},{"uuid":"%s"}]'):format(WEB, DB))
    local zones = once(host)
    assert.equal("web", zones[WEB].alias)
    assert.equal(DB, zones[DB].zonename)
  end)

  it("writes the file only when something has changed", function()
    local host = smartos(vm(WEB, '"web"', "running"), vm(DB, '"db"', "running"))
    once(host)
    local first = inode(host)
    process.write(host.folder .. "/vmadm", vms(vm(DB, '"db"', "running"), vm(WEB, '"web"', "running")))
    once(host)
    assert.equal(first, inode(host))
    process.write(host.folder .. "/vmadm", vms(vm(DB, '"db"', "running"), vm(WEB, '"web-2"', "running")))
    assert.equal("web-2", once(host)[WEB].alias)
    assert.not_equal(first, inode(host))
  end)

  it("keeps zones that are gone, up to a number of them, the latest first", function()
    local host = smartos(vm(WEB, '"web"', "running"), vm(DB, '"db"', "running"))
    host:set("zone-names", { keep = 1 })
    once(host)
    process.write(host.folder .. "/vmadm", vms(vm(DB, '"db"', "running")))
    assert.same({ zonename = WEB, alias = "web", owner_uuid = OWNER, brand = "lx", state = "destroyed" },
      once(host)[WEB])
    local before = inode(host)
    once(host)
    assert.equal(before, inode(host))
    process.write(host.folder .. "/vmadm", vms())
    local zones = once(host)
    assert.equal("destroyed", zones[DB].state)
    assert.is_nil(zones[WEB])
    process.write(host.folder .. "/vmadm", vms(vm(WEB, '"back"', "running")))
    assert.equal("running", once(host)[WEB].state)
  end)

  it("keeps the old file when the zones cannot be listed, and says so", function()
    local host = smartos(vm(WEB, '"web"', "running"))
    once(host)
    local before = host:read(FILE)
    for _, bad in ipairs { "", "<html>", '[{"zonename":"a"}', '[{"zonename":"a"},', "[1]" } do
      process.write(host.folder .. "/vmadm", bad)
      local status, said = host:run("zone-names", "once")
      assert.equal(95, status, bad)
      assert.matches("zone%-names: cannot list the zones: vmadm prints something else", said)
      assert.equal(before, host:read(FILE))
      assert.equal("zones.json\n", files(host))
    end
    os.remove(host.folder .. "/vmadm")
    local _, said = host:run("zone-names", "once")
    assert.matches("cannot reach vmadmd", said)
  end)

  it("does not take the zones before one that went away meanwhile for all of them", function()
    local host = fake_host.new(function(state) state.zones = { a = "" } end)
    process.write(host.folder .. "/zoneadm", "1:a:running:/a::lipkg:excl\n2:b:running:/b::lipkg:excl\n")
    local status, said = host:run("zone-names", "once")
    assert.equal(95, status)
    assert.matches("b: No such zone configured", said)
    assert.equal("", host:read(FILE))
  end)

  it("tells a program of the site of each new file", function()
    local host = smartos(vm(WEB, '"web"', "running"))
    local program = process.write(host.folder .. "/deliver", "#!/bin/sh\necho \"told of $1\" >>\"$HOST/told\"\n")
    process.chmod(program, 493) -- 0755
    host:set("zone-names", { program = program })
    once(host)
    once(host)
    assert.equal("told of " .. host.root .. FILE .. "\n", process.read(host.folder .. "/told"))
    process.write(program, "#!/bin/sh\nexit 3\n")
    process.write(host.folder .. "/vmadm", vms())
    local _, said = once(host)
    assert.matches("deliver failed with status 3", said)
  end)

  it("writes what the rules of a receiver read", function()
    local ZONE = "b6d2c1f0-3a57-4e0c-9f27-5d6f0c1e8a11" -- one of those in the trail of the demo
    local host = smartos(vm(ZONE, '"shop"', "running"))
    once(host)
    assert(os.execute(("lua5.4 spec/bench/generate.lua --profile demo --out '%s/trail'"):format(host.folder)))
    local settings = process.write(host.folder .. "/settings.lua", ([[return { rules = { directory = "%s/rules" },
      lookups = { services = { { name = "zones", file = "%s" } } } }]]):format(os.getenv "PWD", host.root .. FILE))
    local p = daemon.run(host.folder, { "decode", "-c", settings, host.folder .. "/trail" })
    assert.equal(0, p.status, p:stderr())
    local document = json.decode(p:stdout():match('[^\n]*"zonename":"' .. ZONE:gsub("%-", "%%-") .. '"[^\n]*'))
    assert.equal("shop", document.zonealias)
    assert.same({ name = ZONE, alias = "shop", brand = "lx", state = "running", owner = { uuid = OWNER } },
      document.zone)
  end)

  it("runs until it is stopped, and tells of a trouble once", function()
    local host = smartos(vm(WEB, '"web"', "running"))
    os.remove(host.folder .. "/vmadm")
    local status, said = host:run("zone-names", "start", { kill_at = 9 })
    assert.not_equal(0, status)
    assert.equal(1, select(2, said:gsub("zone%-names: ", "")), said)
    assert.matches("cannot reach vmadmd; tries again every 1 s", said)
  end)

  for _, what in ipairs { "fail_at", "kill_at" } do
    it("never leaves half a file: " .. what, function()
      local host = smartos(vm(WEB, '"web"', "running"))
      once(host)
      local old = host:read(FILE)
      process.write(host.folder .. "/vmadm", vms(vm(WEB, '"web-2"', "running")))
      host:has "rm"
      for n = 0, 17 do
        host.shell = ({ "dash", "mksh", "ksh93" })[n % 3 + 1]
        host:run("zone-names", "once", { [what] = n // 3 + 1 })
        local text = host:read(FILE)
        assert(text == old or json.decode(text)[WEB].alias == "web-2", text)
        assert.equal("web-2", once(host)[WEB].alias)
        assert.equal("zones.json\n", files(host))
        host:write(FILE, old)
      end
    end)
  end

  for what, case in pairs {
    ["a file without a folder"] = { { file = "zones.json" }, "config/file has to be the path" },
    ["no interval"] = { { interval = 0 }, "config/interval has to be from 1" },
    ["a program that is none"] = { { program = "/nowhere/deliver" }, "config/program is no program" },
  } do
    it("refuses " .. what, function()
      local host = smartos()
      host:set("zone-names", case[1])
      local status, said = host:run("zone-names", "start")
      assert.equal(96, status)
      assert.truthy(said:find(case[2], 1, true), said)
    end)
  end

  it("refuses a folder that others may write to", function()
    local host = smartos()
    os.execute(("mkdir -p '%s/var/zone-names' && chmod 777 '%s/var/zone-names'"):format(host.root, host.root))
    local status, said = host:run("zone-names", "start")
    assert.equal(96, status)
    assert.matches("may be written to by others", said)
  end)
end)
