local base = require "core.base"
local data = require "spec.support.triton_data"
local lookup_door = require "spec.support.lookup_door"
local mime = require "mime"
local process = require "spec.support.process"
local triton = require "spec.support.triton"

local VM = { name = "vm", service = "vmapi", key = "uuid", path = "/vms/{key}", fields = { "alias" } }

describe("cache that outlives the program", function()
  local fake, door, path

  local function open()
    door = lookup_door.open { services = { { name = "vmapi", url = fake.url.vmapi } }, cache_file = path,
      deadline = 20 }
    return door
  end
  local function vm_with(members)
    local it = {}
    for name, value in pairs(VM) do it[name] = value end
    for name, value in pairs(members) do it[name] = value end
    return it
  end
  -- One run that knows of a zone and of one that is none.
  local function save()
    local vm = open():source(VM)
    door:answer(vm, data.WEB)
    door:answer(vm, data.uuid(1))
    door:close()
    fake:forget()
  end

  before_each(function()
    fake = triton.start()
    path = process.folder() .. "/lookups"
  end)
  after_each(function()
    door:close()
    fake:stop()
  end)

  it("is there again, what there was and what there was not", function()
    save()
    local vm = open():source(VM)
    assert.equal('{"alias":"web-1"}', select(2, door.room:ask(vm, data.WEB)))
    assert.equal("nothing", door.room:ask(vm, data.uuid(1)))
    assert.equal(0, fake:count "vmapi")
  end)

  it("is for its owner only, holds no secrets, and leaves nothing beside it", function()
    save()
    local listed = io.popen("ls -lA '" .. path:match "^(.*)/" .. "' | tail -n +2"):read "a"
    assert.truthy(listed:find("^%-rw%-%-%-%-%-%-%-"))
    assert.equal(1, select(2, listed:gsub("\n", "\n")))
    assert.is_nil(process.read(path):find(data.SECRET, 1, true))
  end)

  it("is not there for a source that keeps other fields", function()
    save()
    local vm = open():source(vm_with { fields = { "brand" } })
    assert.equal("wait", (door:ask(vm, data.WEB)))
  end)

  it("does not bring back what had its time", function()
    local vm = open():source(vm_with { keep = 1, stale = 0 })
    door:answer(vm, data.WEB)
    door:turn(1.1)
    door:close()
    vm = open():source(vm_with { keep = 1, stale = 0 })
    assert.equal("wait", (door:ask(vm, data.WEB)))
  end)

  it("is kept over a run in which nobody asked", function()
    save()
    open()
    door:close()
    local vm = open():source(VM)
    assert.equal("found", door.room:ask(vm, data.WEB))
  end)

  local function starts_without(change, reason)
    save()
    local text = change(process.read(path))
    process.write(path, text)
    local vm = open():source(VM)
    assert.equal("wait", (door:ask(vm, data.WEB)))
    assert.truthy(door:log():find(reason, 1, true), door:log())
  end

  it("is ignored when it is damaged, anywhere", function()
    save()
    local good = process.read(path)
    for at = 13, #good, 7 do
      process.write(path, good:sub(1, at - 1) .. string.char(good:byte(at) ~ 1) .. good:sub(at + 1))
      local vm = open():source(VM)
      assert.equal("wait", (door:ask(vm, data.WEB)))
      door.room:forget(door.ticket)
      os.remove(path)
      door:close()
    end
  end)

  it("is ignored when it is cut off", function()
    starts_without(function(text) return text:sub(1, #text - 1) end, "it is damaged")
    door:close()
    starts_without(function(text) return text:sub(1, 20) end, "it is cut off")
  end)

  it("is ignored when a value in it is no JSON, though its sum is right", function()
    starts_without(function(text)
      local body = text:sub(1, -33):gsub('{"alias"', '{~alias"')
      local sum = base.sha256_base64url(body):gsub("-", "+"):gsub("_", "/")
      return body .. mime.unb64(sum .. ("="):rep(-#sum % 4))
    end, "it is damaged")
  end)

  it("is ignored when it is empty", function()
    starts_without(function() return "" end, "it is no cache of lookups")
  end)

  it("is ignored when it is something else", function()
    starts_without(function() return "hello" end, "it is no cache of lookups")
  end)

  it("is ignored when it is of another version", function()
    starts_without(function(text) return text:sub(1, 11) .. "\2" .. text:sub(13) end, "another version")
  end)

  it("is ignored when others may write to it", function()
    save()
    process.chmod(path, tonumber("666", 8))
    local vm = open():source(VM)
    assert.equal("wait", (door:ask(vm, data.WEB)))
  end)

  it("is no reason to fail where it cannot be written", function()
    local there = path
    path = "/nonexistent/lookups"
    open():source(VM)
    door:close()
    assert.truthy(door:log():find("lookup_cache_not_saved", 1, true))
    path = there
  end)
end)
