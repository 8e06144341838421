local a_record = require "spec.support.a_record"
local bsm = require "spec.support.bsm_build"
local vectors = require "spec.fixtures.vectors"
require "spec.support.assertions"

local none = a_record.none

describe("spec.support.a_record", function()
  it("is an execve by a person who came by ssh, when nothing is said", function()
    local doc = a_record()
    assert.equal("execve", doc.event)
    assert.equal(23, doc.event_id)
    assert.same({ "ls", "-l" }, doc.exec_args)
    assert.equal("/usr/bin/ls", doc.path)
    assert.same({ 0, "0", "success" }, { doc["return"], doc.errno, doc.outcome })
    assert.same({
      audit_id = 1001, uid = 1001, gid = 10, ruid = 1001, rgid = 10, pid = 20011, session_id = 2718281828,
      terminal = { ip = "198.51.100.7", local_port = 22, remote_port = 51234 },
    }, doc.subject)
  end)

  it("knows what belongs to an event", function()
    local doc = a_record { event = "cron_invoke" }
    assert.equal(0, doc.subject.uid)
    assert.same({ port_id = "0000000000000000" }, doc.subject.terminal)
    assert.equal(0, doc["return"])
    assert.is_string(doc.text[1])
  end)

  it("fills nested objects and takes lists whole", function()
    local doc = a_record { subject = { uid = 0 }, exec_args = { "id" } }
    assert.same({ 1001, 0, 0 }, { doc.subject.audit_id, doc.subject.uid, doc.subject.ruid })
    assert.same({ "id" }, doc.exec_args)
  end)

  it("leaves out what is none", function()
    local doc = a_record { subject = { terminal = none }, zonename = none, from = none }
    assert.is_nil(doc.subject.terminal)
    assert.is_nil(doc.zonename)
    assert.is_nil(doc.from)
    local bare = a_record { subject = none, ["return"] = none }
    assert.same({ nil, nil, nil, "unknown" }, { bare.subject, bare["return"], bare.errno, bare.outcome })
  end)

  for _, case in ipairs {
    { "return of a system call", { event = "open_r", ["return"] = -1 }, { -1, "eperm", "failure", "fe" } },
    { "errno of a system call", { event = "open_r", errno = "eacces" }, { -1, "eacces", "failure", "fe" } },
    { "outcome of a system call", { event = "open_r", outcome = "failure" }, { -1, "eperm", "failure", "fe" } },
    { "return of a program", { event = "cron_invoke", ["return"] = -1 }, { -1, "failure", "failure" } },
    { "failure of a program", { event = "ssh", outcome = "failure" }, { 2009, "failure", "failure" } },
    { "descriptor of a good call", { event = "open_r", ["return"] = 3 }, { 3, "0", "success" } },
  } do
    it("draws the rest of the outcome from the " .. case[1], function()
      local doc = a_record(case[2])
      local modifier = doc.modifier or {}
      assert.same(case[3], { doc["return"], doc.errno, doc.outcome, modifier[1] })
    end)
  end

  it("never shares a table between two records", function()
    a_record().exec_args[1] = "changed"
    a_record { event = "cron_invoke" }.subject.uid = 7
    assert.equal("ls", a_record().exec_args[1])
    assert.equal(0, a_record { event = "cron_invoke" }.subject.uid)
  end)

  it("does not touch what it was told", function()
    local says = { subject = { uid = 5, terminal = none } }
    a_record(says)
    assert.same({ subject = { uid = 5, terminal = none } }, says)
  end)
end)

describe("spec.support.a_record.bytes", function()
  local decoder = require "core.bsm"
  local json = require "spec.support.json"

  local from_the_stream = { from = none, host = none, received = none, sender_sequence = none }

  for _, says in ipairs {
    {}, { event = "execve", errno = "eacces" }, { event = "open_r" }, { event = "open_w" }, { event = "stat" },
    { event = "unlink" }, { event = "chmod" }, { event = "rename" }, { event = "kill" }, { event = "setppriv" },
    { event = "connect" }, { event = "ssh" }, { event = "ssh", outcome = "failure" }, { event = "su" },
    { event = "passwd" }, { event = "cron_invoke" }, { event = "cron_invoke", ["return"] = -1 }, { event = "zlogin" },
    { event = "smf_disable" }, { event = "auditon_setkmask" }, { event = "systemboot", host_ip = "192.0.2.11" },
  } do
    it(("decode to the document that the same words make: %s %s"):format(says.event or "nothing said",
      says.errno or says.outcome or says["return"] or ""), function()
      local words = {}
      for _, part in ipairs { from_the_stream, says } do
        for key, value in pairs(part) do words[key] = value end
      end
      assert.same(a_record(words), json.decode(decoder.json(a_record.bytes(says))))
    end)
  end

  local function hex_of(says) return bsm.hex(a_record.bytes(says)) end

  it("writes the failed login of vector R2", function()
    assert.equal(bsm.hex(vectors.R2), hex_of {
      event = "ssh", time = "2023-11-14T22:14:20.000000007Z", host_ip = "2001:db8:1::10", outcome = "failure",
      subject = {
        pid = 812, session_id = 3605551275,
        terminal = { ip = "2001:db8:2::beef", remote_port = 52840, local_port = 22 },
      },
      text = { "Authentication failed" }, zonename = "web-01",
    })
  end)

  it("writes the boot record of vector R4", function()
    assert.equal(bsm.hex(vectors.R4),
      hex_of { event = "systemboot", time = "2023-11-14T21:13:20.000000000Z", zonename = none })
  end)

  it("writes the execve of vector R1, which has a trailer besides", function()
    local record = a_record.bytes {
      time = "2023-11-14T22:13:20.250000001Z", sequence = 4711,
      attributes = { gid = 2, inode_hex = "0000000000001073" }, exec_args = { "ls", "-l", "/tmp" },
    }
    assert.equal(bsm.hex(vectors.R1:sub(6, -8)), bsm.hex(record:sub(6)))
  end)

  it("writes what an event has particular to it, before the subject", function()
    assert.equal(bsm.hex(bsm.record {
      event = "setppriv", modifier = { "fe" }, time = { 1700000000, 0 },
      bsm.arg32 { 2, "op", 2 },
      bsm.priv { "Effective", "basic,proc_setid" },
      bsm.priv { "Effective", "basic" },
      bsm.subject64 { pid = 20011, terminal = { ip = "192.0.2.25", major = 24, minor = 3 } },
      bsm.newgroups { 10, 14 },
      bsm.upriv { false, "proc_setid" },
      bsm.return64 { "eperm", -1 },
      bsm.zonename "global",
    }), hex_of {
      event = "setppriv", time = "2023-11-14T22:13:20Z", errno = "eperm", groups = { 10, 14 },
      used_privs = { privs = "proc_setid", success = 0 },
      subject = { terminal = { ip = "192.0.2.25", dev = 24 << 32 | 3, major = 24, minor = 3, remote_port = none,
        local_port = none } },
    })
  end)

  it("writes masks, signals, sockets and repeated arguments", function()
    local record = a_record.bytes { event = "auditon_setkmask", args = { ["setkmask:as_success"] = { "lo", "ex" } } }
    assert.truthy(record:find(bsm.arg32 { 2, "setkmask:as_success", 0x40001000 }, 1, true))
    assert.truthy(a_record.bytes { event = "kill" }:find(bsm.arg32 { 2, "signal", 9 }, 1, true))
    assert.truthy(a_record.bytes { event = "connect" }:find(bsm.socket_ex {
      local_ip = "192.0.2.1", local_port = 51515, remote_ip = "203.0.113.9", remote_port = 443,
    }, 1, true))
    assert.truthy(a_record.bytes { event = "setgroups", args = { setgroups = { 10, 14 } } }:find(
      bsm.arg32 { 1, "setgroups", 10 } .. bsm.arg32 { 1, "setgroups", 14 }, 1, true))
  end)

  it("writes an OpenBSM record with its narrow tokens, milliseconds and trailer", function()
    assert.equal(bsm.hex(bsm.record {
      event = "setsid", version = 11, form = "header32", time = { 1700000000, 250 }, trailer = true,
      bsm.subject32_ex { pid = 20011, terminal = { ip = "192.0.2.134", remote_port = 47194, form = "openbsm" } },
      bsm.return32 { 0, 0 },
    }), hex_of {
      event = "setsid", version = 11, time = "2023-11-14T22:13:20.250Z", zonename = none,
      subject = { terminal = { ip = "192.0.2.134", remote_port = 47194 } },
    })
  end)
end)

describe("spec.support.assertions", function()
  local drop = { verdict = "drop", reason = "noise" }
  local route = { verdict = "route", index = "audit-logins" }

  it("tell a drop", function()
    assert.dropped(drop)
    assert.dropped(drop, "noise")
    assert.is_not_dropped(drop, "other words")
    assert.is_not_dropped(route)
    assert.is_not_dropped(nil)
  end)

  it("tell a route", function()
    assert.routed(route)
    assert.routed(route, "audit-logins")
    assert.is_not_routed(route, "elsewhere")
    assert.is_not_routed(drop)
  end)

  it("tell that a record is kept", function()
    assert.kept(nil)
    assert.kept(route)
    assert.is_not_kept(drop)
  end)

  it("say what was answered", function()
    local ok, message = pcall(function() assert.dropped(route, "noise") end)
    assert.is_false(ok)
    assert.truthy(tostring(message):find("route (audit-logins)", 1, true))
  end)
end)
