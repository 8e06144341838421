local core = require "core.bsm"
local build = require "spec.support.bsm_build"
local decode = require "spec.support.bsm_decode"
local vectors = require "spec.fixtures.vectors"

local zero32 = ("0"):rep(64)
local uuid = "00112233-4455-6677-8899-aabbccddeeff"

-- What a record with this token alone shows beyond its header. Without a return token the outcome is unknown.
local tokens = {
  { "T4", 2, { damaged = "trailer length differs from header length (298, 25) at byte 21" } },
  { "T5", 2, { path = "/etc/passwd" } },
  { "T6", 2, { xattr_path = { "SUNWattr_ro" } } },
  { "T7", 2, { exec_args = { "sh", "-c", "", "x" } } },
  { "T8", 2, { exec_env = { LANG = "C", A = "" } } },
  { "T9", 2, { args = { ["new file mode"] = "100644" } } },
  { "T10", 2, { args = { arg = 0xFEFFE7B0C0 } } },
  { "T11", 2, { errno = "eacces", ["return"] = -1 } },
  { "T12", 2, {
    errno = "failure", ["return"] = 2009,
    failure = { code = 2009, name = "pam_auth_err", text = "authentication failed" },
  } },
  { "T13", 2, {
    errno = "failure", ["return"] = 1010, failure = { code = 1010, name = "bad_pw", text = "wrong password" },
  } },
  { "T14", 2, { errno = "0", ["return"] = 4242 } },
  { "T15", 2, { attributes = {
    mode_octal = "100755", uid = 0, gid = 2, fsid = 65538, inode_hex = "00000016FEE0E525", devid = "-1",
      type = "s_ifreg",
  } } },
  { "T16", 2, { attributes = {
    mode_octal = "20620", uid = 1001, gid = 7, fsid = 75497472, inode_hex = "0000000000C0000A", devid = "6291459",
    type = "s_ifchr",
  } } },
  { "T17", 2, { subject = {
    audit_id = 1001, uid = 0, gid = 0, ruid = 1001, rgid = 10, pid = 2204, session_id = 1618033988,
    terminal = { ip = "192.0.2.25", dev = 0x1800000003, major = 24, minor = 3 },
  } } },
  { "T18", 2, { subject = {
    audit_id = 100, uid = 100, gid = 10, ruid = 100, rgid = 10, pid = 31337, session_id = 2718281828,
    terminal = { ip = "198.51.100.7", local_port = 22, remote_port = 51234 },
  } } },
  { "T19", 2, { subject = {
    audit_id = -2, uid = 0, gid = 0, ruid = 0, rgid = 0, pid = 700, session_id = 0,
    terminal = { ip = "198.51.100.7", local_port = 22, remote_port = 51330 },
  } } },
  { "T20", 2, { subject = {
    audit_id = 100, uid = 0, gid = 0, ruid = 0, rgid = 0, pid = 700, session_id = 3141592653,
    terminal = { ip = "198.51.100.7", local_port = 22, remote_port = 51234, port_id = "000008B200001600" },
  } } },
  { "T21", 2, { process = {
    audit_id = 5000, uid = 5000, gid = 50, ruid = 5000, rgid = 50, pid = 99, session_id = 77,
    terminal = { ip = "2001:db8::42" },
  } } },
  { "T22", 2, { addr = { "fe80::a00:2bff:fe01:203" } } },
  { "T23", 2, { socket = { family = "af_inet", ip = "192.0.2.10", port = 80 } } },
  { "T24", 11, { socket = {
    type = "sock_stream", local_ip = "192.0.2.1", local_port = 8080, remote_ip = "198.51.100.7", remote_port = 51234,
  } } },
  { "T25", 2, { socket = {
    family = "af_inet", type = "sock_stream", local_ip = "192.0.2.1", local_port = 51234, remote_ip = "203.0.113.9",
    remote_port = 443,
  } } },
  { "T26", 11, { socket = {
    family = "pf_inet6", type = "sock_stream", local_ip = "2001:db8::1", local_port = 51234, remote_ip = "2001:db8::2",
    remote_port = 443,
  } } },
  { "T27", 11, { socket = { family = "af_inet", ip = "203.0.113.9", port = 22 } } },
  { "T28", 11, { socket = { family = "af_inet6", ip = "2001:db8::53", port = 53 } } },
  { "T29", 11, { socket = { family = "af_unix", path = "/var/run/log" } } },
  { "T30", 2, { groups = { 10, 14, 65001 } } },
  { "T31", 2, { privs = { Inheritable = "file_dac_read,proc_setid" } } },
  { "T32", 2, { used_privs = { privs = "sys_mount", success = 0 }, failed_privs = "sys_mount" } },
  { "T33", 2, { used_auth = { "solaris.smf.manage" } } },
  { "T34", 2, { sequence = 123456789 } },
  { "T35", 2, { acl = { { type = "user", id = 1001, perms = "rw-" } } } },
  { "T36", 2, { ace = { {
    who = "everyone@", id = -1, type = "access_allowed", flags = { "everyone" }, mask = "r-x---a-R-c--s",
  } } } },
  { "T37", 2, { ipc = { type = "shm", id = 117440512 } } },
  { "T38", 2, { ipc_perm = {
    uid = 0, gid = 0, creator_uid = 1001, creator_gid = 10, mode_octal = "100600", seq = 0, key_hex = "deadbeef",
  } } },
  { "T39", 2, { data = { { print = "hexadecimal", unit = "byte", values = { 0, 0, 0, 1 } } } } },
  { "T40", 2, { data = { { print = "decimal", unit = "short", values = { 300, 7 } } } } },
  { "T41", 2, { opaque = { "deadbe" } } },
  { "T42", 2, { cmd = { args = { "pkill", "-9" }, env = { "PATH=/usr/bin" } } } },
  { "T43", 2, { user = { uid = 1001, name = "alice" } } },
  { "T44", 2, { tid = { ip = "198.51.100.7", local_port = 22, remote_port = 51234 } } },
  { "T45", 2, { fmri = { "svc:/network/ssh:default" } } },
  { "T46", 2, { secflags = { effective = "aslr,noexecstack" } } },
  { "T47", 2, { wsid = "S-1-5-21-1-2-3-1105" } },
  { "T48", 2, { access_mask = { "read_attributes", "delete" } } },
  { "T49", 2, { zonename = "global" } },
  { "T50", 2, { label = { type = "sensitivity", classification = 4, compartments = "8" .. zero32:sub(2) } } },
  { "T51", 2, { x = { { token = "xproperty", id = 39845889, uid = 1001, property = "WM_NAME" } } } },
  { "T52", 2, { exit = { status = 0, value = 0 } } },
  { "T53", 2, { header_host = "192.0.2.25" } },
  { "T54", 11, { uuids = { fd = uuid } } },
  { "T55", 11, { identity = {
    signer_type = 1, signing_id = "com.apple.ls", signing_id_truncated = 0, team_id = "", team_id_truncated = 0,
    cdhash = "01020304",
  } } },
  { "T56", 2, { addr = { "198.51.100.7" } } },
  { "T57", 2, { iport = { 443 } } },
  { "T58", 2, { attributes = {
    mode_octal = "100644", uid = 0, gid = 3, fsid = 0x800000, inode_hex = "000000000006234F", devid = "0",
    type = "s_ifreg",
  } } },
  { "T59", 2, { x = { { token = "xselect", property = "PRIMARY", type = "STRING", data = "hi" } } } },
  { "T60", 11, { rights = { "0200000000000007", "0400000000000000" } } },
  { "T61", 11, { uuids = { uuid = uuid } } },
  { "T62", 11, { krb5_principal = { "alice@EXAMPLE.ORG" } } },
}

describe("a token of BSM", function()
  for _, case in ipairs(tokens) do
    local name, version, expected = table.unpack(case)

    it(name .. " decodes to what it says", function()
      assert.same(expected, decode.rest(decode.token(vectors[name], version)))
    end)

    it(name .. " is exactly as long as it says, and cut anywhere it is no token", function()
      local bytes = vectors[name]
      local list, status = core.tokens(bytes, version)
      assert.equal("end", status)
      assert.equal(1, #list)
      assert.equal(#bytes, list[1].len)
      for cut = 1, #bytes - 1 do
        local some, why = core.tokens(bytes:sub(1, cut), version)
        -- Strings that run to the record's end end there.
        if #some > 0 then
          assert.truthy(({ T6 = 1, T7 = 1, T8 = 1, T62 = 1 })[name], "cut at " .. cut)
        else
          assert.equal("cut", why)
        end
      end
    end)
  end

  it("comes in every kind that there is", function()
    local seen, count = {}, 0
    for _, case in ipairs(tokens) do
      local kind = core.tokens(vectors[case[1]], case[2])[1].kind
      if not seen[kind] then count = count + 1 end
      seen[kind] = true
    end
    -- Of four there is no vector: text is in the records, the others are below.
    assert.equal(core.token_kinds - 4, count)
  end)

  it("may be one of those without a vector", function()
    assert.same({ liaison = 7 }, decode.rest(decode.token(build.liaison(7))))
    assert.same({ cert_hash = { "ab12", "" } }, decode.rest(decode.token(build.cert_hash { "ab12", "" }, 11)))
    assert.same({ ip = {
      version = 4, header_length = 20, tos = 1, length = 52, id = 2, offset = 0x4000, ttl = 60, protocol = 17,
      checksum = 0xBEEF, source = "192.0.2.1", destination = "192.0.2.2",
    } }, decode.rest(decode.token(build.ip {
      tos = 1, length = 52, id = 2, offset = 0x4000, ttl = 60, protocol = 17, checksum = 0xBEEF,
      source = "192.0.2.1", destination = "192.0.2.2",
    }, 11)))
  end)

  it("is not known under any other id", function()
    local known = {}
    for name, bytes in pairs(vectors) do
      if name:match "^T" and not name:match "^T[123]$" then known[bytes:byte()] = true end
    end
    for _, id in ipairs { 0x2B, 0x3A, 0x24, 0x26, 0x77, 0x7A, 0x7B, 0x7C, 0x34, 0x40, 0x44, 0x45, 0x46, 0x47, 0x48,
      0x4A,
      0x4B, 0xEF } do
      known[id] = true
    end
    for id = 0, 255 do
      local _, status = core.tokens(string.char(id) .. ("\0"):rep(200), 2)
      if not known[id] then
        assert.equal("unknown", status, ("id %02x"):format(id))
        assert.equal(id, decode.token(string.char(id) .. "rest").unknown_token)
      end
    end
  end)
end)

describe("an id with more than one meaning", function()
  it("is settled by the header's version: 2E", function()
    for _, version in ipairs { 2, 3, 4 } do
      assert.equal(9, core.tokens(vectors.T23, version)[1].len)
    end
    for _, version in ipairs { 1, 10, 11 } do
      assert.equal(15, core.tokens(vectors.T24, version)[1].len)
    end
  end)

  it("is an X token in version 3, and the usual one in others", function()
    local x = {
      { build.xcolormap { 1, 2, version = 3 }, { token = "xcolormap", id = 1, uid = 2 } },
      { build.xcursor { 1, 2, version = 3 }, { token = "xcursor", id = 1, uid = 2 } },
      { build.xfont { 1, 2, version = 3 }, { token = "xfont", id = 1, uid = 2 } },
      { build.xgc { 1, 2, version = 3 }, { token = "xgc", id = 1, uid = 2 } },
      { build.xpixmap { 1, 2, version = 3 }, { token = "xpixmap", id = 1, uid = 2 } },
      { build.xproperty { 1, 2, "WM_NAME", version = 3 }, { token = "xproperty", id = 1, uid = 2,
        property = "WM_NAME" } },
      { build.xwindow { 1, 2, version = 3 }, { token = "xwindow", id = 1, uid = 2 } },
      { build.xclient { 7, version = 3 }, { token = "xclient", client = 7 } },
    }
    for _, case in ipairs(x) do
      assert.same({ case[2] }, decode.token(case[1], 3).x)
      assert.is_nil(decode.token(case[1], 2).x)
    end
    for _, case in ipairs {
      { build.xcolormap { 1, -1 }, { token = "xcolormap", id = 1, uid = -1 } },
      { build.xatom "PRIMARY", { token = "xatom", name = "PRIMARY" } },
      { build.xclient { 7 }, { token = "xclient", client = 7 } },
    } do
      assert.same({ case[2] }, decode.token(case[1], 4).x)
    end
  end)

  it("is Capsicum rights, unless only a UUID argument fits there", function()
    assert.same({ "8200000000000001", "0000000000000002", "0000000000000003", "0000000000000004" },
      decode.token(build.rights { 0x0200000000000001, 2, 3, 4 }, 11).rights)
    local old = "\x83" .. build.arg_uuid({ 1, "fd", uuid }):sub(2)
    assert.same({ fd = uuid }, decode.token(old, 11).uuids)
    local both = decode.record { version = 11, event = 1, old, build.text "then" }
    assert.same({ fd = uuid }, both.uuids)
    assert.same({ "then" }, both.text)
  end)

  it("has items in the sender's order from OpenBSM, big-endian from illumos", function()
    local data = build.data { print = "decimal", unit = "short", bytes = "\x2c\x01\x07\x00" }
    assert.same({ 300, 7 }, decode.token(data, 11).data[1].values)
    assert.same({ 0x2c01, 0x0700 }, decode.token(data, 2).data[1].values)
    assert.same({ 0x2c01, 0x0700 }, decode.token(data, 11, { natural_ports = true }).data[1].values)
  end)

  it("ends early in a socket of other families from illumos, and only there", function()
    assert.same({ family = "af_unix", type = "sock_dgram" }, decode.token(build.socket_ex { domain = 1,
      type = 1 }).socket)
    assert.equal("cut", select(2, core.tokens(build.socket_ex { domain = 1, type = 1 }, 11)))
  end)

  it("holds ports and addresses that a SPARC sender stores natural", function()
    local sparc = { natural_ports = true }
    assert.same({ family = "af_inet", ip = "192.0.2.10", port = 80 },
      decode.token(build.socket { port = 80, ip = "192.0.2.10", order = "sparc" }, 2, sparc).socket)
    local ends = { family = "af_inet", type = "sock_stream", local_ip = "192.0.2.1", local_port = 51234,
      remote_ip = "203.0.113.9", remote_port = 443 }
    for order, options in pairs { x86 = {}, sparc = sparc } do
      assert.same(ends, decode.token(build.socket_ex {
        local_ip = "192.0.2.1", local_port = 51234, remote_ip = "203.0.113.9", remote_port = 443, order = order,
      }, 2, options).socket)
    end
  end)

  it("in old labels does not count its compartments", function()
    local blob = ("\xab"):rep(67)
    assert.same({ type = "information", compartments = ("ab"):rep(67) }, decode.token("\x33\x42" .. blob, 4).label)
    assert.same({ type = "cmw", compartments = ("00"):rep(103) }, decode.token("\x33\x83" .. ("\0"):rep(103), 4).label)
    assert.equal("clearance", decode.token(build.label { type = 0x49 }).label.type)
    assert.equal("153", decode.token(build.label { type = 0x99 }).label.type)
  end)
end)

describe("a word that leaves a token's length unknown", function()
  for what, token in pairs {
    ["an address type that is none"] = "\x7e\0\0\0\5" .. ("x"):rep(20),
    ["a unit of data that is none"] = "\x21\3\4\1" .. ("x"):rep(20),
    ["a kind of tid without a layout"] = "\x61\2" .. ("x"):rep(20),
    ["an address type in a socket"] = "\x7f\0\2\0\2\0\5" .. ("x"):rep(50),
    ["an address type in a subject"] = "\x7c" .. ("\0"):rep(36) .. "\0\0\0\6" .. ("x"):rep(20),
  } do
    it("ends the reading, and keeps the rest: " .. what, function()
      local doc = decode.record { build.path "/a", token, build.zonename "lost" }
      assert.equal("/a", doc.path)
      assert.equal(token:byte(), doc.unknown_token)
      assert.equal(build.hex(token .. build.zonename "lost"), doc.unknown_hex)
      assert.equal(("token 0x%02x has no known length at byte 32"):format(token:byte()), doc.damaged)
      assert.is_nil(doc.zonename)
    end)
  end
end)
