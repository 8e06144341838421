-- Those who have a key and mean ill: whatever they send, it costs their own connection, and no record comes of it.
local wire = require "core.wire"
local gss = require "core.gss"
local fake = require "spec.support.fake_sender"
local kdc = require "spec.support.kdc"
local process = require "spec.support.process"

local DB1 = "host/db1.example.net"

local function plain(sequence, record) return string.pack(">i8", sequence) .. record end

local function flipped(bytes, bit)
  local at = bit // 8 + 1
  return bytes:sub(1, at - 1) .. string.char(bytes:byte(at) ~ (1 << bit % 8)) .. bytes:sub(at + 1)
end

describe("core.wire kerberos_v5, before somebody who means ill,", function()
  local realm, keytab, r
  local peers = {}

  setup(function()
    realm = kdc.start()
    for name, value in pairs(realm.env) do wire.setenv(name, value) end
    realm:principal("audit/localhost", DB1)
    keytab = realm:keytab("audit.keytab", "audit/localhost")
    realm.db1 = realm:keytab("db1.keytab", DB1)
  end)
  teardown(function()
    for name in pairs(realm.env) do wire.setenv(name) end
    realm:stop()
  end)

  local function connect(context)
    local s = fake.connect { port = r:port(), pump = function() r:turn(0.01) end }
    s.context = context or assert(wire.initiator { keytab = realm.db1 })
    peers[#peers + 1] = s
    return s
  end

  local function login(context)
    local s = connect(context)
    s:write(fake.VERSION .. fake.frame(assert(s.context:step())))
    assert.equal("01", s:read_frame())
    local _, done = s.context:step((assert(s:read_frame())))
    assert.is_true(done)
    return s
  end

  -- All connections end, no record came of them, and the next sender is served.
  local function assert_fended_off(list)
    for _, s in ipairs(list) do
      assert.truthy(s:wait_end(10))
      s:close()
    end
    assert.same({}, r:take_records())
    assert.equal(0, r:counters().records)
    local s = login()
    s:write(fake.frame(assert(s.context:wrap(plain(1, "good")))))
    assert.is_true(s.context:verify(plain(1, "good"), s:read_frame():sub(9)))
    assert.equal(1, r:counters().connections)
  end

  before_each(function() wire.log("info") end)
  after_each(function()
    for _, s in ipairs(peers) do s:close() end
    peers = {}
    if r then r:close() end
    r = nil
    wire.log()
  end)

  for _, workers in ipairs { 0, 2 } do
    describe("with " .. workers .. " workers", function()
      before_each(function()
        r = assert(wire.open { listeners = { { address = "127.0.0.1", kerberos = 1 } }, keytab = keytab, settle = 1,
          workers = workers, max_frame_login = 16384 })
      end)

      it("takes no record of which one bit is another", function()
        local list = {}
        local size = #assert(login().context:wrap(plain(1, "x")))
        r:turn()
        peers[1]:close()
        for bit = 0, size * 8 - 1, 5 do
          local s = login()
          s:write(fake.frame(flipped(assert(s.context:wrap(plain(1, "x"))), bit)))
          list[#list + 1] = s
        end
        assert_fended_off(list)
      end)

      it("takes no record that was cut off, or nothing at all", function()
        local list = {}
        for size = 0, 66, 3 do
          local s = login()
          local token = assert(s.context:wrap(plain(1, "x")))
          assert.is_true(size < #token)
          s:write(fake.frame(token:sub(1, size)))
          list[#list + 1] = s
        end
        assert_fended_off(list)
      end)

      for what, forge in pairs {
        ["the record of another connection"] = function() return login().context:wrap(plain(1, "x")) end,
        ["a MIC"] = function(s) return s.context:mic(plain(1, "x")) end,
        ["a token that ends the context"] = function() return "\4\5\0\255\255\255\255\255" .. ("\0"):rep(24) end,
        ["a token that ends the context, of the older form"] = function()
          return "\x60\x23\6\9\x2a\x86\x48\x86\xf7\x12\1\2\2\1\2\0\0\xff\xff\xff\xff" .. ("\0"):rep(16)
        end,
        ["a token of the handshake"] = function() return assert(wire.initiator { keytab = realm.db1 }):step() end,
        ["a record in less than a sequence"] = function(s) return s.context:wrap "1234567" end,
      } do
        it("takes no record from " .. what, function()
          local s = login(what == "a MIC" and gss.peer(realm.db1, "mutual", "replay", "sequence") or nil)
          s:write(fake.frame(assert(forge(s))))
          for _, p in ipairs(peers) do
            if p ~= s then p:close() end
          end
          assert_fended_off { s }
        end)
      end

      it("takes no receipt of its own for a record", function()
        local s = login()
        s:write(fake.frame(assert(s.context:wrap(plain(1, "x")))))
        local ack = s:read_frame()
        assert.equal(1, #r:take_records())
        s:write(fake.frame(ack:sub(9)))
        assert.truthy(s:wait_end())
        assert.equal(1, r:counters().records)
      end)

      local function try(token)
        local s = connect()
        s:write(fake.VERSION .. fake.frame(token))
        return s
      end

      it("lets nobody in by a first token of which a bit is another where it counts, or that is cut off", function()
        local list = {}
        local token = assert(wire.initiator { keytab = realm.db1 }):step()
        local sealed = 160 * 8 -- bits; the ticket's and the authenticator's secret parts lie behind
        for bit = sealed, #token * 8 - 1, 101 do list[#list + 1] = try(flipped(token, bit)) end
        for size = 0, #token - 1, 61 do list[#list + 1] = try(token:sub(1, size)) end
        assert_fended_off(list)
        assert.equal(1, r:counters().authenticated)
      end)

      it("knows a sender by its true name whatever was changed in front of its ticket", function()
        for bit = 0, 160 * 8, 11 do try(flipped(assert(wire.initiator { keytab = realm.db1 }):step(), bit)) end
        process.until_true("all logins", function()
          r:turn(0.01)
          local c = r:counters()
          return c.logins == 0 and c.accepted == #peers
        end)
        for _, event in ipairs(r:take_events()) do assert.equal("db1.example.net", event.sender) end
      end)

      it("refuses first tokens that are too long, or of SPNEGO", function()
        local long, spnego = connect(), connect(gss.peer(realm.db1, "mutual", "replay", "sequence", "spnego"))
        long:write(fake.VERSION .. string.pack(">I4", 16385))
        assert.truthy(long:wait_end())
        spnego:write(fake.VERSION .. fake.frame(assert(spnego.context:step())))
        assert.truthy(spnego:wait_end())
        local c = r:counters()
        assert.same({ 1, 1, 0 }, { c.refused_protocol, c.refused_mechanism, c.authenticated })
      end)

      it("serves a sender that hands over a ticket of its own, and keeps none", function()
        realm:configure { more = "forwardable = true" }
        finally(function() realm:configure() end)
        local s = connect(gss.peer(realm.db1, "mutual", "replay", "sequence", "delegation"))
        s:write(fake.VERSION .. fake.frame(assert(s.context:step())))
        assert.equal("01", s:read_frame())
        assert.truthy(s:read_frame())
        assert.equal(1, r:counters().authenticated)
      end)
    end)
  end

  it("writes nothing of what it was sent into the log unquoted", function()
    r = assert(wire.open { listeners = { { address = "127.0.0.1", kerberos = 1 } }, keytab = keytab })
    local s = fake.connect { port = r:port(), pump = function() r:turn(0.01) end }
    peers[#peers + 1] = s
    s:write(fake.frame "01\n2026-01-01T00:00:00Z level=info event=connected sender=root")
    assert.truthy(s:wait_end())
    local log = ""
    process.until_true("its refusal", function()
      r:turn(0.01)
      log = log .. wire.log()
      return log:find("event=refused", 1, true)
    end)
    assert.is_nil(log:find("\n2026-01-01", 1, true))
  end)
end)
