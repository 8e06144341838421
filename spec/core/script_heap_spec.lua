local core = require "core.script"

local OK, ERRMEM = 0, 4

describe("core.script heap", function()
  it("holds nothing when its state is closed", function()
    for _, chunk in ipairs {
      "", "local t = {} for i = 1, 5000 do t[i] = { i, tostring(i) } end",
      "local s = '' for i = 1, 2000 do s = s .. i end", "error {}",
    } do
      local _, used = core.heap(chunk, 64 << 20)
      assert.equal(0, used, chunk)
    end
  end)

  it("never lends more than its cap", function()
    local cap = 200000
    local status, used, peak, refused = core.heap("local t = {} while true do t[#t + 1] = { #t } end", cap)
    assert.same({ ERRMEM, 0, true, true }, { status, used, peak <= cap, refused > 0 })
    status, used, peak = core.heap("local s = ('x'):rep(1000) while true do s = s .. s end", cap)
    assert.same({ ERRMEM, 0, true }, { status, used, peak <= cap })
  end)

  it("gives everything back wherever memory runs out", function()
    local chunk = "local t = {} for i = 1, 200 do t[i] = { ('x'):rep(i), function() return i end } end return #t"
    local needed = 0
    repeat
      local status, used = core.heap(chunk, 64 << 20, needed)
      assert.equal(0, used)
      needed = needed + 7
    until status == OK
    assert.is_true(needed > 100)
  end)
end)
