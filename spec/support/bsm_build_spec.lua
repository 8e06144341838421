local bsm = require "spec.support.bsm_build"
local vectors = require "spec.fixtures.vectors"

local uuid = "00112233-4455-6677-8899-aabbccddeeff"
local alice_from_home = { ip = "198.51.100.7", remote_port = 51234, local_port = 22 }

-- Every vector, said in the builder's words. A function, so that one wrong word fails one spec.
local said = {
  T1 = function()
    return bsm.file32 { time = { 1700000000, 123456 }, name = "/var/audit/20231114221319.20231114221320.web1" }
  end,
  T2 = function() return bsm.file32 { time = { 1700000000 } } end,
  T3 = function() return bsm.file64 { time = { 1700000000, 999999 }, name = "x" } end,
  T4 = function() return bsm.trailer(298) end,
  T5 = function() return bsm.path "/etc/passwd" end,
  T6 = function() return bsm.path_attr { "SUNWattr_ro" } end,
  T7 = function() return bsm.exec_args { "sh", "-c", "", "x" } end,
  T8 = function() return bsm.exec_env { "LANG=C", "A=" } end,
  T9 = function() return bsm.arg32 { 2, "new file mode", 0x81A4 } end,
  T10 = function() return bsm.arg64 { 3, "arg", 0xFEFFE7B0C0 } end,
  T11 = function() return bsm.return32 { "eacces", -1 } end,
  T12 = function() return bsm.return32 { "failure", 2009 } end,
  T13 = function() return bsm.return32 { "failure", 1010 } end,
  T14 = function() return bsm.return64 { 0, 4242 } end,
  T15 = function() return bsm.attr64 { mode = "100755", gid = 2, node = 98765432101 } end,
  T16 = function()
    return bsm.attr32 { mode = "020620", uid = 1001, gid = 7, fsid = 75497472, node = 12582922, dev = 24 << 18 | 3 }
  end,
  T17 = function()
    return bsm.subject64 {
      audit_id = 1001, uid = 0, gid = 0, ruid = 1001, rgid = 10, pid = 2204, session_id = 1618033988,
      terminal = { ip = "192.0.2.25", major = 24, minor = 3 },
    }
  end,
  T18 = function()
    return bsm.subject64 { audit_id = 100, pid = 31337, session_id = 2718281828, terminal = alice_from_home }
  end,
  T19 = function()
    return bsm.subject64 {
      audit_id = -2, uid = 0, gid = 0, pid = 700, session_id = 0,
      terminal = { ip = "198.51.100.7", remote_port = 51330, local_port = 22, form = "sign" },
    }
  end,
  T20 = function()
    return bsm.subject64 {
      audit_id = 100, uid = 0, gid = 0, pid = 700, session_id = 3141592653,
      terminal = { ip = "198.51.100.7", remote_port = 51234, local_port = 22, form = "expanded" },
    }
  end,
  T21 = function()
    return bsm.process64_ex { audit_id = 5000, gid = 50, pid = 99, session_id = 77, terminal = { ip = "2001:db8::42" } }
  end,
  T22 = function() return bsm.in_addr_ex "fe80::a00:2bff:fe01:203" end,
  T23 = function() return bsm.socket { port = 80, ip = "192.0.2.10" } end,
  T24 = function()
    return bsm.socket_openbsm {
      local_ip = "192.0.2.1", local_port = 8080, remote_ip = "198.51.100.7", remote_port = 51234,
    }
  end,
  T25 = function()
    return bsm.socket_ex { local_ip = "192.0.2.1", local_port = 51234, remote_ip = "203.0.113.9", remote_port = 443 }
  end,
  T26 = function()
    return bsm.socket_ex {
      domain = 26, order = "openbsm",
      local_ip = "2001:db8::1", local_port = 51234, remote_ip = "2001:db8::2", remote_port = 443,
    }
  end,
  T27 = function() return bsm.sockinet32 { port = 22, ip = "203.0.113.9" } end,
  T28 = function() return bsm.sockinet128 { port = 53, ip = "2001:db8::53" } end,
  T29 = function() return bsm.sockunix { path = "/var/run/log" } end,
  T30 = function() return bsm.newgroups { 10, 14, 65001 } end,
  T31 = function() return bsm.priv { "Inheritable", "file_dac_read,proc_setid" } end,
  T32 = function() return bsm.upriv { false, "sys_mount" } end,
  T33 = function() return bsm.uauth "solaris.smf.manage" end,
  T34 = function() return bsm.seq(123456789) end,
  T35 = function() return bsm.acl { 2, 1001, 6 } end,
  T36 = function() return bsm.ace { mask = 0x1200A9, flags = 0x4000 } end,
  T37 = function() return bsm.ipc { "shm", 117440512 } end,
  T38 = function() return bsm.ipc_perm { creator_uid = 1001, creator_gid = 10, mode = "100600", key = 0xDEADBEEF } end,
  T39 = function() return bsm.data { print = "hex", unit = "byte", 0, 0, 0, 1 } end,
  T40 = function() return bsm.data { print = "decimal", unit = "short", 300, 7 } end,
  T41 = function() return bsm.opaque "\xDE\xAD\xBE" end,
  T42 = function() return bsm.cmd { args = { "pkill", "-9" }, env = { "PATH=/usr/bin" } } end,
  T43 = function() return bsm.user { 1001, "alice" } end,
  T44 = function() return bsm.tid { remote_port = 51234, local_port = 22, ip = "198.51.100.7" } end,
  T45 = function() return bsm.fmri "svc:/network/ssh:default" end,
  T46 = function() return bsm.secflags { "effective", "aslr,noexecstack" } end,
  T47 = function() return bsm.wsid "S-1-5-21-1-2-3-1105" end,
  T48 = function() return bsm.access_mask(0x10080) end,
  T49 = function() return bsm.zonename "global" end,
  T50 = function() return bsm.label { classification = 4, compartments = "\x80" .. ("\0"):rep(31) } end,
  T51 = function() return bsm.xproperty { 39845889, 1001, "WM_NAME" } end,
  T52 = function() return bsm.exit { 0, 0 } end,
  T53 = function() return bsm.host "192.0.2.25" end,
  T54 = function() return bsm.arg_uuid { 1, "fd", uuid } end,
  T55 = function() return bsm.identity { signing_id = "com.apple.ls", cdhash = "\1\2\3\4" } end,
  T56 = function() return bsm.in_addr "198.51.100.7" end,
  T57 = function() return bsm.iport(443) end,
  T58 = function() return bsm.attr { mode = "100644", gid = 3, fsid = 32 << 18, node = 402255, dev = 0 } end,
  T59 = function() return bsm.xselect { "PRIMARY", "STRING", "hi" } end,
  T60 = function() return bsm.rights { 0x0200000000000007, 0x0400000000000000 } end,
  T61 = function() return bsm.return_uuid { 1, "uuid", uuid } end,
  T62 = function() return bsm.krb5_principal { "alice@EXAMPLE.ORG" } end,

  R1 = function()
    return bsm.record {
      event = "execve", time = { 1700000000, 250000001 }, seq = 4711, trailer = true,
      bsm.path "/usr/bin/ls",
      bsm.attr64 { mode = "100555", gid = 2 },
      bsm.exec_args { "ls", "-l", "/tmp" },
      bsm.subject64 { audit_id = 1001, pid = 20011, terminal = alice_from_home },
      bsm.return64 { 0, 0 },
      -- the sequence and the trailer stand behind it
      bsm.zonename "global",
    }
  end,
  R2 = function()
    return bsm.record {
      event = "ssh", time = { 1700000060, 7 }, host = "2001:db8:1::10",
      bsm.subject64_ex {
        audit_id = -1, gid = -1, pid = 812, session_id = 3605551275,
        terminal = { ip = "2001:db8:2::beef", remote_port = 52840, local_port = 22 },
      },
      bsm.text "Authentication failed",
      bsm.return64 { "failure", 2009 },
      bsm.zonename "web-01",
    }
  end,
  R3 = function()
    return bsm.record {
      event = "connect", version = 11, form = "header32", time = { 1700000000, 250 }, trailer = true,
      bsm.arg32 { 1, "fd", 5 },
      bsm.sockinet32 { port = 443, ip = "203.0.113.9" },
      bsm.subject32_ex {
        audit_id = 1001, gid = 1001, pid = 1768, session_id = 1768,
        terminal = { ip = "192.0.2.134", remote_port = 47194, form = "openbsm" },
      },
      bsm.return32 { "econnrefused", -1 },
    }
  end,
  R4 = function()
    return bsm.record {
      event = "systemboot", modifier = { "na" }, time = { 1699996400, 0 },
      bsm.text "booting kernel",
    }
  end,
  R5 = function()
    return bsm.record {
      event = "setppriv", modifier = { "fe" }, time = { 1700000000, 999999999 }, host = "192.0.2.25",
      bsm.arg32 { 2, "op", 2 },
      bsm.priv { "Permitted", "file_link_any,proc_exec" },
      bsm.priv { "Permitted", "ALL" },
      bsm.subject64 {
        audit_id = 1001, pid = 5005, session_id = 9, terminal = { ip = "192.0.2.25", major = 24, minor = 3 },
      },
      bsm.return32 { "eperm", -1 },
    }
  end,
}

describe("spec.support.bsm_build", function()
  for name, bytes in pairs(vectors) do
    it("says vector " .. name .. " to the byte", function()
      assert.equal(bsm.hex(bytes), bsm.hex(said[name]()))
    end)
  end

  it("says no vector that is not there", function()
    for name in pairs(said) do assert.is_string(vectors[name], name) end
  end)

  describe("terminal ids", function()
    local function port(build, terminal, from, to)
      return bsm.hex(build { terminal = terminal }:sub(from, to))
    end

    for _, case in ipairs {
      { "a login from SPARC", "subject64", { order = "sparc" }, "00000000c8220016" },
      { "a login of Solaris 11.4", "subject64", { form = "solaris11" }, "0000c82200000016" },
      { "a login of OpenBSM", "subject32", { form = "openbsm" }, "0000c822" },
      { "a login in 32 bits", "subject32", {}, "22c81600" },
      { "an x86 port with its high bit set, not extended", "subject64", { remote_port = 51330 }, "0000000082c81600" },
    } do
      it("write " .. case[1], function()
        local terminal = { remote_port = 51234, local_port = 22 }
        for key, value in pairs(case[3]) do terminal[key] = value end
        assert.equal(case[4], port(bsm[case[2]], terminal, 30, 29 + #case[4] // 2))
      end)
    end

    it("write a device in 32 bits as 14 and 18", function()
      assert.equal("00600003", port(bsm.process32, { major = 24, minor = 3 }, 30, 33))
    end)

    it("take the raw port word", function()
      assert.equal("fedcba9876543210", port(bsm.process64, { port = 0xFEDCBA9876543210 }, 30, 37))
    end)
  end)

  describe("a record", function()
    local tokens = bsm.text "x"

    for form, size in pairs { header32 = 18, header32_ex = 26, header64 = 26, header64_ex = 34 } do
      it("has a header of its size in form " .. form, function()
        local record = bsm.record { event = 1, form = form, tokens }
        assert.equal(size + #tokens, #record)
        assert.equal(#record, (string.unpack(">I4", record, 2)))
      end)
    end

    it("has a longer header for an IPv6 host", function()
      assert.equal(46, #bsm.record { event = 1, host = "2001:db8::1" })
      assert.equal(38, #bsm.record { event = 1, host = "2001:db8::1", form = "header32_ex" })
    end)

    it("lies about its length when told to, in the trailer too", function()
      local record = bsm.record { event = 1, length = 7, trailer = 9 }
      assert.equal(7, (string.unpack(">I4", record, 2)))
      assert.equal("13b10500000009", bsm.hex(record:sub(-7)))
    end)

    it("refuses a field that it does not know", function()
      assert.has_error(function() bsm.record { event = 1, zone = "x" } end, "a record has no field zone")
    end)

    it("refuses an event that nobody knows", function()
      assert.has_error(function() bsm.record { event = "no_such_event" } end)
    end)

    it("looks for the event in the tables of its version", function()
      local function number(version)
        return (string.unpack(">I2", bsm.record { event = "setsid", version = version }, 7))
      end
      assert.same({ 307, 43014 }, { number(2), number(11) })
    end)
  end)

  describe("a trail", function()
    local record = bsm.record { event = "execve" }

    it("stands between two file tokens without names", function()
      local trail = bsm.trail { time = { 1700000000 }, record, record }
      assert.equal(bsm.hex(vectors.T2 .. record .. record .. vectors.T2), bsm.hex(trail))
    end)

    it("may be open, begin with a header, and name its neighbours", function()
      assert.equal(record, bsm.trail { previous = false, next = false, record })
      assert.equal(bsm.hex(bsm.file64 { time = { 5 }, name = "a" } .. bsm.file64 { time = { 6 }, name = "b" }),
        bsm.hex(bsm.trail { form = "file64", time = { 5 }, closed = { 6 }, previous = "a", next = "b" }))
    end)
  end)

  describe("damage", function()
    it("cuts, patches, flips, and lies about the length", function()
      assert.equal("abc", bsm.cut("abcdef", 3))
      assert.equal("aXYdef", bsm.patch("abcdef", 1, "XY"))
      assert.equal("\xFFb", bsm.flip("\0b", 0))
      assert.equal("ac", bsm.flip("ab", 1, 1))
      assert.equal("740000ffff", bsm.hex(bsm.with_length(vectors.R1, 0xFFFF)):sub(1, 10))
    end)

    it("never reaches beyond the bytes", function()
      assert.has_error(function() bsm.patch("abc", 2, "XY") end)
      assert.has_error(function() bsm.cut("abc", 4) end)
    end)

    it("writes strings with a wrong length or without NUL, lists with a wrong count", function()
      assert.equal("2300ff6100", bsm.hex(bsm.path { "a", length = 255 }))
      assert.equal("28000161", bsm.hex(bsm.text { "a", nul = false }))
      assert.equal("3cffffffff6100", bsm.hex(bsm.exec_args { count = -1, "a" }))
      assert.equal("7e00000005" .. "0102030405", bsm.hex(bsm.in_addr_ex { type = 5, bytes = "\1\2\3\4\5" }))
    end)
  end)

  describe("numbers", function()
    it("are told when they do not fit", function()
      assert.has_error(function() bsm.seq(1 << 32) end)
      assert.has_error(function() bsm.seq(1.5) end)
      assert.has_error(function() bsm.iport(-40000) end)
    end)

    it("may be negative", function()
      assert.equal("2fffffffff", bsm.hex(bsm.seq(-1)))
      assert.equal("7200ffffffffffffffff", bsm.hex(bsm.return64 { 0, -1 }))
    end)
  end)

  describe("addresses", function()
    for text, hex in pairs {
      ["0.0.0.0"] = "00000000",
      ["255.255.255.255"] = "ffffffff",
      ["::"] = ("00"):rep(16),
      ["::1"] = ("00"):rep(15) .. "01",
      ["1:2:3:4:5:6:7:8"] = "00010002000300040005000600070008",
      ["::ffff:192.0.2.1"] = ("00"):rep(10) .. "ffffc0000201",
      ["fe80::"] = "fe80" .. ("00"):rep(14),
    } do
      it("read " .. text, function() assert.equal(hex, bsm.hex(bsm.address(text))) end)
    end

    for _, text in ipairs { "256.1.1.1", "1:2:3", "1:2:3:4:5:6:7:8:9", "::12345", "x" } do
      it("refuse " .. text, function() assert.has_error(function() bsm.address(text) end) end)
    end
  end)

  it("writes items of data in the sender's order when told to", function()
    assert.equal("210201022c010700", bsm.hex(bsm.data { print = "decimal", unit = "short", order = "little", 300, 7 }))
  end)

  it("writes the X tokens of Trusted Solaris 2.5 under their own numbers", function()
    assert.equal("7a0000000100000002", bsm.hex(bsm.xwindow { version = 3, 1, 2 }))
    assert.equal("7b00000001", bsm.hex(bsm.xclient { version = 3, 1 }))
  end)

  it("reads hex dumps with offsets", function()
    assert.equal("\x74\0\1", bsm.from_hex("0000: 74 00\n0010: 01\n"))
  end)
end)
