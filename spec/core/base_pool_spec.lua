local sink = require "core.sink"

describe("core.base.pool", function()
  it("runs each job once, and brings each back", function()
    for _, threads in ipairs { 1, 2, 8 } do
      local total, left, _, still_busy = sink.pool_sum(2000, threads)
      local expected = 0
      for i = 0, 1999 do expected = expected + i * (i + 1) // 2 end
      assert.same({ expected, 0, 0 }, { total, left, still_busy })
    end
  end)

  it("takes jobs that are submitted again from done()", function()
    local once = sink.pool_sum(200, 3)
    assert.equal(once * 6, (sink.pool_sum(200, 3, 5)))
  end)

  it("gives jobs back, wherever they are", function()
    for _ = 1, 20 do
      local _, left, cancelled, still_busy = sink.pool_sum(300, 3, 2, 3)
      assert.same({ 0, 100, 0 }, { left, cancelled, still_busy })
    end
  end)

  it("stops in the middle of its work", function()
    for _ = 1, 20 do sink.pool_stop(100, 4) end
  end)
end)
