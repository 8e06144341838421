local build = require "spec.support.bsm_build"
local decode = require "spec.support.bsm_decode"

local PEER = "198.51.100.7"

local function terminal(token, options, version)
  return decode.token(token, version, options).subject.terminal
end

---Of a raw 64-bit port word.
local function wide(port, options, ip)
  local subject = build.subject64 {}
  return terminal(subject:sub(1, 29) .. string.pack(">i8", port) .. build.in_addr(ip or PEER):sub(2), options)
end

---Of a raw 32-bit one.
local function narrow(port, options, ip, version)
  local subject = build.subject32 {}
  return terminal(subject:sub(1, 29) .. string.pack(">I4", port) .. build.in_addr(ip or PEER):sub(2), options, version)
end

local sparc = { natural_ports = true }

describe("a terminal", function()
  local login = { ip = PEER, local_port = 22, remote_port = 51234 }
  local function guessed(t, port_id)
    local copy = { port_id = port_id }
    for name, value in pairs(t) do copy[name] = value end
    return copy
  end

  it("of a 64-bit login program, on x86 and on SPARC", function()
    assert.same(login, wide(0x22C81600))
    assert.same(login, wide(51234 << 16 | 22, sparc))
    assert.same({ ip = PEER, local_port = 22, remote_port = 51330 }, wide(0xFFFFFFFF << 32 | 0x82C81600))
  end)

  it("of the other byte order shows it by a known service only", function()
    assert.same(login, wide(51234 << 16 | 22))
    assert.same(login, wide(0x22C81600, sparc))
    assert.same({ ip = PEER, local_port = 0x401F, remote_port = 1 }, wide(0x01001F40))
  end)

  it("of a 32-bit login program under a 64-bit kernel, told from a device by its service", function()
    assert.same(guessed(login, "000008B200001600"), wide(0x8B2 << 32 | 0x1600))
    local n = 51234 << 16 | 22
    assert.same(guessed(login, ("%08X%08X"):format(n >> 18, n & 0x3FFFF)), wide((n >> 18) << 32 | n & 0x3FFFF, sparc))
    assert.same({ ip = PEER, dev = 0x8B2 << 32 | 0x1F90, major = 0x8B2, minor = 0x1F90 }, wide(0x8B2 << 32 | 0x1F90))
  end)

  it("of a service of one's own, if configured", function()
    local n = 0x22C8 << 16 | 0x901F
    local port = (n >> 18) << 32 | n & 0x3FFFF
    assert.equal(51234, wide(port, { services = { 8080 } }).remote_port)
    assert.equal(8080, wide(port, { services = { 8080 } }).local_port)
    assert.is_nil(wide(port).local_port)
  end)

  it("of Solaris 11.4 has both ports as they are", function()
    assert.same({ ip = PEER, local_port = 22, remote_port = 44394 }, wide(44394 << 32 | 22))
    assert.same({ ip = PEER, local_port = 4444, remote_port = 65535 }, wide(65535 << 32 | 4444))
    assert.same({ ip = PEER, local_port = 22, remote_port = 1023, port_id = "000003FF00000016" }, wide(1023 << 32 | 22))
  end)

  it("that is a device has major and minor, and the address where there is one", function()
    assert.same({ ip = PEER, dev = 24 << 32 | 3, major = 24, minor = 3 }, wide(24 << 32 | 3))
    assert.same({ dev = 24 << 32 | 3, major = 24, minor = 3 }, wide(24 << 32 | 3, nil, "0.0.0.0"))
    assert.same({ dev = 5, major = 0, minor = 5 }, wide(5, nil, "0.0.0.0"))
    assert.same({ dev = 0xFFFFFFFE << 32 | 7, major = 0xFFFFFFFE, minor = 7 }, wide(0xFFFFFFFE << 32 | 7, nil,
      "0.0.0.0"))
  end)

  it("that is none", function()
    assert.same({ port_id = "0000000000000000" }, wide(0, nil, "0.0.0.0"))
    assert.same({ ip = PEER }, wide(0))
    assert.same({ port_id = "FFFFFFFFFFFFFFFF" }, wide(-1, nil, "0.0.0.0"))
    assert.same({ ip = PEER, port_id = "FFFFFFFF" }, narrow(0xFFFFFFFF))
    assert.same({ port_id = "00000000" }, narrow(0, nil, "0.0.0.0"))
  end)

  it("in 32 bits is a login or a device, as its service says", function()
    assert.same(guessed(login, "22C81600"), narrow(0x22C81600))
    assert.same({ ip = PEER, local_port = 513, remote_port = 1023, port_id = "03FF0201" }, narrow(0x03FF0201, sparc))
    assert.same({ ip = PEER, local_port = 22, remote_port = 51144, port_id = "C8C71600" }, narrow(0xC8C71600))
    assert.same({ ip = PEER, dev = 24 << 18 | 3, major = 24, minor = 3 }, narrow(24 << 18 | 3))
    assert.same({ ip = PEER, dev = 22, major = 0, minor = 22 }, narrow(22))
  end)

  it("may be far away on IPv6", function()
    assert.same({ ip = "2001:db8::7", local_port = 22, remote_port = 51234 },
      terminal(build.subject64_ex { terminal = { ip = "2001:db8::7", local_port = 22, remote_port = 51234 } }))
    assert.same({ ip = "192.0.2.9", local_port = 22, remote_port = 51234 },
      terminal(build.subject64_ex { terminal = { ip = "192.0.2.9", local_port = 22, remote_port = 51234 } }))
  end)

  it("of OpenBSM has the peer's port, natural", function()
    assert.same({ ip = PEER, remote_port = 51234 }, narrow(51234, nil, nil, 11))
    assert.same({ ip = PEER }, narrow(0, nil, nil, 11))
    assert.same({ port_id = "03000002" }, narrow(0x03000002, nil, "0.0.0.0", 11))
    assert.same({ port_id = "0000000B" }, narrow(11, nil, "0.0.0.0", 11))
    assert.same({ ip = PEER, port_id = "03000002" }, narrow(0x03000002, nil, nil, 11))
    assert.same({ port_id = "00000000" }, narrow(0, nil, "0.0.0.0", 11))
  end)
end)
