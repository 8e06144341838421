local list = require "auditrecv.list"

describe("auditrecv.list", function()
  it("has", function()
    assert.is_true(list.has({ "a", "b" }, "b"))
    assert.is_false(list.has({ "a" }, "b"))
    assert.is_false(list.has(nil, "b"))
  end)
  it("adds what is not there", function()
    local tags = { "a" }
    assert.equal(tags, list.add(tags, "b"))
    assert.same({ "a", "b" }, list.add(tags, "b"))
    assert.same({ "x" }, list.add(nil, "x"))
  end)
  it("removes all that are there", function()
    local tags = { "a", "b", "a" }
    assert.equal(2, list.remove(tags, "a"))
    assert.same({ "b" }, tags)
    assert.equal(0, list.remove(nil, "a"))
  end)
end)
