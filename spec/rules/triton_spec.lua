describe("rules.triton", function()
  local lookup = require "auditrecv.lookup"
  local rules = require "rules.triton"

  local WEB = "5f3c1d52-8a07-4e6b-9d41-0c2b7e9a1f10"
  local DB = "d8e4a7b0-66f1-4c2d-b3a9-51e0c97f2283"
  local OLD = "0b6d2f9e-1c48-4a35-8e77-f4a3d5c60912"
  local RACING, GONE = "9a1e6c34-2b5d-4f70-8c93-6d0e4b7a2f51", "e27b5d80-93c6-4e1a-a5f4-7c8d9e0b1a62"
  local CN = "44454c4c-3200-1042-8050-b4c04f313233"
  local IMAGE, PACKAGE = "a1b2c3d4-0001-4000-8000-00000000abcd", "c0ffee00-1234-4abc-8def-000000000001"

  before_each(function()
    lookup.answers {
      triton_vm = {
        [WEB] = { alias = "web-1", owner_uuid = RACING, brand = "joyent-minimal", state = "running", server_uuid = CN,
          billing_id = PACKAGE },
        [DB] = { alias = "db-bhyve", owner_uuid = RACING, brand = "bhyve", state = "stopped",
          billing_id = "00000000-0000-0000-0000-000000000000" },
        [OLD] = { alias = "build-old", owner_uuid = GONE, brand = "joyent", state = "destroyed" },
      },
      triton_vm_image = { [WEB] = { image_uuid = IMAGE }, [DB] = { disks = { { image_uuid = IMAGE, size = 20480 } } } },
      triton_login = { [RACING] = "racing" },
      triton_server = { [CN] = { uuid = CN, hostname = "cn-01", datacenter = "lab-1" } },
      triton_node = { ["192.0.2.11"] = { uuid = CN, hostname = "cn-01", datacenter = "lab-1" } },
      triton_image = { [IMAGE] = { name = "base-64", version = "24.4.1" } },
      triton_package = { [PACKAGE] = { name = "g4-general-4G" } },
      triton_zone_file = { ["omni-web"] = { alias = "web", owner = "sally", state = "running" } },
    }
  end)
  teardown(function() lookup.answers {} end)

  local function after(says)
    local doc = a_record(says)
    for _, rule in ipairs(rules) do assert.kept(rule.run(doc)) end
    return doc
  end

  it("names the zone of a record, its owner, and what it runs on", function()
    local doc = after { zonename = WEB }
    assert.equal("racing-web-1", doc.zonealias)
    assert.same({
      name = WEB, alias = "web-1", brand = "joyent-minimal", state = "running",
      owner = { uuid = RACING, login = "racing" }, server = { uuid = CN, name = "cn-01" },
      package = { uuid = PACKAGE, name = "g4-general-4G" },
      image = { uuid = IMAGE, name = "base-64", version = "24.4.1" },
    }, doc.zone)
  end)

  it("finds the image of a machine on its first disk, and knows a package that is none", function()
    local zone = after { zonename = DB }.zone
    assert.same({ uuid = IMAGE, name = "base-64", version = "24.4.1" }, zone.image)
    assert.is_nil(zone.package)
  end)

  it("names destroyed zones, and calls an owner unknown whom nobody knows", function()
    local doc = after { zonename = OLD }
    assert.equal("unknown-build-old", doc.zonealias)
    assert.same({ "destroyed", "unknown" }, { doc.zone.state, doc.zone.owner.login })
  end)

  it("names nothing that it does not know", function()
    for _, name in ipairs { "global", "someone", "5F3C1D52-8a07-4e6b-9d41-0c2b7e9a1f10" } do
      local doc = after { zonename = name }
      assert.same({}, { doc.zonealias, doc.zone })
    end
  end)

  for line, program in pairs {
    ["zlogin " .. WEB .. " reboot " .. DB] = "/usr/sbin/zlogin",
    ["zlogin -l root " .. WEB] = "/usr/sbin/zlogin",
    ["zoneadm -z " .. WEB .. " halt"] = "/usr/sbin/zoneadm",
    ["/usr/node/bin/node --abort_on_uncaught_exception /usr/vm/sbin/vmadm stop " .. WEB] = "/usr/node/bin/node",
    ["/bin/bash /usr/bin/sdc-login " .. WEB] = "/usr/bin/bash",
  } do
    it("names the zone that a command in the global zone is about: " .. line, function()
      local argv = {}
      for word in line:gmatch "%S+" do argv[#argv + 1] = word end
      local doc = after { event = "execve", zonename = "global", path = program, exec_args = argv }
      assert.equal("racing-web-1", doc.zonealias)
      assert.same({ WEB, "global" }, { doc.zone.name, doc.zone.from })
    end)
  end

  it("leaves other commands of the global zone alone, and commands inside of zones to their own", function()
    assert.is_nil(after { event = "execve", zonename = "global", path = "/usr/bin/ls", exec_args = { "ls", WEB } }.zone)
    local doc = after { event = "execve", zonename = DB, path = "/usr/sbin/zlogin", exec_args = { "zlogin", WEB } }
    assert.equal("racing-db-bhyve", doc.zonealias)
  end)

  it("names the compute node that sent a record", function()
    assert.same({ uuid = CN, name = "cn-01", datacenter = "lab-1" }, after { from = "192.0.2.11" }.node)
    assert.is_nil(after { from = "192.0.2.99" }.node)
  end)

  it("takes names from a file where there is no Triton", function()
    local doc = after { zonename = "omni-web" }
    assert.equal("sally-web", doc.zonealias)
    assert.same({ name = "omni-web", alias = "web", owner = { login = "sally" }, state = "running" }, doc.zone)
  end)
end)
