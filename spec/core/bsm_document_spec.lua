local build = require "spec.support.bsm_build"
local decode = require "spec.support.bsm_decode"

local function attributes(mode, type_name)
  return {
    mode_octal = mode, uid = 0, gid = 0, fsid = 65538, inode_hex = "0000000000001073", devid = "-1", type = type_name,
  }
end

---What a record of these tokens shows beyond its header.
local function shows(t, options) return decode.rest(decode.record(t, options)) end

describe("the outcome", function()
  local function outcome(t)
    local doc = decode.record(t)
    return { doc.outcome, doc.errno, doc["return"] }
  end

  it("is a failure if and only if the return token says so", function()
    assert.same({ "success", "0", 0 }, outcome { build.return32 { 0, 0 } })
    assert.same({ "success", "0", 7 }, outcome { build.return64 { 0, 7 }, modifier = { "fe" } })
    assert.same({ "failure", "eperm", -1 }, outcome { build.return64 { 1, -1 } })
    assert.same({ "failure", "failure", -1 }, outcome { build.return64 { 255, -1 } })
    assert.same({ "failure", "200", -1 }, outcome { build.return32 { 200, -1 } })
  end)

  it("without a return token is what the modifier says, or not known", function()
    assert.same({ "failure" }, outcome { modifier = { "fe" } })
    assert.same({ "unknown" }, outcome { modifier = { "na" } })
    assert.same({ "unknown" }, outcome {})
  end)

  it("of several return tokens is the last one's, and none is lost", function()
    local doc = decode.record { build.return32 { 13, -1 }, build.return64 { 0, 5 }, build.return32 { 2, -1 } }
    assert.equal("enoent", doc.errno)
    assert.same({ ["return"] = { { errno = "eacces", ["return"] = -1 }, { errno = "0", ["return"] = 5 } } }, doc.more)
  end)

  it("is told in OpenBSM's own error numbers", function()
    local function errno(number, version)
      return decode.record({ version = version, event = 1, build.return32 { number, -1 } }).errno
    end
    assert.equal("eproclim", errno(190, 11))
    assert.equal("190", errno(190, 2))
    assert.equal("unknown", errno(250, 11))
    assert.equal("0", errno(0, 11))
    assert.equal("estale", errno(151, 2))
    assert.equal("estale", errno(151, 10))
  end)

  it("of user-level failures has the reason", function()
    local function failure(value, t)
      t = t or {}
      t[1] = build.return32 { t.error or 255, value }
      t.error = nil
      return decode.record(t).failure
    end
    assert.same({ code = 1000, name = "pw_attr", text = "reading the password database failed" }, failure(1000))
    assert.same({ code = 1999, name = "1999" }, failure(1999))
    assert.same({ code = 2000, name = "pam_success", text = "success" }, failure(2000))
    assert.same({ code = 2013, name = "pam_user_unknown", text = "unknown user" }, failure(2013))
    assert.same({ code = 4006, name = "tpm_e_disabled" }, failure(4006, { error = 1 }))
    assert.is_nil(failure(999))
    assert.is_nil(failure(-1))
    assert.is_nil(failure(1000, { error = 0 }))
    assert.is_nil(failure(1000, { version = 11, event = 1 }))
  end)

  it("has every reason in words", function()
    for code = 1000, 1023 do
      assert.truthy(#decode.record({ build.return32 { 255, code } }).failure.text > 3)
    end
    for code = 2000, 2027 do
      assert.truthy(#decode.record({ build.return64 { 255, code } }).failure.text > 3)
    end
  end)

  it("keeps 64-bit results", function()
    for _, value in ipairs { math.maxinteger, math.mininteger, 9007199254740993, -1 } do
      assert.equal(value, decode.record({ build.return64 { 0, value } })["return"])
    end
  end)

  it("may tell an exit", function()
    local shown = shows { build.exit { 1, -1 }, build.exit { 2, 3 } }
    assert.same({ exit = { status = 1, value = -1 }, more = { exit = { { status = 2, value = 3 } } } }, shown)
  end)
end)

describe("who", function()
  local function person(pid, terminal)
    return {
      audit_id = 1001, uid = 1001, gid = 10, ruid = 1001, rgid = 10, pid = pid, session_id = 2718281828,
      terminal = terminal,
    }
  end
  local none = { port_id = "0000000000000000" }

  it("did it, and to whom: one of each, the others under more", function()
    assert.same({
      subject = person(1, none), process = person(2, none),
      more = { process = { person(4, none), person(5, none) }, subject = { person(3, none) } },
    }, shows {
      build.subject64 { pid = 1 }, build.process64 { pid = 2 }, build.subject64 { pid = 3 },
        build.process64 { pid = 4 },
      build.process64 { pid = 5 },
    })
  end)

  it("has ids that are unsigned, but for not set and nobody", function()
    for wire, shown in pairs {
      [0] = 0, [2147483647] = 2147483647, [2147483648] = 2147483648, [4294967293] = 4294967293,
      [4294967294] = -2, [4294967295] = -1,
    } do
      local doc = decode.record {
        build.subject32 { audit_id = wire, uid = wire, gid = wire, ruid = wire, rgid = wire, pid = wire,
          session_id = wire },
        build.newgroups { wire }, build.user { wire, "x" },
      }
      for _, name in ipairs { "audit_id", "uid", "gid", "ruid", "rgid", "pid", "session_id" } do
        assert.equal(shown, doc.subject[name])
      end
      assert.same({ shown }, doc.groups)
      assert.equal(shown, doc.user.uid)
    end
  end)

  it("has groups of all tokens, old and new", function()
    local shown = shows { build.newgroups { 10, 14 }, build.groups { 1, 2, 3 }, build.newgroups {} }
    local groups = { 10, 14, 1, 2, 3 }
    for i = 6, 18 do groups[i] = 0 end
    assert.same({ groups = groups }, shown)
    assert.same({ groups = {} }, shows { build.newgroups {} })
  end)

  it("used privileges, or failed to", function()
    local function used(...) return shows { ... } end
    local good, bad = build.upriv { true, "a,b" }, build.upriv { false, "c" }
    assert.same({ used_privs = { privs = "a,b", success = 1 } }, used(good))
    assert.same({ used_privs = { privs = "c", success = 0 }, failed_privs = "c" }, used(bad))
    for _, both in ipairs { { good, bad }, { bad, good } } do
      assert.same({ used_privs = { privs = "a,b", success = 1 }, failed_privs = "c" }, used(both[1], both[2]))
    end
    assert.same({
      used_privs = { privs = "a,b", success = 1 }, failed_privs = "c",
      more = { used_privs = { { privs = "d", success = 1 }, { privs = "e", success = 0 } } },
    }, used(good, bad, build.upriv { true, "d" }, build.upriv { false, "e" }))
    assert.same({
      used_privs = { privs = "c", success = 0 }, failed_privs = "c",
      more = { used_privs = { { privs = "c", success = 0 } } },
    }, used(bad, bad))
  end)

  it("has privilege sets, before and after", function()
    assert.same({
      privs = { Inheritable = "", Limit = "ALL", Permitted = "c" },
      privs_before = { Permitted = "a" },
      more = { privs = { { set = "Permitted", privs = "b" } } },
    }, shows {
      build.priv { "Permitted", "a" }, build.priv { "Limit", "ALL" }, build.priv { "Permitted", "b" },
      build.priv { "Inheritable", "" }, build.priv { "Permitted", "c" },
    })
    assert.same({
      secflags = { effective = "aslr,noexecstack" }, secflags_before = { effective = "aslr" },
    }, shows { build.secflags { "effective", "aslr" }, build.secflags { "effective", "aslr,noexecstack" } })
    assert.same({
      secflags = { lower = "3" }, secflags_before = { lower = "1" },
      more = { secflags = { { set = "lower", flags = "2" } } },
    }, shows { build.secflags { "lower", "1" }, build.secflags { "lower", "2" }, build.secflags { "lower", "3" } })
  end)

  it("may be told in other words, too", function()
    assert.same({
      user = { uid = 0, name = "root" }, used_auth = { "solaris.a", "solaris.b" }, wsid = "S-1-1",
      access_mask = { "read_data", "synchronize", "0x200000" },
      krb5_principal = { "a@B", "c@D", "e@F" },
      label = { type = "sensitivity", classification = 1, compartments = "" },
      more = {
        user = { { uid = 1, name = "daemon" } }, wsid = { "S-1-2" }, access_mask = { { "write_data" } },
        label = { { type = "clearance", classification = 2, compartments = "01020304" } },
      },
    }, shows {
      build.user { 0, "root" }, build.user { 1, "daemon" }, build.uauth "solaris.a", build.uauth "solaris.b",
      build.wsid "S-1-1", build.wsid "S-1-2", build.access_mask(0x300001), build.access_mask(2),
      build.krb5_principal { "a@B", "c@D" }, build.krb5_principal { "e@F" },
      build.label { compartments = "", classification = 1 },
      build.label { type = 0x49, compartments = "\1\2\3\4", classification = 2 },
    })
  end)
end)

describe("files", function()
  it("of a rename have source and target", function()
    assert.same({
      path = "/etc/a", target_path = "/etc/b", attributes = attributes("100644", "s_ifreg"),
    }, shows { event = "rename", build.path "/etc/a", build.attr64 {}, build.path "/etc/b" })
  end)

  it("each keep the attributes of their own", function()
    assert.same({
      path = "/mnt", attributes = attributes("40755", "s_ifdir"),
      target_path = "/dev/dsk", target_attributes = attributes("60640", "s_ifblk"),
      more = { path = { "/third", "/fourth" }, attributes = { attributes("100600", "s_ifreg") } },
    }, shows {
      build.path "/mnt", build.attr64 { mode = "40755" }, build.path "/dev/dsk", build.attr64 { mode = "60640" },
      build.path "/third", build.attr64 { mode = "100600" }, build.path "/fourth",
    })
  end)

  it("have the first attributes that there are", function()
    local doc = decode.record { build.path "/a", build.path "/b", build.attr64 { mode = "100600" } }
    assert.same(attributes("100600", "s_ifreg"), doc.attributes)
    assert.is_nil(doc.target_attributes)
    doc = decode.record { build.attr64 { mode = "100600" } }
    assert.same(attributes("100600", "s_ifreg"), doc.attributes)
    doc = decode.record { build.path "/a", build.attr64 { mode = "100600" }, build.attr64 { mode = "100601" } }
    assert.is_nil(doc.target_attributes)
    assert.same({ attributes = { attributes("100601", "s_ifreg") } }, doc.more)
  end)

  it("of a pfexec are the program and where it ran", function()
    local doc = decode.record { event = "pfexec", build.path "/usr/bin/id", build.path "/root" }
    assert.equal("/usr/bin/id", doc.path)
    assert.equal("/root", doc.working_directory)
    assert.is_nil(doc.target_path)
  end)

  it("have attributes in every form", function()
    local function of(token) return decode.token(token).attributes end
    assert.equal("-1", of(build.attr32 { dev = -1 }).devid)
    assert.equal("-1", of(build.attr64 { dev = -1 }).devid)
    assert.equal("4294967295", of(build.attr64 { dev = 4294967295 }).devid)
    assert.equal("103079215107", of(build.attr64 { dev = 24 << 32 | 3 }).devid)
    assert.equal("-9223372036854775808", of(build.attr64 { dev = math.mininteger }).devid)
    assert.equal("FFFFFFFFFFFFFFFF", of(build.attr64 { node = -1 }).inode_hex)
    assert.equal("00000000FFFFFFFF", of(build.attr { node = -1 }).inode_hex)
    assert.equal(4294967295, of(build.attr64 { fsid = 4294967295 }).fsid)
    assert.equal(-1, of(build.attr64 { uid = -1 }).uid)
    assert.equal(-2, of(build.attr64 { gid = -2 }).gid)
  end)

  it("have their kind by name", function()
    for mode, name in pairs {
      ["10644"] = "s_ififo", ["20644"] = "s_ifchr", ["40755"] = "s_ifdir", ["50000"] = "s_ifnam", ["60644"] = "s_ifblk",
      ["100644"] = "s_ifreg", ["120777"] = "s_iflnk", ["140777"] = "s_ifsock", ["150777"] = "s_ifdoor",
      ["160777"] = "s_ifport", ["170777"] = "61440",
    } do
      local shown = decode.token(build.attr64 { mode = mode }).attributes
      assert.equal(mode, shown.mode_octal)
      assert.equal(name, shown.type)
    end
    assert.is_nil(decode.token(build.attr64 { mode = "644" }).attributes.type)
    assert.equal("0", decode.token(build.attr64 { mode = "0" }).attributes.mode_octal)
  end)

  it("have names of extended attributes, of all tokens", function()
    assert.same({ xattr_path = { "a", "b", "c" }, path = "/x" },
      shows { build.path "/x", build.path_attr { "a", "b" }, build.path_attr { "c" } })
  end)

  it("have access lists", function()
    local function acl(kind, id, perms) return decode.token(build.acl { kind, id, perms }).acl[1] end
    assert.same({ type = "user_obj", id = -1, perms = "rwx" }, acl(1, -1, 7))
    assert.same({ type = "default_other_obj", id = 0, perms = "---" }, acl(0x1020, 0, 0))
    assert.same({ type = "class_obj", id = 0, perms = "r-x" }, acl(0x10, 0, 5))
    assert.same({ type = "64", id = 0, perms = "-w-" }, acl(0x40, 0, 2))
    assert.same({ type = "4096", id = 0, perms = "--x" }, acl(0x1000, 0, 1))
    local function ace(t) return decode.token(build.ace(t)).ace[1] end
    assert.same({ who = "owner@", id = -1, type = "access_allowed", flags = { "owner" }, mask = "rwxpdDaARWcCos" },
      ace { flags = 0x1000, mask = 0x1F01FF })
    assert.same({ who = "group@", id = -1, type = "access_denied", flags = { "identifier_group", "group" },
      mask = "--------------" }, ace { flags = 0x2040, type = 1 })
    assert.same({ who = "group", id = 10, type = "system_audit", flags = { "file_inherit", "identifier_group" },
      mask = "-w------------" }, ace { who = 10, flags = 0x41, type = 2, mask = 2 })
    assert.same({ who = "user", id = 1001, type = "99", flags = {}, mask = "r-------------" },
      ace { who = 1001, type = 99, mask = 1 })
    assert.equal(3, #decode.record({ build.acl { 1, 0, 7 }, build.acl { 4, 0, 5 }, build.acl { 0x20, 0, 4 } }).acl)
  end)
end)

describe("commands", function()
  it("have arguments and environment", function()
    assert.same({
      exec_args = { "sh", "", "-c" }, exec_env = { A = "1", PATH = "/bin", X = "", ["Y"] = "a=b" },
    }, shows { build.exec_args { "sh", "", "-c" }, build.exec_env { "PATH=/bin", "X=", "A=1", "Y=a=b" } })
    assert.same({ exec_args = {}, exec_env = {} }, shows { build.exec_args {}, build.exec_env {} })
  end)

  it("keep what finds no place in the environment, in its order", function()
    assert.same({
      exec_env = { A = "1", B = "2", [""] = "empty" },
      exec_env_more = { "none", "A=2", "A=1", "", "B=3" },
    }, shows { build.exec_env { "A=1", "none", "B=2", "A=2", "A=1", "", "=empty" }, build.exec_env { "B=3" } })
  end)

  it("with a large environment are sorted all the same", function()
    local env, expected = {}, {}
    for i = 1, 500 do
      local name = "N" .. (i * 7919 % 500)
      env[i] = name .. "=" .. i
      expected[name] = tostring(i)
    end
    local doc = decode.record { build.exec_env(env) }
    assert.same(expected, doc.exec_env)
    local order = getmetatable(doc.exec_env).order
    for i = 2, #order do assert.truthy(order[i - 1] < order[i]) end
  end)

  it("may be more than one", function()
    assert.same({
      exec_args = { "a" }, cmd = { args = { "b", "" }, env = {} },
      more = { exec_args = { { "c" }, {} }, cmd = { { args = {}, env = { "D=1" } } } },
    }, shows {
      build.exec_args { "a" }, build.exec_args { "c" }, build.exec_args {},
      build.cmd { args = { "b", "" } }, build.cmd { env = { "D=1" } },
    })
  end)
end)

describe("what repeats and is a plain value", function()
  it("is a list, in its order", function()
    assert.same({
      text = { "/usr/bin/su", "root", "root" }, fmri = { "svc:/a", "svc:/b" }, iport = { 1, 65535 },
      addr = { "192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3" }, opaque = { "00ff", "" },
    }, shows {
      build.text "/usr/bin/su", build.fmri "svc:/a", build.iport(1), build.in_addr "192.0.2.1", build.text "root",
      build.in_addr_ex "2001:db8::1", build.opaque "\0\xFF", build.in_addr_ex "192.0.2.2", build.fmri "svc:/b",
      build.text "root", build.opaque "", build.iport(65535), build.in_addr_ex "::ffff:192.0.2.3",
    })
  end)
end)

describe("the zone of a record", function()
  it("is the last one, those before it were acted on", function()
    assert.same({ zonename = "web" }, shows { build.zonename "web" })
    assert.same({ zonename = "global", target_zonename = { "a", "b" } },
      shows { build.zonename "a", build.zonename "b", build.zonename "global" })
  end)
end)

describe("the network", function()
  it("has more sockets, tids, and whatever else comes twice", function()
    local socket = { family = "af_inet", ip = "192.0.2.1", port = 1 }
    local tid = { ip = "2001:db8::1", local_port = 22, remote_port = 2 }
    assert.same({ socket = socket, tid = tid, more = { socket = { socket, { family = "pf_local", type = "sock_stream",
      local_ip = "::", local_port = 0, remote_ip = "::1", remote_port = 1 } }, tid = { tid } } }, shows {
      version = 11, event = 1,
      build.sockinet32 { port = 1, ip = "192.0.2.1" }, build.sockinet32 { port = 1, ip = "192.0.2.1" },
      build.socket_ex { domain = 1, type = 2, local_ip = "::", local_port = 0, remote_ip = "::1", remote_port = 1,
        order = "openbsm" },
      build.tid { ip = "2001:db8::1", local_port = 22, remote_port = 2 },
      build.tid { ip = "2001:db8::1", local_port = 22, remote_port = 2 },
    })
  end)

  it("names families and types by the sender's numbers", function()
    local function socket(token, version) return decode.token(token, version).socket end
    assert.equal("af_inet6", socket(build.sockinet128 { family = 28, port = 1, ip = "::1" }, 11).family)
    assert.equal("af_inet6", socket(build.sockinet128 { family = 30, port = 1, ip = "::1" }, 11).family)
    assert.equal("99", socket(build.sockinet32 { family = 99, port = 1, ip = "192.0.2.1" }, 11).family)
    assert.equal("pf_bluetooth", socket(build.socket_ex { domain = 516, local_ip = "::", local_port = 0,
      remote_ip = "::",
      remote_port = 0 }, 11).family)
    assert.equal("9", socket(build.socket_ex { domain = 1, type = 9 }, 2).type)
  end)

  it("has local sockets at full length without a NUL", function()
    local path = ("x"):rep(104)
    assert.equal(path, decode.token(build.sockunix { path = path, nul = false }, 11).socket.path)
    assert.equal(path:sub(1, 103), decode.token(build.sockunix { path = path:sub(1, 103) }, 11).socket.path)
    local doc = decode.record { version = 11, event = 1, build.sockunix { path = path, nul = false }, build.text "x" }
    assert.same({ "x" }, doc.text)
  end)

  it("may have the ports of a tid swapped", function()
    local function tid(t, options) return decode.token(build.tid(t), 2, options).tid end
    local expected = { ip = "198.51.100.7", local_port = 22, remote_port = 51234 }
    assert.same(expected, tid { ip = "198.51.100.7", local_port = 22, remote_port = 51234 })
    assert.same(expected, tid { ip = "198.51.100.7", local_port = 0x1600, remote_port = 0x22C8 })
    assert.same({ ip = "198.51.100.7", local_port = 0x1600, remote_port = 0x22C8 },
      tid({ ip = "198.51.100.7", local_port = 0x1600, remote_port = 0x22C8 }, { natural_ports = true }))
  end)

  it("has every word of an IPv4 header swapped by an x86 kernel", function()
    local natural = build.ip { length = 52, id = 2, offset = 3, checksum = 4, source = "192.0.2.1",
      destination = "192.0.2.2" }
    local swapped = build.ip { length = 52 << 8, id = 2 << 8, offset = 3 << 8, checksum = 4 << 8, source = "1.2.0.192",
      destination = "2.2.0.192" }
    assert.same(decode.token(natural, 11), (function()
      local doc = decode.token(swapped, 2)
      doc.version, doc.time, doc.event = 11, "2023-11-14T22:13:20.000000000Z", "kill"
      return doc
    end)())
    assert.equal("192.0.2.1", decode.token(natural, 2, { natural_ports = true }).ip.source)
  end)
end)

describe("data", function()
  local function data(t, version) return decode.token(build.data(t), version).data[1] end

  it("has exact values of every width", function()
    assert.same({ print = "octal", unit = "byte", values = { 0, 255 } }, data { print = "octal", unit = "byte", 0,
      255 })
    assert.same({ print = "decimal", unit = "int32", values = { 4294967295 } }, data { print = "decimal",
      unit = "int", 4294967295 })
    assert.same({ print = "binary", unit = "int64", values = { math.mininteger, 9007199254740993 } },
      data { print = "binary", unit = "long", math.mininteger, 9007199254740993 })
    assert.same({ print = "9", unit = "byte", values = {} }, data { print = 9, unit = "byte" })
    assert.equal(255, #data({ bytes = ("x"):rep(255) }).values)
  end)

  it("may be a text, with or without a NUL", function()
    assert.same({ print = "string", unit = "byte", text = "hi" }, data { print = "string", bytes = "hi\0" })
    assert.same({ print = "string", unit = "byte", text = "hi" }, data { print = "string", bytes = "hi" })
    assert.same({ print = "string", unit = "byte", text = "" }, data { print = "string", bytes = "" })
  end)
end)

describe("the rest", function()
  it("of what repeats is under more, in the order of its names", function()
    local uuid = "00112233-4455-6677-8899-aabbccddeeff"
    local doc = decode.record {
      version = 11, event = 1,
      build.seq(1), build.seq(2), build.liaison(3), build.liaison(4), build.host "192.0.2.1", build.host "192.0.2.2",
      build.ipc { "msg", 1 }, build.ipc { 9, -1 }, build.ipc_perm {}, build.ipc_perm { key = 1 },
      build.identity {}, build.identity { signing_id = "b", signing_id_truncated = 1, cdhash = "\1" },
      build.arg_uuid { 1, "b", uuid }, build.arg_uuid { 2, "a", uuid }, build.return_uuid { 1, "b", uuid },
      build.ip { source = "192.0.2.1", destination = "192.0.2.2" }, build.ip { source = "192.0.2.1",
        destination = "192.0.2.2" },
      build.cert_hash { "a" }, build.rights { 1, 2 }, build.rights { 3, 4 },
    }
    assert.equal(1, doc.sequence)
    assert.equal(3, doc.liaison)
    assert.equal("192.0.2.1", doc.header_host)
    assert.same({ type = "msg", id = 1 }, doc.ipc)
    assert.same({ a = uuid, b = { uuid, uuid } }, doc.uuids)
    assert.equal(4, #doc.rights)
    assert.same({ 2 }, doc.more.sequence)
    assert.same({ 4 }, doc.more.liaison)
    assert.same({ "192.0.2.2" }, doc.more.header_host)
    assert.same({ { type = "9", id = -1 } }, doc.more.ipc)
    assert.equal("00000001", doc.more.ipc_perm[1].key_hex)
    assert.equal("b", doc.more.identity[1].signing_id)
    assert.equal("01", doc.more.identity[1].cdhash)
    local order = getmetatable(doc.more).order
    assert.same({ "header_host", "identity", "ip", "ipc", "ipc_perm", "liaison", "sequence" }, order)
  end)
end)
