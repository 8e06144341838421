-- Files of the journal of different times, as a crash between two steps of cleaning up leaves them, or a careless hand.
local oracle = require "spec.oracle.oracle"
local process = require "spec.support.process"

describe("a journal", function()
  local o, d, journal

  before_each(function()
    o = oracle.start(3, 100, "wait")
    d = o:daemon { settings = { limits = { startups = "1000:30:1000", max_rate = 0 },
      journal = { directory = process.folder() .. "/journal", segment_bytes = 1 << 20 } } }
    journal = d.settings.journal.directory
    o:tell("to", d.port)
  end)

  after_each(oracle.clean)

  -- So many records that are indexed, then a stop in order.
  local function some(records)
    local before = o:report().put
    o:tell("rate", 8000)
    process.until_true("records", function() return o:report().put - before > records end, 120)
    o:tell("rate", 0)
    o:settled()
    assert.equal(0, (d:stop()))
  end

  local function segments()
    local n = 0
    for _ in io.popen("ls " .. journal):read "a":gmatch "[^\n]+%.journal" do n = n + 1 end
    return n
  end

  it("whose segments went before its cursor was written starts, and sends nothing again that is gone", function()
    some(1000)
    os.execute(("cp -p %s/cursor %s.cursor"):format(journal, journal))
    d = d.again()
    some(24000)
    local before = o:report()
    assert.is_true(segments() <= 4, segments())
    os.execute(("cp -p %s.cursor %s/cursor"):format(journal, journal))
    d = d.again()
    some(1000)
    local after = o:report()
    -- at most what the old cursor makes us doubt and the disk still holds
    assert.is_true(after.conflicts - before.conflicts < 18000, after.conflicts - before.conflicts)
    assert.equal(0, after.acked_missing)
  end)

  it("whose cursor is ahead of its segments starts, and takes no new record for an old one", function()
    some(1000)
    os.execute(("mkdir -m 700 %s.old && cp -p %s/*.journal %s.old/"):format(journal, journal, journal))
    d = d.again()
    some(8000)
    os.execute(("rm %s/*.journal && cp -p %s.old/*.journal %s/"):format(journal, journal, journal))
    d = d.again()
    o:tell("store", "hang")
    o:tell("rate", 2000)
    process.sleep(0.5)
    o:tell("rate", 0)
    process.until_true("acknowledgements", function() return o:report().outstanding == 0 end)
    d:kill()
    d = d.again()
    o:tell("store", "up")
    o:settled()
    assert.equal(0, (d:stop()))
  end)

  it("that has lost its cursor sends again what it holds, and no document is made twice", function()
    some(3000)
    local before = o:report()
    os.remove(journal .. "/cursor")
    d = d.again()
    some(1000)
    local after = o:report()
    assert.equal(after.put, after.stored)
    assert.is_true(after.conflicts >= before.conflicts)
  end)
end)
