-- What a host tells, in its audit trail, of records that its kernel threw away.
local fake_host = require "spec.support.smf.fake_host"
local unlucky = require "spec.smf.unlucky"

local TOLD = "/var/run/auditrecv-kernel-drops"

local function fresh(drop)
  local host = fake_host.new(function(state) state.audit.stat.drop = drop or 0 end)
  assert(os.execute(("mkdir -p '%s/var/run'"):format(host.root)))
  return host
end

local function dropped(host, n) host:change(function(state) state.audit.stat.drop = n end) end

local function audit(host, key, value) host:change(function(state) state.audit[key] = value end) end

-- One look: what the trail has got from all of them, each as { lost, total }, and the moment that they name.
local function reports(host)
  local list, since = {}, {}
  for i, text in ipairs(host:state().audit.written) do
    local lost, total, at = text:match "^auditrecv kernel%-drops lost=(%d+) total=(%d+) since=(%d+)$"
    list[i], since[i] = { tonumber(lost), tonumber(total) }, assert(at, text)
  end
  return list, since
end

local function look(host, options)
  local status, said = host:run("kernel-drops", "once", options)
  assert.equal(0, status, said)
  return (reports(host))
end

local function fails(host, why)
  local status, said = host:run("kernel-drops", "once")
  assert.equal(95, status, said)
  assert.truthy(said:find(why, 1, true), said)
end

describe("kernel-drops", function()
  for _, shell in ipairs { "dash", "mksh", "ksh93" } do
    it("tells what came since it looked last, and nothing when nothing came: " .. shell, function()
      local host, with = fresh(), { shell = shell }
      assert.same({}, look(host, with))
      dropped(host, 12)
      assert.same({ { 12, 12 } }, look(host, with))
      assert.same({ { 12, 12 } }, look(host, with))
      dropped(host, 4000000017)
      assert.same({ { 12, 12 }, { 4000000005, 4000000017 } }, look(host, with))
      local _, since = reports(host)
      assert.equal(since[1], since[2])
      assert.is_true(math.abs(os.time() - tonumber(since[1])) < 600)
    end)

    it("begins anew when the counter has, and after a boot: " .. shell, function()
      local host, with = fresh(40), { shell = shell }
      look(host, with)
      host:write(TOLD, "1700000000 40\n")
      dropped(host, 3)
      assert.same({ { 40, 40 }, { 3, 3 } }, look(host, with))
      host:write(TOLD, "1700000000 3\n")
      dropped(host, 0)
      look(host, with)
      dropped(host, 5)
      assert.same({ { 40, 40 }, { 3, 3 }, { 5, 5 } }, look(host, with))
      local _, since = reports(host)
      assert.not_equal("1700000000", since[2])
      assert.not_equal("1700000000", since[3])
      os.remove(host.root .. TOLD) -- a boot
      dropped(host, 7)
      assert.same({ 7, 7 }, look(host, with)[4])
    end)

    it("tells it again, with more, when the record itself may have been thrown away: " .. shell, function()
      local host, with = fresh(10), { shell = shell }
      audit(host, "crowded", 2)
      assert.same({}, look(host, with))
      assert.same({}, look(host, with))
      audit(host, "crowded", nil)
      assert.same({ { 14, 14 } }, look(host, with))
      assert.same({ { 14, 14 } }, look(host, with))
    end)

    it("says what is wrong, and tells everything when it is right again: " .. shell, function()
      local host, with = fresh(10), { shell = shell }
      audit(host, "condition", "noaudit")
      fails(host, "auditconfig -audit wrote nothing: auditing is off here")
      audit(host, "condition", "auditing")
      assert.same({ { 10, 10 } }, look(host, with))
    end)
  end

  it("finds the columns by their names", function()
    local host = fresh(3)
    audit(host, "stat", { aud = 1, drop = 3, prints = "drop extra aud\n   3    77   5 \n" })
    fails(host, "wrote nothing") -- `aud` stays 5
    assert.same({ { 3, 3 } }, (reports(host)))
  end)

  for what, prints in pairs {
    ["nothing"] = "", ["no column of drops"] = " gen  aud\n   3    5\n", ["no values"] = "aud drop\n",
    ["too few values"] = "aud drop mem\n 5 6\n", ["too many values"] = "aud drop\n5 6 7\n",
    ["words"] = "aud drop\n 5 many\n", ["a negative number"] = "aud drop\n 5 -6\n",
  } do
    it("does not believe auditstat when it prints " .. what, function()
      local host = fresh()
      audit(host, "stat", { aud = 0, drop = 0, prints = prints })
      fails(host, "auditstat prints something else than expected")
      assert.same({}, (reports(host)))
    end)
  end

  it("says what commands say that fail", function()
    local host = fresh(5)
    audit(host, "stat", { aud = 0, drop = 5, says = "auditstat: auditon: Not owner\n" })
    fails(host, "kernel-drops: auditstat failed: auditstat: auditon: Not owner")
    audit(host, "stat", { aud = 0, drop = 5 })
    host:write("/etc/security/audit_event", "7:AUE_EXEC:exec(2):ps,ex\n")
    fails(host, "auditconfig -audit failed: Could not get audit event AUE_smserverd")
    host:write("/etc/security/audit_event", "6220:AUE_smserverd:smserverd:no\n")
    fails(host, "AUE_smserverd is not in the class ot")
    host:write(TOLD, "nonsense\n")
    fails(host, TOLD .. " holds something else than two numbers; remove it")
  end)

  it("runs until it is stopped, and tells of a trouble once", function()
    local host = fresh(5)
    host:set("kernel-drops", { interval = 1 })
    audit(host, "stat", { aud = 0, drop = 5, says = "auditstat: auditon: Not owner\n" })
    local status, said = host:run("kernel-drops", "start", { kill_at = 9 })
    assert.not_equal(0, status)
    assert.equal(1, select(2, said:gsub("kernel%-drops: ", "")), said)
    assert.matches("Not owner; tries again every 1 s", said)
    audit(host, "stat", { aud = 0, drop = 5 })
    host:run("kernel-drops", "start", { kill_at = 12 })
    assert.same({ { 5, 5 } }, (reports(host)))
  end)

  it("does not run in a zone, nor with an interval that is none", function()
    local host = fresh(5)
    host:change(function(state) state.zone = "web" end)
    local status, said = host:run("kernel-drops", "start")
    assert.equal(96, status)
    assert.matches("this runs in the global zone only", said)
    host = fresh(5)
    host:set("kernel-drops", { interval = 0 })
    status, said = host:run("kernel-drops", "start")
    assert.equal(96, status)
    assert.matches("config/interval has to be", said)
  end)

  -- What a receiver makes of the reports (core/daemon/kernel_drops.h): each drop once.
  for _, what in ipairs { "fail_at", "kill_at" } do
    it("loses nothing and tells nothing anew when it is cut off or a command fails: " .. what, function()
      local host = fresh(30)
      look(host)
      dropped(host, 42)
      host:keep()
      unlucky.each_command({ host = host, service = "kernel-drops", verb = "once" }, what, function(n, line)
        look(host)
        dropped(host, 50)
        local list, since = reports(host)
        local told = 0
        for i, report in ipairs(list) do
          assert.equal(since[1], since[i])
          assert(report[2] - report[1] <= told, ("a gap behind call %d: %s"):format(n, line))
          told = math.max(told, report[2])
        end
        assert.equal(42, told, line)
        assert.same({ 8, 50 }, look(host)[#list + 1], line)
      end)
    end)
  end
end)
