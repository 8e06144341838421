-- The illumos half of what a receiver gives up, on an imagined process with the rules of privileges(7).
local illumos = require "core.illumos"

local kept = "file_read file_write net_access "

describe("on illumos, a receiver that root starts", function()
  it("keeps for its start what reads keys, and what binds a low port only where there is one", function()
    illumos.start(true)
    assert.equal(kept .. "file_dac_read file_dac_search net_privaddr ", illumos.become(true).Effective)
    illumos.start(true)
    local process = illumos.become(false)
    assert.equal(kept .. "file_dac_read file_dac_search ", process.Effective)
    assert.equal(process.Effective, process.Permitted)
  end)

  it("keeps nothing of that for its work, and no program could be given any of it", function()
    illumos.start(true)
    illumos.become(true)
    local process = illumos.drop()
    for _, set in ipairs { "Effective", "Permitted", "Inheritable", "Limit" } do assert.equal(kept, process[set]) end
  end)

  it("does the same on a system that does not know all privileges yet", function()
    illumos.start(true, true)
    illumos.become(true)
    assert.equal(kept, illumos.drop().Permitted)
  end)
end)

describe("on illumos, a receiver that SMF starts as its user", function()
  it("gives up what the method's shell needed", function()
    assert.matches("proc_exec proc_fork", illumos.start(false).Permitted)
    assert.equal(kept, illumos.drop().Permitted)
  end)

  it("goes on with less where it was given less", function()
    illumos.start(false, false, "file_write")
    assert.equal("file_read net_access ", illumos.drop().Permitted)
  end)
end)

describe("on illumos, core dumps", function()
  it("are off, and nobody looks into the process, unless somebody asks for them", function()
    illumos.start(false)
    assert.is_true(illumos.hide(false).protected)
    assert.is_false(illumos.hide(true).protected)
  end)
end)
