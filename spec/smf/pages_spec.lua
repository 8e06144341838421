-- What the pages for operators show is tried on a fake host.
local book = require "spec.docs.book"
local fake_host = require "spec.support.smf.fake_host"
local process = require "spec.support.process"

local function typed(host, example, adopt)
  local command = adopt(example.command)
  local script = process.write(host.folder .. "/typed", "cd \"$HOST/source\" || exit 1\n" .. command .. "\n")
  local status, said = host:run("typed", "", { path = script, by_hand = true })
  assert.equal(0, status, example.at .. ": " .. said)
  local lines = {}
  for line in said:gmatch "[^\n]+" do lines[#lines + 1] = line:gsub("^(%l+)%s+$", "%1") end
  assert(book.prints(example.prints, lines), ("%s: the page shows\n%s\nbut it prints\n%s"):format(example.at,
    table.concat(example.prints, "\n"), said))
end

describe("etc/doc/hosts.md", function()
  local page = process.read "etc/doc/hosts.md"

  it("shows commands that work", function()
    local host = fake_host.new(function(state)
      for _, name in ipairs { "audit-setup", "mount-gss", "zone-names", "kernel-drops" } do
        state.services["svc:/site/" .. name .. ":default"] = nil
      end
      state.runs_methods = true
    end)
    host:has "id"
    assert(os.execute(("mv '%s/opt/auditrecv/gz-smf' '%s/source'"):format(host.root, host.folder)))
    local before = host:picture()
    local count = 0
    for _, example in ipairs(book.examples "etc/doc/hosts.md") do
      typed(host, example, function(command) return (command:gsub("^/opt", host.root .. "/opt")) end)
      count = count + 1
    end
    assert(count >= 9)
    host:change(function(state) state.audit.kernel, state.audit.mapped = {}, nil end)
    host:is_like(before)
  end)

  for _, name in ipairs { "audit-setup", "mount-gss", "zone-names", "kernel-drops" } do
    it("has every property of " .. name, function()
      local text = process.read("gz-smf/" .. name .. ".xml"):match '<property_group name="config".-</property_group>'
      for property in text:gmatch '<propval name="([^"]+)"' do
        assert.truthy(page:find("`" .. property .. "`", 1, true), property)
      end
    end)
  end

  it("tells of what the scripts really say", function()
    local scripts = ""
    for file in assert(io.popen "ls gz-smf"):lines() do scripts = scripts .. process.read("gz-smf/" .. file) end
    for said in page:match "## When something is wrong(.*)$":gmatch "\n| `([^`]+)`" do
      for part in said:gmatch "[^…']+" do
        local text = part:match "^%s*(.-)%s*$"
        if #text > 3 and not text:find "^is not in" then
          assert.truthy(scripts:find(text, 1, true), text)
        end
      end
    end
  end)
end)

describe("etc/doc/smf.md", function()
  it("shows commands that work", function()
    local host = fake_host.new()
    assert(os.execute(("mkdir '%s/source'"):format(host.folder)))
    local manifest = "/usr/local/lib/svc/manifest/auditrecv.xml"
    assert(os.execute(("mkdir -p '%s/usr/local/lib/svc/manifest'"):format(host.root)))
    host:write(manifest, (process.read "etc/smf/auditrecv.xml":gsub("@%u[%u_]*@", "/usr/local")))
    for _, example in ipairs(book.examples "etc/doc/smf.md") do
      typed(host, example, function(command) return (command:gsub(manifest, host.root .. manifest)) end)
    end
    local instance = host:state().services["svc:/network/auditrecv:default"]
    assert.same({ "/opt/site/auditrecv.lua" }, instance.properties["config/settings"].values)
    assert.same({ "180" }, instance.service.properties["stop/timeout_seconds"].values)
  end)

  it("has the times of the manifest", function()
    local text = process.read "etc/smf/auditrecv.xml"
    local allowed = text:match 'exec=":kill" timeout_seconds="(%d+)"'
    assert.truthy(process.read "etc/doc/smf.md":find("SMF allows " .. allowed))
  end)
end)
