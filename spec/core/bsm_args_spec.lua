local build = require "spec.support.bsm_build"
local decode = require "spec.support.bsm_decode"

---The args of a record of event with one argument.
local function arg(event, name, value, t)
  t = t or {}
  local token = (t.wide and build.arg64 or build.arg32) { 1, name, value }
  local doc = decode.record({ event = event, version = t.version, token, t.beside }, t.options)
  return doc.args[name]
end

describe("an argument", function()
  it("of 32 bits is unsigned, but for -1 and -2", function()
    for wire, shown in pairs {
      [0] = 0, [0x7FFFFFFF] = 0x7FFFFFFF, [0x80000000] = 0x80000000, [0xFFFFFFF0] = 0xFFFFFFF0,
        [0xFFFFFFFD] = 0xFFFFFFFD,
      [0xFFFFFFFE] = -2, [0xFFFFFFFF] = -1,
    } do
      assert.equal(shown, arg(200, "uid", wire))
    end
  end)

  it("of 64 bits is exact", function()
    for _, value in ipairs { 0, 4294967295, 9007199254740993, math.maxinteger, math.mininteger, -1, -2 } do
      assert.equal(value, arg(158, "arg", value, { wide = true }))
    end
  end)

  it("with the name of another makes a list, in their order", function()
    local doc = decode.record {
      event = "setreuid", build.arg32 { 1, "ruid", 100 }, build.arg32 { 2, "euid", -1 },
      build.arg32 { 1, "ruid", 100 }, build.arg64 { 1, "ruid", 7 }, build.arg32 { 1, "", 1 },
    }
    assert.same({ ruid = { 100, 100, 7 }, euid = -1, [""] = 1 }, doc.args)
    assert.same({ "", "euid", "ruid" }, getmetatable(doc.args).order)
  end)

  it("with the name of many others is still quick and in order", function()
    local t, expected = { event = "setgroups" }, {}
    for i = 1, 1000 do t[i], expected[i] = build.arg32 { 1, "setgroups", 2000 - i }, 2000 - i end
    assert.same({ setgroups = expected }, decode.record(t).args)
  end)
end)

describe("an argument that says more by name", function()
  local cases = {
    -- event, argument, value, what it shows
    { "kill", "signal", 9, "sigkill" },
    { "kill", "signal", 0, "0" },
    { "kill", "signal", 43, "sigrtmin+1" },
    { "kill", "signal", 200, "200" },
    { 111, "signal", 11, "sigsegv" },
    { "kill", "process", 9, 9 },
    { 23, "signal", 9, 9 },
    { "setppriv", "op", 0, "priv_on" },
    { "setppriv", "op", 1, "priv_off" },
    { "setppriv", "op", 2, "priv_set" },
    { "setppriv", "op", 3, "3" },
    { 266, "as_success", 0x1000, { "lo" } },
    { 266, "as_failure", 0, {} },
    { 266, "as_failure", -1, { "all" } },
    { 315, "setpmask:as_success", 0x60001002, { "fw", "lo", "io", "ex" } },
    { 315, "setpmask:as_failure", 0x00070000, { "am" } },
    { 222, "setkmask:as_success", 0x000F0000, { "ad" } },
    { 222, "setkmask:as_failure", 0x003E0000, { "as", "ua", "aa", "pc" } },
    { 227, "setumask:as_success", 0x01C00000, { "xx" } },
    { 228, "setsmask:as_failure", 0x80, { "0x80" } },
    { 311, "setamask:as_success", 0x80000041, { "fr", "cl", "ot" } },
    { 133, "setaudit:as_failure", 0x4400, { "na", "ap" } },
    { 232, "setclass:ec_class", 0x40000000, { "ex" } },
    { 232, "setclass:ec_event", 23, "execve" },
    { 232, "setclass:ec_event", 6172, "ssh" },
    { 232, "setclass:ec_event", 60000, "60000" },
    { 142, "setpolicy", 0x0895, { "cnt", "argv", "seq", "trail", "zonename" } },
    { 142, "setpolicy", 0x8000, { "0x8000" } },
    { 230, "setcond", 1, "auc_auditing" },
    { 230, "setcond", 3, "3" },
    { 266, "type", 4, "ipv4" },
    { 266, "type", 16, "ipv6" },
    { 30, "cmd", 0, "f_dupfd" },
    { 30, "cmd", 99, "99" },
    { 158, "cmd", 0x5401, 0x5401 },
    { 251, "cmd", 5, "ace_setacl" },
    { 252, "cmd", 1, "getacl" },
    { 238, "cmd", 2, "mc_lock" },
    { 239, "cmd", 2, 2 },
    { 62, "flags", 0x105, { "ms_rdonly", "ms_data", "ms_optionstr" } },
    { 268, "flags", 0x400, { "ms_force" } },
    { 264, "flags", 0x400, 0x400 },
    { 47, "mode", 493, "755" },
    { 9, "mode", 8612, "20644" },
    { 10, "new file mode", 33188, "100644" },
    { 262, "flag", 2, { "p_online" } },
    { 262, "flags", 0x10000001, { "p_offline", "p_forced" } },
    { 262, "flag", 99, { "0x63" } },
    { 263, "ID type", 8, "p_lwpid" },
    { 183, "domain", 26, "af_inet6" },
    { 183, "type", 2, "sock_stream" },
    { 183, "type", 0x80002, "sock_stream,sock_cloexec" },
    { 183, "type", 0x380001, "sock_dgram,sock_cloexec,sock_nonblock,sock_ndelay" },
    { 183, "type", 0x40000002, "1073741826" },
    { 32, "family", 1, "af_unix" },
    { 35, "level", 0xFFFF, "sol_socket" },
    { 35, "level", 6, "6" },
    { 256, "door attr", 0x42, { "door_private", "door_refuse_desc" } },
    { 232, "as_success", 1, { "fr" } },
  }

  for _, case in ipairs(cases) do
    local event, name, value, shown = table.unpack(case)
    it(("%s of %s: %d"):format(name, event, value), function()
      assert.same(shown, arg(event, name, value))
    end)
  end

  it("fcntl's flags only when they are set", function()
    assert.same({ "o_append", "o_nonblock" }, arg(30, "flags", 0x88, { beside = build.arg32 { 2, "cmd", 4 } }))
    assert.equal(0x88, arg(30, "flags", 0x88, { beside = build.arg32 { 2, "cmd", 3 } }))
    assert.equal(0x88, arg(30, "flags", 0x88))
  end)

  it("setsockopt's option only at the level of sockets", function()
    assert.equal("so_keepalive", arg(35, "optname", 8, { beside = build.arg32 { 2, "level", 0xFFFF } }))
    assert.equal("8", arg(35, "optname", 8, { beside = build.arg32 { 2, "level", 6 } }))
  end)

  it("mknod's device by its halves", function()
    assert.same({ major = 24, minor = 3 }, arg(9, "dev", 24 << 32 | 3, { wide = true }))
    assert.same({ major = 24, minor = 3 }, arg(9, "dev", 24 << 18 | 3))
  end)

  it("setaudit_addr's port by its ports, or not at all", function()
    assert.same({ local_port = 22, remote_port = 51234 }, arg(266, "port", 0x22C81600, { wide = true }))
    assert.same({ local_port = 22, remote_port = 51234 }, arg(266, "port", 0x22C81600))
    assert.same({ local_port = 22, remote_port = 51234 },
      arg(266, "port", 51234 << 16 | 22, { options = { natural_ports = true } }))
    assert.same({ port_id = "0000001800000003" }, arg(266, "port", 24 << 32 | 3, { wide = true }))
    assert.same({ port_id = "0000000000000000" }, arg(266, "port", 0))
    assert.same({ local_port = 22, remote_port = 51234 }, arg(133, "setaudit:port", 0x22C81600))
  end)

  it("setaudit's machine as an address", function()
    assert.equal("192.0.2.10", arg(133, "setaudit:machine", 0x0A0200C0))
    assert.equal("192.0.2.10", arg(133, "setaudit:machine", 0xC000020A, { options = { natural_ports = true } }))
  end)

  it("by OpenBSM's own numbers", function()
    local function openbsm(event, name, value) return arg(event, name, value, { version = 11 }) end
    assert.equal("sigterm", openbsm(15, "signal", 15))
    assert.equal("sigchld", openbsm(15, "signal", 20))
    assert.equal("f_fullfsync", openbsm(30, "cmd", 351))
    assert.equal("pf_inet6", openbsm(183, "domain", 26))
    assert.equal("sock_seqpacket", openbsm(183, "type", 6))
    assert.same({ "pc", "lo", "aa" }, openbsm(43201, "as_success", 0x3080))
    assert.equal("644", openbsm(82, "mode", 420))
    assert.equal(0x105, openbsm(62, "flags", 0x105))
  end)

  it("makes a list of lists where its name comes twice", function()
    local doc = decode.record {
      event = 266, build.arg32 { 1, "as_success", 1 }, build.arg32 { 1, "as_success", 2 },
    }
    assert.same({ { "fr" }, { "fw" } }, doc.args.as_success)
  end)
end)

describe("an event with more than one meaning", function()
  local function event(number, options, ...)
    return decode.record({ event = number, ... }, options).event
  end
  local pmask = build.arg32 { 2, "setpmask:as_success", 1 }

  it("is named as illumos has it", function()
    assert.equal("sacl", event(313))
    assert.equal("auditon_getpinfo", event(314))
    assert.equal("auditon_setpmask", event(315))
    assert.equal("auditon_other", event(318))
  end)

  it("is named as SmartOS had it, if configured", function()
    local smartos = { smartos = true }
    assert.equal("auditon_getpinfo", event(313, smartos))
    assert.equal("auditon_setpmask", event(314, smartos))
    assert.equal("auditon_getkaudit", event(315, smartos))
    assert.equal("auditon_other", event(317, smartos))
    assert.equal("execve", event(23, smartos))
  end)

  it("is told by its arguments, whatever is configured", function()
    assert.equal("auditon_setpmask", event(314, nil, pmask))
    assert.equal("auditon_setpmask", event(315, { smartos = true }, pmask))
  end)

  it("is named by the header's version", function()
    local function of(number, version, options, ...)
      return decode.record({ event = number, version = version, ... }, options).event
    end
    assert.equal("portfs", of(301, 2))
    assert.equal("darwin_getfsstat", of(301, 1))
    assert.equal("ssh", of(6172, 11))
    assert.equal("darwin_audit_shutdown", of(6172, 1))
    assert.equal("wait6", of(43201, 11))
    assert.equal("getattrlistbulk", of(43201, 11, { apple = true }))
    assert.equal("getattrlistbulk", of(43201, 11, nil, build.identity {}))
    assert.equal("60000", of(60000, 2))
    assert.equal("65535", of(65535, 11))
    assert.equal("null", of(0, 2))
  end)
end)
