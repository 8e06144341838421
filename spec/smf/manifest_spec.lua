-- The manifests are what SMF takes, and say the same as the methods that they start.
local process = require "spec.support.process"

local manifests = {
  "etc/smf/auditrecv.xml", "gz-smf/audit-setup.xml", "gz-smf/mount-gss.xml", "gz-smf/zone-names.xml",
  "gz-smf/kernel-drops.xml",
}

-- The DTD that a manifest names is that of the system; ours says the same.
local function lint(text)
  local file = process.write(process.folder() .. "/manifest.xml", (text:gsub("<!DOCTYPE.->", "")))
  local command = "xmllint --noout --nonet --dtdvalid spec/support/smf/service_bundle.dtd " .. file .. " 2>&1"
  local p = assert(io.popen(command))
  local said = p:read "a"
  return p:close(), said
end

local function properties(text)
  local list = {}
  for name, kind, value in text:match '<property_group name="config".-</property_group>'
    :gmatch '<propval name="([^"]+)" type="([^"]+)" value="([^"]*)"/>' do
    list[name] = { type = kind, value = value }
  end
  return list
end

describe("the manifest", function()
  for _, path in ipairs(manifests) do
    local text = process.read(path)

    it("is valid: " .. path, function()
      local fine, said = lint(text)
      assert(fine, said)
      assert.matches('<!DOCTYPE service_bundle SYSTEM "/usr/share/lib/xml/dtd/service_bundle.dtd.1">', text, 1, true)
    end)

    it("describes every property that it has: " .. path, function()
      local described = {}
      for name, kind in text:gmatch '<prop_pattern name="([^"]+)" type="([^"]+)"' do described[name] = kind end
      for name, property in pairs(properties(text)) do
        assert.equal(property.type, described[name], name)
        described[name] = nil
        if property.type == "count" then assert.matches("^%d+$", property.value) end
        if property.type == "boolean" then assert.truthy(({ ["true"] = true, ["false"] = true })[property.value]) end
      end
      assert.same({}, described)
    end)

    it("is not enabled before it has settings: " .. path, function()
      assert.matches('<instance name="default" enabled="false">', text, 1, true)
    end)
  end

  local knowing = { ["audit-setup"] = "audit-want.sh", ["mount-gss"] = "mount-gss", ["zone-names"] = "zone-names",
    ["kernel-drops"] = "kernel-drops" }
  for name, part in pairs(knowing) do
    it("has the properties that its method knows: " .. name, function()
      local known, wanted = {}, {}
      for _, text in process.read("gz-smf/" .. part):gmatch "\nknown=([\"'])(.-)%1" do
        for word in text:gmatch "[%w_]+" do known[#known + 1] = word end
      end
      for property in pairs(properties(process.read("gz-smf/" .. name .. ".xml"))) do wanted[#wanted + 1] = property end
      for i = #known, 1, -1 do if known[i] == "known" then table.remove(known, i) end end
      table.sort(known)
      table.sort(wanted)
      assert.same(wanted, known)
    end)
  end

  it("would be refused if it were wrong", function()
    local text = process.read(manifests[1])
    for _, change in ipairs {
      { 'type="astring"', 'type="string"' },
      { "<single_instance/>", "<stability value='Evolving'/>" },
      { 'enabled="false"', 'enabled="no"' },
      { 'timeout_seconds="90"', "" },
      { 'restart_on="none"', 'restart_on="never"' },
    } do
      local at, last = text:find(change[1], 1, true)
      assert.is_nil((lint(text:sub(1, at - 1) .. change[2] .. text:sub(last + 1))), change[1])
    end
  end)
end)

describe("the scripts for services", function()
  it("are good in the eyes of shellcheck", function()
    if not os.execute "command -v shellcheck >/dev/null" then pending "shellcheck is not installed" return end
    local p = assert(io.popen("shellcheck -s sh -x -P . etc/smf/auditrecv gz-smf/audit-setup gz-smf/mount-gss "
      .. "gz-smf/zone-names gz-smf/kernel-drops gz-smf/install gz-smf/*.sh spec/support/smf/smf_include.sh "
      .. "spec/support/smf/sleep 2>&1"))
    local said = p:read "a"
    assert(p:close(), said)
  end)

  -- ksh93 and mksh read `|` in ${text%%|*} as a choice between patterns.
  it("quote what only some shells take for a pattern", function()
    local scripts = "gz-smf/*.sh gz-smf/audit-setup gz-smf/mount-gss gz-smf/zone-names gz-smf/kernel-drops "
      .. "gz-smf/install etc/smf/auditrecv"
    for name in assert(io.popen("ls " .. scripts)):lines() do
      for line in io.lines(name) do
        assert.is_nil(line:find "%${[%w_]+[#%%]+[^\"}]*|", name .. ": " .. line)
      end
    end
  end)

  it("are listed in the installer", function()
    local text = process.read "gz-smf/install"
    for name in assert(io.popen "ls gz-smf"):lines() do
      local listed = (text:match "\nprograms='(.-)'" .. " " .. text:match "\nparts='(.-)'"):find(name, 1, true)
      assert.truthy(listed or name == "install", name)
    end
  end)
end)
