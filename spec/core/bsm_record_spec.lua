local build = require "spec.support.bsm_build"
local decode = require "spec.support.bsm_decode"
local vectors = require "spec.fixtures.vectors"

local R1, R2 = vectors.R1, vectors.R2

describe("a record", function()
  it("R1: an execve with everything that policies can add", function()
    assert.same({
      time = "2023-11-14T22:13:20.250000001Z", version = 2, event = "execve", event_id = 23, sequence = 4711,
      zonename = "global", ["return"] = 0, errno = "0", outcome = "success",
      subject = {
        audit_id = 1001, uid = 1001, gid = 10, ruid = 1001, rgid = 10, pid = 20011, session_id = 2718281828,
        terminal = { ip = "198.51.100.7", local_port = 22, remote_port = 51234 },
      },
      path = "/usr/bin/ls",
      attributes = {
        mode_octal = "100555", uid = 0, gid = 2, fsid = 65538, inode_hex = "0000000000001073", devid = "-1",
        type = "s_ifreg",
      },
      exec_args = { "ls", "-l", "/tmp" },
    }, decode.document(R1))
  end)

  it("R2: a failed login, which only the return token tells", function()
    assert.same({
      time = "2023-11-14T22:14:20.000000007Z", version = 2, event = "ssh", event_id = 6172, host_ip = "2001:db8:1::10",
      zonename = "web-01", ["return"] = 2009, errno = "failure", outcome = "failure",
      failure = { code = 2009, name = "pam_auth_err", text = "authentication failed" },
      subject = {
        audit_id = -1, uid = -1, gid = -1, ruid = -1, rgid = -1, pid = 812, session_id = 3605551275,
        terminal = { ip = "2001:db8:2::beef", local_port = 22, remote_port = 52840 },
      },
      text = { "Authentication failed" },
    }, decode.document(R2))
  end)

  it("R3: OpenBSM, with milliseconds and its own error numbers", function()
    assert.same({
      time = "2023-11-14T22:13:20.250000000Z", version = 11, event = "connect", event_id = 32, ["return"] = -1,
      errno = "econnrefused", outcome = "failure", args = { fd = 5 },
      socket = { family = "af_inet", ip = "203.0.113.9", port = 443 },
      subject = {
        audit_id = 1001, uid = 1001, gid = 1001, ruid = 1001, rgid = 1001, pid = 1768, session_id = 1768,
        terminal = { ip = "192.0.2.134", remote_port = 47194 },
      },
    }, decode.document(vectors.R3))
  end)

  it("R4: a boot, without subject and return", function()
    assert.same({
      time = "2023-11-14T21:13:20.000000000Z", version = 2, event = "systemboot", event_id = 113, modifier = { "na" },
      outcome = "unknown", text = { "booting kernel" },
    }, decode.document(vectors.R4))
  end)

  it("R5: a failed setppriv, with the set before and after", function()
    assert.same({
      time = "2023-11-14T22:13:20.999999999Z", version = 2, event = "setppriv", event_id = 289, modifier = { "fe" },
      host_ip = "192.0.2.25", ["return"] = -1, errno = "eperm", outcome = "failure", args = { op = "priv_set" },
      privs = { Permitted = "ALL" }, privs_before = { Permitted = "file_link_any,proc_exec" },
      subject = {
        audit_id = 1001, uid = 1001, gid = 10, ruid = 1001, rgid = 10, pid = 5005, session_id = 9,
        terminal = { ip = "192.0.2.25", dev = 0x1800000003, major = 24, minor = 3 },
      },
    }, decode.document(vectors.R5))
  end)
end)

describe("a damaged record", function()
  it("D1: cut off, shows what is there, and nothing beyond", function()
    local doc = decode.document(build.cut(R1, 1))
    assert.equal("incomplete: record length 163, 162 bytes are there at byte 1; "
      .. "token 0x13 runs past the end of the record at byte 156", doc.damaged)
    assert.equal(0x13, doc.unknown_token)
    assert.equal("13b105000000", doc.unknown_hex)
    assert.equal(4711, doc.sequence)
    assert.equal("global", doc.zonename)
  end)

  it("D2: with a length of 0 is rejected", function()
    local bytes = build.with_length(R1, 0)
    local doc = decode.document(bytes)
    assert.same({
      event = "undecodable", damaged = "record length 0 is smaller than its header of 26 at byte 1",
      unknown_token = 0x74, undecoded_hex = build.hex(bytes),
    }, doc)
  end)

  it("D3: with a length of 4 GiB is rejected, or with any above the configured maximum", function()
    local doc = decode.document(build.with_length(R1, 0xFFFFFFFF))
    assert.equal("undecodable", doc.event)
    assert.equal("record length 4294967295 is larger than the maximum of 8388608 at byte 1", doc.damaged)
    assert.equal("undecodable", decode.document(R1, { max = 162 }).event)
    assert.equal("execve", decode.document(R1, { max = 163 }).event)
  end)

  it("D4: with a path that runs past its end has the tokens before, and the rest as bytes", function()
    local bytes = build.patch(R1, 27, "\xFF\xFF")
    assert.same({
      time = "2023-11-14T22:13:20.250000001Z", version = 2, event = "execve", event_id = 23, outcome = "unknown",
      damaged = "token 0x23 runs past the end of the record at byte 26", unknown_token = 0x23,
      unknown_hex = build.hex(bytes:sub(27)),
    }, decode.document(bytes))
  end)

  it("D5: with a count of 4 billion strings has those that are there", function()
    local doc = decode.document(build.patch(R1, 75, "\xFF\xFF\xFF\xFF"))
    assert.same({ "ls", "-l", "/tmp" }, table.move(doc.exec_args, 1, 3, 1, {}))
    assert.equal("/usr/bin/ls", doc.path)
    assert.truthy(doc.damaged:find("strings run past the end of the record: 4294967295 announced", 1, true))
  end)

  it("D6: with an unknown token keeps the rest from there", function()
    local bytes = build.patch(R1, 26, "\x37")
    local doc = decode.document(bytes)
    assert.equal(0x37, doc.unknown_token)
    assert.equal(build.hex(bytes:sub(27)), doc.unknown_hex)
    assert.is_nil(doc.damaged)
    assert.is_nil(doc.subject)
  end)

  it("D7: with a bad trailer magic is decoded, and flagged", function()
    local doc, whole = decode.document(build.patch(R1, 157, "\0\0")), decode.document(R1)
    assert.equal("bad trailer magic at byte 157", doc.damaged)
    doc.damaged = nil
    assert.same(whole, doc)
  end)

  it("D8: with another length in its trailer is decoded, and flagged", function()
    local doc, whole = decode.document(build.patch(R1, 159, "\0\0\0\xa4")), decode.document(R1)
    assert.equal("trailer length differs from header length (164, 163) at byte 159", doc.damaged)
    doc.damaged = nil
    assert.same(whole, doc)
  end)

  it("D9: that begins with something else is no record", function()
    local bytes = build.patch(R1, 0, "\x7a")
    assert.same({
      event = "undecodable", damaged = "0x7a does not begin a record at byte 0", unknown_token = 0x7a,
      undecoded_hex = build.hex(bytes),
    }, decode.document(bytes))
  end)

  it("D10: with another one behind it is one record, and surplus bytes", function()
    local doc, whole = decode.document(R1 .. R1), decode.document(R1)
    assert.equal("surplus data: 163 bytes follow the record at byte 163", doc.damaged)
    assert.equal(build.hex(R1), doc.unknown_hex)
    doc.damaged, doc.unknown_hex = nil, nil
    assert.same(whole, doc)
  end)

  it("D11: with an invalid address type in its header cannot be placed in time", function()
    local bytes = build.patch(R2, 10, "\0\0\0\5")
    assert.same({
      event = "undecodable", damaged = "invalid address type 5 in the header at byte 10", unknown_token = 0x79,
      undecoded_hex = build.hex(bytes),
    }, decode.document(bytes))
  end)

  it("may be empty, or shorter than a header", function()
    assert.same({ event = "undecodable", damaged = "no bytes", undecoded_hex = "" }, decode.document "")
    local doc = decode.document(R1:sub(1, 25))
    assert.equal("undecodable", doc.event)
    assert.equal("the header runs past the end at byte 25", doc.damaged)
  end)

  it("may hold a header or a file token", function()
    for token, id in pairs { [build.file32 { time = { 0, 0 } }] = 0x11, [R1] = 0x74 } do
      local doc = decode.record { build.path "/a", token }
      assert.equal("/a", doc.path)
      assert.equal(id, doc.unknown_token)
      assert.equal(("token 0x%02x inside a record at byte 32"):format(id), doc.damaged)
    end
  end)

  it("may go on behind its trailer, and is read on", function()
    local doc = decode.record { build.path "/a", build.trailer(26 + 6 + 7 + 5), build.seq(3) }
    assert.equal("tokens after the trailer at byte 39", doc.damaged)
    assert.equal(3, doc.sequence)
  end)

  it("may have texts without a NUL, or of no length at all", function()
    local doc = decode.record { build.text { "no nul", nul = false }, build.text { "", nul = false }, build.text "" }
    assert.same({ "no nul", "", "" }, doc.text)
    assert.is_nil(doc.damaged)
  end)

  it("may have too many tokens: the rest is kept as bytes", function()
    local doc = decode.record { build.iport(7):rep(65536), build.iport(8), build.zonename "lost" }
    assert.equal(65536, #doc.iport)
    assert.equal(0x2C, doc.unknown_token)
    assert.equal(build.hex(build.iport(8) .. build.zonename "lost"), doc.unknown_hex)
    assert.equal("more than 65536 tokens at byte 196634", doc.damaged)
  end)
end)

describe("a header", function()
  for form, host in pairs { header32 = false, header64 = false, header32_ex = "192.0.2.25",
    header64_ex = "2001:db8::25" } do
    for _, version in ipairs { 1, 2, 3, 4, 10, 11 } do
      it(("may be a %s of version %d"):format(form, version), function()
        local doc = decode.record {
          form = form, host = host or nil, version = version, event = 1, time = { 1700000000, 7 }, build.text "a",
        }
        local openbsm = version == 1 or version >= 10
        assert.same({
          time = openbsm and "2023-11-14T22:13:20.007000000Z" or "2023-11-14T22:13:20.000000007Z",
          version = version, event = "exit", event_id = 1, outcome = "unknown", host_ip = host or nil, text = { "a" },
        }, doc)
      end)
    end
  end

  it("of an unknown version is read like one of Solaris, and flagged", function()
    local doc = decode.record { version = 77, event = 23, build.text "a" }
    assert.equal("execve", doc.event)
    assert.equal("unknown header version 77 at byte 5", doc.damaged)
  end)

  it("has modifiers, the unknown ones in hex", function()
    local function modifier(bits, version)
      return decode.record({ version = version, modifier = bits }).modifier
    end
    assert.same({ "rd", "wr", "sp", "fp", "na", "fe" }, modifier(0xC183))
    assert.same({ "wr", "0x3c" }, modifier(0x003E))
    assert.same({ "na", "fe" }, modifier(0xC000, 11))
    assert.same({ "na", "0x3" }, modifier(0x4003, 11))
    assert.is_nil(modifier(0))
  end)

  it("of an IPv4-mapped address has it in its IPv4 form", function()
    assert.equal("192.0.2.1", decode.record({ host = "::ffff:192.0.2.1" }).host_ip)
  end)
end)

describe("the time of a record", function()
  local function time(seconds, fraction, t)
    t = t or {}
    t.time = { seconds, fraction }
    local doc = decode.record(t)
    return doc.time, doc.damaged
  end

  for _, case in ipairs {
    { 0, 0, "1970-01-01T00:00:00.000000000Z" },
    { 951782400, 1, "2000-02-29T00:00:00.000000001Z" },
    { 1700000000, 999999999, "2023-11-14T22:13:20.999999999Z" },
    { 4294967295, 5, "2106-02-07T06:28:15.000000005Z", "header32" },
    { 2147483648, 0, "2038-01-19T03:14:08.000000000Z", "header32" },
    { 253402300799, 0, "9999-12-31T23:59:59.000000000Z" },
  } do
    it("is " .. case[3], function()
      local text, damaged = time(case[1], case[2], { form = case[4] })
      assert.equal(case[3], text)
      assert.is_nil(damaged)
    end)
  end

  it("keeps its seconds when the fraction is out of range", function()
    for _, case in ipairs {
      { 1000000000, 2, "header64", 18 }, { 0xFFFFFFFF, 2, "header32", 14 }, { 1000, 11, "header32", 14 },
      { 4000000000, 10, "header64", 18 },
    } do
      local text, damaged = time(1700000000, case[1], { version = case[2], form = case[3], event = 1 })
      assert.equal("2023-11-14T22:13:20.000000000Z", text)
      assert.equal(("fraction of the time out of range: %d at byte %d"):format(case[1], case[4]), damaged)
    end
  end)

  it("may be out of range, and is said to be", function()
    for _, seconds in ipairs { 253402300800, -1, math.mininteger, math.maxinteger } do
      local text, damaged = time(seconds, 0)
      assert.truthy(text:match "^%-?%d+%-%d%d%-%d%dT%d%d:%d%d:%d%d%.000000000Z$", text)
      assert.equal(("time out of range: %d seconds at byte 10"):format(seconds), damaged)
    end
  end)
end)

describe("what comes from the stream", function()
  local origin = { from = "192.0.2.200", host = "web1.example.org", principal = "host/web1.example.org@EXAMPLE.ORG",
    received = 1700000001000000002, sequence = 42 }

  it("stands beside the record", function()
    local doc = decode.document(R1, { origin = origin })
    assert.equal("192.0.2.200", doc.from)
    assert.equal("web1.example.org", doc.host)
    assert.equal("host/web1.example.org@EXAMPLE.ORG", doc.principal)
    assert.equal("2023-11-14T22:13:21.000000002Z", doc.received)
    assert.equal(42, doc.sender_sequence)
    assert.equal("2023-11-14T22:13:20.250000001Z", doc.time)
  end)

  it("gives the time to what has none of its own", function()
    local doc = decode.document("garbage", { origin = origin })
    assert.equal("2023-11-14T22:13:21.000000002Z", doc.time)
    assert.equal("undecodable", doc.event)
    assert.equal("676172626167" .. "65", doc.undecoded_hex)
  end)

  it("has no host where nobody was authenticated", function()
    local doc = decode.document(R1, { origin = { from = "::1", received = 0, sequence = 0 } })
    assert.is_nil(doc.host)
    assert.is_nil(doc.principal)
    assert.equal("1970-01-01T00:00:00.000000000Z", doc.received)
    assert.equal(0, doc.sender_sequence)
  end)
end)
