-- What a host says of records that its kernel threw away, in a record of its own (gz-smf/kernel-drops).
local bsm = require "spec.support.bsm_build"
local cjson = require "cjson"
local daemon = require "spec.support.daemon"
local ledger = require "core.ledger"
local process = require "spec.support.process"

local SINCE = 1763860000

local function text(lost, total, since)
  return ("auditrecv kernel-drops lost=%s total=%s since=%s"):format(lost, total, since or SINCE)
end

-- As auditconfig writes it, and the kernel completes it: with a zone, a number, a trailer, if its policies say so.
local function report(says, ...)
  if type(says) == "table" then says = text(table.unpack(says)) end
  return bsm.record { event = "smserverd", form = "header32", time = { 1763860100, 5 }, trailer = true, seq = 7,
    bsm.subject32_ex { audit_id = -2, uid = 0, gid = 0, ruid = 0, rgid = 0, pid = 4711, session_id = 0 },
    bsm.text(says), bsm.return32 { 0, 0 }, ... }
end

local function global(...) return report({ ... }, bsm.zonename "global") end

describe("drops in a kernel", function()
  -- Feeds reports; the sum at the end.
  local function sum(...)
    local k, all = ledger.kernel_drops(), 0
    for _, each in ipairs { ... } do
      local news, dropped = k:note(global(table.unpack(each)))
      all = all + news
      assert.equal(all, dropped)
    end
    return all
  end

  it("are as many as the host says", function()
    assert.equal(12, sum { 12, 40 })
    assert.equal(17, sum({ 12, 12 }, { 5, 17 }))
  end)

  it("are counted once, however often they are told", function()
    assert.equal(12, sum({ 12, 40 }, { 12, 40 }))
    assert.equal(17, sum({ 12, 40 }, { 17, 45 }, { 5, 45 }, { 12, 40 }))
  end)

  it("of which a report did not come are told by the next one, if that has them", function()
    assert.equal(30, sum({ 10, 10 }, { 20, 30 }))
  end)

  it("that were told to another receiver are not counted here", function()
    assert.equal(13, sum({ 10, 10 }, { 3, 30 }))
  end)

  it("that are told late are counted, too", function()
    assert.equal(30, sum({ 10, 30 }, { 20, 20 }))
    assert.equal(30, sum({ 10, 30 }, { 10, 20 }, { 15, 15 }))
  end)

  it("begin anew with the host", function()
    assert.equal(46, sum({ 40, 40 }, { 1, 1, SINCE + 600 }, { 5, 6, SINCE + 600 }))
    assert.equal(90, sum({ 40, 40 }, { 50, 50, SINCE + 600 }))
    assert.equal(47, sum({ 40, 40 }, { 5, 5, 86400 }, { 7, 7, 86400 })) -- its clock was wrong
  end)

  it("of the time before do not count again", function()
    assert.equal(41, sum({ 40, 40 }, { 1, 1, SINCE + 600 }, { 40, 40 }, { 35, 40 }))
  end)

  it("are read from what systems write: 32 and 64 bits, few policies and all of them", function()
    local subject = { audit_id = 1001, uid = 0, gid = 0, ruid = 0, rgid = 0 }
    for what, bytes in pairs {
      ["no policies"] = bsm.record { event = 6220, form = "header32", bsm.subject32_ex(subject), bsm.text(text(3, 3)),
        bsm.return32 { 0, 0 } },
      ["64 bits, an address in the header"] = bsm.record { event = 6220, host = "192.0.2.7", trailer = true,
        bsm.subject64_ex(subject), bsm.text(text(3, 3)), bsm.return64 { 0, 0 }, bsm.zonename "global" },
      ["an old subject"] = bsm.record { event = 6220, seq = 9, bsm.subject64(subject), bsm.text(text(3, 3)),
        bsm.return64 { 0, 0 }, bsm.zonename "global" },
    } do
      assert.equal(3, (ledger.kernel_drops():note(bytes)), what)
    end
  end)

  describe("are not believed from", function()
    local subject = bsm.subject32 { audit_id = 0, uid = 0, gid = 0, ruid = 0, rgid = 0 }
    local said, done = bsm.text(text(3, 3)), bsm.return32 { 0, 0 }
    local function record(...) return bsm.record { event = 6220, form = "header32", ... } end
    -- The kernel puts the zone behind whatever a zone wrote; a token cut short there would take it in.
    local web = bsm.zonename "web"

    for what, bytes in pairs {
      ["a zone"] = record(subject, said, done, web),
      ["a zone that calls itself global"] = record(subject, said, done, bsm.zonename "global", web),
      ["a zone that begins with it"] = record(subject, said, done, bsm.zonename "globally"),
      ["a zone that hides its name in a text"] = record(subject, said, done, "\x28\0\7" .. web),
      ["a zone that hides its name in the report"] = record(subject, "\x28" .. (">s2"):pack(text(3, 3) .. web),
        done),
      ["a zone that hides its name behind an unknown token"] = record(subject, said, done, "\x01" .. web),
      ["a zone that hides its name in the return value"] = record(subject, said, "\x72\0" .. bsm.zonename "shop"),
      ["a zone that hides its name in a second subject"] = record(subject, said, done,
        bsm.subject32({ uid = 0 }):sub(1, -8) .. web),
      ["somebody who is not root"] = record(bsm.subject32 { uid = 1001 }, said, done, bsm.zonename "global"),
      ["nobody"] = record(said, done, bsm.zonename "global"),
      ["another event"] = bsm.record { event = "su", form = "header32", subject, said, done, bsm.zonename "global" },
      ["a failure"] = record(subject, said, bsm.return32 { 1, 0 }, bsm.zonename "global"),
      ["a record that has more"] = record(subject, said, bsm.text "more", done, bsm.zonename "global"),
      ["a record that is cut"] = global(3, 3):sub(1, -3),
      ["OpenBSM"] = bsm.record { event = 6220, version = 11, form = "header32", subject, said, done },
    } do
      it(what, function() assert.is_nil((ledger.kernel_drops():note(bytes))) end)
    end
  end)

  describe("are not read from", function()
    for _, says in ipairs {
      "", "auditrecv kernel-drops", "auditrecv kernel-drops lost= total=3 since=5", text(-1, 3), text(4, 3), text(0, 3),
      text(3, 3, 0), text(3, 3) .. " ", text(3, 3) .. "\nx", " " .. text(3, 3), text("3x", 3), text("0x3", 3),
      text(3, "18446744073709551619"), text("99999999999999999999", "99999999999999999999"),
      "auditrecv kernel-drops total=3 lost=3 since=5", "auditrecv kernel-drops lost=3  total=3 since=5",
    } do
      it(("%q"):format(says), function()
        assert.is_nil((ledger.kernel_drops():note(report(says, bsm.zonename "global"))))
      end)
    end
  end)
end)

describe("a host whose kernel threw records away", function()
  local function stat(n)
    return bsm.record { event = "stat", seq = n, bsm.path("/tmp/" .. n), bsm.return64 { 0, 0 } }
  end

  local function send(d, first, records)
    local file = process.write(d.folder .. "/trail" .. first, bsm.trail(records))
    local p = daemon.run(d.folder, { "send", "--to", "127.0.0.1:" .. d.port, "--mech", "dummy", "--sequence",
      tostring(first), file })
    assert.equal(0, p.status, p:stderr())
  end

  local function counted(d)
    d:stop()
    local counts
    for line in d:log():gmatch "[^\n]+" do
      if line:find("event=sender_counts ", 1, true) then counts = daemon.numbers(line) end
    end
    return { missing = counts.missing, kernel_missing = counts.kernel_missing, kernel_dropped = counts.kernel_dropped }
  end

  it("is told apart from a full window and from a full queue of auditd, each with its number", function()
    local d = daemon.start()
    send(d, 1, { stat(1), stat(2) })
    send(d, 6, { stat(6), stat(16) }) -- the plugin threw 3 to 5 away, auditd never got 7 to 15
    send(d, 8, { global(12, 12) })
    local line = d:logged "event=records_dropped_in_kernel"
    assert.matches("sender=127.0.0.1 dropped=12 told_by=8", line, 1, true)
    assert.matches("level=warn", line, 1, true)
    assert.matches("missing=3 ", d:logged "event=records_missing ", 1, true)
    assert.matches("missing=9 ", d:logged "event=records_missing_in_kernel ", 1, true)
    assert.same({ missing = 3, kernel_missing = 9, kernel_dropped = 12 }, counted(d))
  end)

  it("tells it once, also when its report is sent again or forged", function()
    local d = daemon.start { settings = { journal = { directory = process.folder() .. "/journal" } } }
    local forged = report({ 900, 900, SINCE + 1 }, bsm.zonename "web")
    send(d, 1, { global(12, 12), forged, global(3, 15) })
    send(d, 1, { global(12, 12), forged, global(3, 15) })
    send(d, 4, { global(15, 15) }) -- the host was not sure that it was written
    assert.equal(15, counted(d).kernel_dropped)
    assert.equal(4, #d:documents())
  end)

  it("is a document that its rule tags, and the forged one is not", function()
    local d = daemon.start { rules = { ["audit_config.lua"] = process.read "rules/audit_config.lua" } }
    send(d, 1, { global(12, 40), report({ 3, 3 }, bsm.zonename "web"), report("what else", bsm.zonename "global") })
    local documents = {}
    for i, line in ipairs(d:documents()) do documents[i] = cjson.decode(line) end
    assert.same({ { "kernel_drops" }, { lost = 12, total = 40 }, { text(12, 40) } },
      { documents[1].tags, documents[1].args, documents[1].text })
    assert.same({}, { documents[2].tags, documents[2].args, documents[3].tags, documents[3].args })
    d:stop()
  end)
end)
