local journal = require "core.journal"

describe("core.journal.crc32c", function()
  -- RFC 3720, appendix B.4, and the check value of the catalogue of checksums.
  local counting = {}
  for i = 0, 31 do counting[#counting + 1] = string.char(i) end
  counting = table.concat(counting)
  for _, case in ipairs {
    { "123456789", 0xe3069283 }, { ("\0"):rep(32), 0x8a9136aa }, { ("\xff"):rep(32), 0x62a8ab43 },
    { counting, 0x46dd794e }, { counting:reverse(), 0x113fdb5c }, { "", 0 }, { "a", 0xc1d04330 },
  } do
    it(("of %d bytes is %08x, by the processor and by tables"):format(#case[1], case[2]), function()
      assert.same({ case[2], case[2] }, { journal.crc32c(case[1]) })
    end)
  end

  it("goes on from what came before", function()
    local text = ("The quick brown fox"):rep(20)
    local whole = journal.crc32c(text)
    for at = 0, #text do
      local head, head_too = journal.crc32c(text:sub(1, at))
      assert.equal(head, head_too)
      assert.same({ whole, whole }, { journal.crc32c(text:sub(at + 1), head) })
    end
  end)
end)
