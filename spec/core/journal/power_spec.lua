local journal = require "core.journal"
local a_journal = require "spec.support.a_journal"

local ROUNDS = tonumber(os.getenv "POWER_CUTS" or "") or 500

-- One journal's life with many power cuts, each at some call that changes something on the disk.
-- Beside it the oracle: which records were reported stored, and with which bytes.
describe("core.journal and power cuts", function()
  local function life(rounds, seed, config)
    local disk = journal.disk(seed)
    local oracle, cursor, sequence, entries = {}, 1, 0, 0
    local random = 1
    local function pick(n)
      random = (random * 1103515245 + 12345) & 0x7fffffff
      return (random >> 8) % n + 1
    end
    random = seed
    for round = 1, rounds do
      -- The power may go while it recovers, too.
      disk:power_left(pick(30))
      local config_now = { disk = disk, directory = "journal" }
      for k, v in pairs(config) do config_now[k] = v end
      local j = journal.open(config_now)
      if j then
        local asked = j:cursor()
        local appended = {}
        for _ = 1, pick(6) do
          for _ = 1, pick(60) do
            sequence = sequence + 1
            local number = j:append(a_journal.record(sequence, 20 + pick(300)))
            if not number then break end
            appended[number] = a_journal.record(sequence, 100).bytes:match "^record %d+ "
          end
          j:stall(1)
          if pick(2) == 1 then
            asked = asked + pick(math.max(1, (j:stored()) - asked))
            if asked > (j:stored()) then asked = (j:stored()) end
            j:move(asked)
            j:turn(0)
          end
        end
        local _, told = j:stored()
        for number, bytes in pairs(appended) do if number < told then oracle[number] = bytes end end
        cursor = math.max(cursor, asked)
        disk:off()
        j:close()
      end
      disk:power_cut()
      j = a_journal.open(disk, config)
      -- The cursor may have gone back, never forward.
      assert.is_true(j:cursor() <= cursor, ("round %d: cursor at %d of %d"):format(round, j:cursor(), cursor))
      local found = a_journal.all(j, j:cursor(), 1 << 20)
      for number, bytes in pairs(oracle) do
        if number >= j:cursor() then
          local e = found[number]
          assert.is_truthy(e, ("round %d: entry %d was reported stored and is lost"):format(round, number))
          assert.equal(bytes, e.bytes:match "^record %d+ ")
        else
          oracle[number] = nil
        end
      end
      for number, e in pairs(found) do
        entries = entries + 1
        assert.is_true(number < j:next())
        assert.equal(a_journal.record(e.sequence, #e.bytes).bytes, e.bytes)
      end
      -- Most is settled before the next round, so that it does not take for ever.
      j:move(math.max(j:cursor(), j:next() - 200))
      cursor = math.max(cursor, j:cursor())
      j:turn(0)
      if pick(2) == 1 then j:close() else disk:off() j:close() disk:power_cut() end
    end
    return entries
  end

  it("loses nothing that was reported stored", function()
    assert.is_true(life(ROUNDS, 7, { segment_bytes = 16384, max_bytes = 1 << 20 }) > ROUNDS)
  end)

  it("nor when it keeps an archive", function()
    assert.is_true(life(ROUNDS // 5, 8, { segment_bytes = 16384, max_bytes = 1 << 20, keep_for = 1000 }) > 0)
  end)
end)
