describe("auditrecv.zone_commands", function()
  local zone_commands = require "auditrecv.zone_commands"
  local U = "5f3c1d52-8a07-4e6b-9d41-0c2b7e9a1f10"
  local V = "d8e4a7b0-66f1-4c2d-b3a9-51e0c97f2283"

  local function target(line)
    local argv = {}
    for word in line:gmatch "%S+" do table.insert(argv, word) end
    return zone_commands.target(argv[1], argv)
  end

  for line, zone in pairs {
    ["zlogin " .. U] = U,
    ["/usr/sbin/zlogin -l bob " .. U .. " reboot"] = U,
    ["zlogin -lbob web-1"] = "web-1",
    ["zlogin -Q -i " .. U .. " /bin/sh"] = U,
    ["zlogin -e% -- web-1"] = "web-1",
    ["zlogin web-1 vmadm stop " .. V] = "web-1",
    ["zoneadm -z web-1 halt"] = "web-1",
    ["zoneadm -zweb-1 boot"] = "web-1",
    ["zoneadm -z web-1 -u " .. U .. " halt"] = U,
    ["zoneadm -z new clone old"] = "new",
    ["zonecfg -z web-1 set autoboot=true"] = "web-1",
    ["zonecfg -u " .. U .. " info"] = U,
    ["vmadm stop -t 30 " .. U] = U,
    ["vmadm kill -9 " .. U] = U,
    ["vmadm get " .. U] = U,
    ["vmadm delete-snapshot " .. U .. " snap"] = U,
    ["/usr/node/bin/node --abort_on_uncaught_exception /usr/vm/sbin/vmadm stop " .. U] = U,
    ["/usr/node/bin/node /usr/vm/sbin/vmadm.js start " .. U] = U,
    ["/usr/bin/perl /opt/ooce/bin/zadm halt web-1"] = "web-1",
    ["/usr/bin/env perl /opt/ooce/bin/zadm boot web-1"] = "web-1",
    ["zadm stop web-1 -f"] = "web-1",
    ["zadm set web-1 ram=2G"] = "web-1",
    ["zadm edit web-1"] = "web-1",
    ["fwadm status " .. U] = U,
    ["/bin/bash /opt/smartdc/bin/sdc-login -l web-1"] = "web-1",
    ["svcs -x -z " .. U] = U,
    ["svcadm -z " .. U .. " restart ssh"] = U,
    ["svcprop -p general/enabled -z web-1 ssh"] = "web-1",
    ["ps -fz web-1,db-1"] = "web-1",
    ["pkill -9 -z " .. U .. " nginx"] = U,
  } do
    it("sees the zone of " .. line, function() assert.equal(zone, target(line)) end)
  end

  for _, line in ipairs {
    "zlogin", "zlogin -C", "zoneadm list -cv", "zoneadm -z web-1 list", "zonecfg -f file", "vmadm list " .. U,
    "vmadm lookup -j", "vmadm create -f " .. U, "vmadm stop web-1", "vmadm", "fwadm get " .. U, "zadm pull web-1",
    "zadm list", "svcs -a", "ps -ef", "ps -z 3", "zlogin 17", "zoneadm -z global boot", "ls " .. U,
    "node server.js vmadm", "ssh host zlogin " .. U, "zlogin -l",
  } do
    it("sees none in " .. line, function() assert.is_nil(target(line)) end)
  end

  it("takes nothing but arguments", function()
    for _, argv in ipairs { {}, { 1 }, { "" }, { "-" } } do assert.is_nil(zone_commands.target("/bin/x", argv)) end
    assert.is_nil(zone_commands.target("/bin/x", nil))
  end)

  it("knows what a UUID looks like", function()
    assert.is_true(zone_commands.is_uuid(U))
    for _, text in ipairs { U:upper(), U:sub(2), U .. "0", "global", "", U:gsub("-", "0"), false } do
      assert.is_false(zone_commands.is_uuid(text))
    end
  end)
end)
