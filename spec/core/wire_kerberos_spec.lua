-- kerberos_v5 in the room itself: a receiver and senders of this process, and a KDC that is started for them.
local wire = require "core.wire"
local gss = require "core.gss"
local fake = require "spec.support.fake_sender"
local kdc = require "spec.support.kdc"
local process = require "spec.support.process"

local DB1, DB2 = "host/db1.example.net", "host/db2.example.net"

-- A peer that speaks kerberos_v5 step by step, so that a spec can spoil each of them.
local function krb_peer(r, options)
  options = options or {}
  local s = fake.connect { port = r:port(), pump = function() r:turn(0.01) end }
  s.context = options.context or assert(wire.initiator(options))
  return s
end

local function login(s, spoil)
  s:write(fake.VERSION)
  if s:read_frame() ~= "01" then return nil, "no version" end
  local token = assert(s.context:step())
  s.first_token = token
  s:write(fake.frame(spoil and spoil(token) or token))
  local answer, why = s:read_frame(5)
  if not answer then return nil, why end
  local _, done = s.context:step(answer)
  return done, done
end

local function plain(sequence, record) return string.pack(">i8", sequence) .. record end

describe("core.wire kerberos_v5", function()
  local realm, keytab, r
  local peers = {}

  setup(function()
    realm = kdc.start()
    for name, value in pairs(realm.env) do wire.setenv(name, value) end
    realm:principal("audit/localhost", "audit/elsewhere.example.net", "http/localhost", DB1, DB2)
    keytab = realm:keytab("audit.keytab", "audit/localhost", "http/localhost")
    realm.db1 = realm:keytab("db1.keytab", DB1)
    realm.db2 = realm:keytab("db2.keytab", DB2)
  end)
  teardown(function()
    for name in pairs(realm.env) do wire.setenv(name) end
    realm:stop()
  end)

  local function open(settings)
    local all = { listeners = { { address = "127.0.0.1", kerberos = 1 } }, keytab = keytab, settle = 1 }
    for k, v in pairs(settings or {}) do all[k] = v end
    r = assert(wire.open(all))
    return r
  end

  local function connect(options)
    options = options or {}
    options.keytab = options.keytab or realm.db1
    local s = krb_peer(r, options)
    peers[#peers + 1] = s
    return s
  end

  local function turn_until(what, question)
    process.until_true(what, function()
      r:turn(0.01)
      return question()
    end)
  end

  local function logged(...)
    local log = ""
    local texts = { ... }
    turn_until("the log to hold " .. table.concat(texts, ", "), function()
      log = log .. wire.log()
      for _, text in ipairs(texts) do
        if not log:find(text, 1, true) then return false end
      end
      return true
    end)
    return log
  end

  before_each(function() wire.log("info") end)
  after_each(function()
    for _, s in ipairs(peers) do s:close() end
    peers = {}
    if r then r:close() end
    r = nil
    wire.setenv("KRB5CCNAME", realm.env.KRB5CCNAME)
    wire.log()
  end)

  for _, workers in ipairs { 0, 2 } do
    describe("with " .. workers .. " workers", function()
      it("takes records of a sender that has a key, under the name that it has proved", function()
        open { workers = workers }
        local records = {}
        for i = 1, 1000 do records[i] = ("record %d %s"):format(i, ("x"):rep(i)) end
        local acked, counters = wire.send { port = r:port(), host = "localhost", mech = "kerberos_v5",
          keytab = realm.db1, records = records, turn = function() r:turn(0.001) end }
        assert.equal(1000, #acked)
        for i = 1, 1000 do assert.equal(i, acked[i]) end
        assert.equal(1, counters.connections)
        local got = r:take_records()
        for i = 1, 1000 do assert.same({ i, records[i] }, { got[i].sequence, got[i].bytes }) end
        local arrived = r:take_events()[1]
        assert.same({ "arrived", "127.0.0.1", "db1.example.net", "db1.example.net", DB1 .. "@EXAMPLE.NET" },
          { arrived.what, arrived.from, arrived.sender, arrived.host, arrived.principal })
      end)

      it("lets in whom the owner knows, under the name that the owner gives", function()
        open { workers = workers, admit = function(principal, host, from, mechanism)
          assert.same({ DB1 .. "@EXAMPLE.NET", "db1.example.net", "127.0.0.1", "kerberos_v5" },
            { principal, host, from, mechanism })
          return "the first", "db1"
        end }
        assert.is_true(login(connect()))
        turn_until("it to arrive", function() return r:counters().authenticated == 1 end)
        local arrived = r:take_events()[1]
        assert.same({ "the first", "db1" }, { arrived.sender, arrived.host })
      end)

      it("refuses a principal that may not send, and takes nothing from it", function()
        open { workers = workers, admit = function() return nil, "it is not on the list" end }
        local s = connect()
        login(s)
        s:write(fake.frame(fake.token(plain(1, "a"))))
        assert.truthy(s:wait_end())
        logged("event=refused from=127.0.0.1", "host/db1.example.net@EXAMPLE.NET: it is not on the list")
        local c = r:counters()
        assert.same({ 1, 0, 0, 0 }, { c.refused_principal, c.authenticated, c.records, c.connections })
        assert.same({}, r:take_events())
      end)

      it("refuses somebody without a ticket", function()
        open { workers = workers }
        local s = fake.connect { port = r:port(), pump = function() r:turn(0.01) end }
        peers[#peers + 1] = s
        s:write(fake.VERSION)
        s:write(fake.frame(fake.token("\1\0no ticket", "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")))
        assert.truthy(s:wait_end())
        logged("event=refused", "it is no token of kerberos_v5")
        assert.equal(1, r:counters().refused_mechanism)
      end)

      for name, binding in pairs { ["other"] = "0201", ["no"] = "" } do
        it("refuses a context with " .. name .. " channel bindings", function()
          open { workers = workers }
          local s = connect { binding = binding }
          login(s)
          assert.truthy(s:wait_end())
          logged("event=refused", "channel bindings")
          assert.equal(0, r:counters().authenticated)
        end)
      end

      it("refuses the first token of somebody else, played back", function()
        open { workers = workers }
        local s = connect()
        assert.is_true(login(s))
        local thief = connect()
        login(thief, function() return s.first_token end)
        assert.truthy(thief:wait_end())
        logged("event=refused", "this token was used before")
        assert.equal(1, r:counters().authenticated)
      end)

      it("does not take a record that is played back, and keeps its sender", function()
        open { workers = workers }
        local s = connect()
        assert.is_true(login(s))
        local first = fake.frame(assert(s.context:wrap(plain(1, "a"))))
        s:write(first .. first .. fake.frame(assert(s.context:wrap(plain(2, "b")))))
        local ack1, ack2 = s:read_frame(), s:read_frame()
        assert.is_true(s.context:verify(plain(1, "a"), ack1:sub(9)))
        assert.is_true(s.context:verify(plain(2, "b"), ack2:sub(9)))
        assert.equal(2, #r:take_records())
        local c = r:counters()
        assert.same({ 1, 2, 2, 1 }, { c.duplicate_tokens, c.records, c.acknowledged, c.connections })
        logged("event=token_seen_before sender=db1.example.net")
      end)

      it("counts a record that was held back on the way, takes what follows, and refuses it when it is old", function()
        open { workers = workers }
        local s = connect()
        assert.is_true(login(s))
        local held = fake.frame(assert(s.context:wrap(plain(1, "held"))))
        for i = 2, 101 do s:write(fake.frame(assert(s.context:wrap(plain(i, "x"))))) end
        s:write(held)
        turn_until("all of them", function() return r:counters().duplicate_tokens == 1 end)
        local c = r:counters()
        assert.same({ 1, 100, 1 }, { c.gap_tokens, c.records, c.connections })
      end)

      it("breaks with a record that was changed on the way, when all before it is acknowledged", function()
        open { workers = workers }
        local s = connect()
        assert.is_true(login(s))
        local good = assert(s.context:wrap(plain(1, "good")))
        local bad = assert(s.context:wrap(plain(2, "bad, in the end")))
        bad = bad:sub(1, -2) .. string.char(bad:byte(-1) ~ 1)
        s:write(fake.frame(good) .. fake.frame(bad) .. fake.frame(assert(s.context:wrap(plain(3, "after")))))
        assert.is_true(s.context:verify(plain(1, "good"), s:read_frame():sub(9)))
        assert.is_nil(s:read_frame(5))
        logged("event=protocol_broken", "sender=db1.example.net", "it was changed on the way")
        assert.same({ 1, 1 }, { r:counters().refused_protocol, r:counters().records })
      end)

      it("reads its keytab again when that changes, and keeps the old keys when the new file is not fit", function()
        local own = realm:keytab("changing.keytab", "audit/localhost")
        open { workers = workers, keytab = own }
        assert.is_true(login(connect()))
        logged("event=keytab_read", "services=audit/localhost@EXAMPLE.NET")
        process.write(own, "no keytab")
        assert.is_true(login(connect()))
        logged("event=keytab_not_read", "cannot be read", "stay in use")
        os.remove(own)
        assert.is_true(login(connect()))
        logged("event=keytab_not_read", "No such file")
        realm:change_key "audit/localhost"
        local late = connect()
        login(late)
        assert.truthy(late:wait_end())
        logged("event=refused", "export the keys of audit/HOST to the keytab again")
        realm:keytab("changing.keytab", "audit/localhost")
        realm:keytab("audit.keytab", "audit/localhost")
        assert.is_true(login(connect()))
        logged("event=keytab_read", "services=audit/localhost@EXAMPLE.NET")
      end)

      it("says what to do about a ticket for another name", function()
        local other = realm:keytab("elsewhere.keytab", "audit/elsewhere.example.net")
        open { workers = workers, keytab = other }
        local s = connect()
        login(s)
        assert.truthy(s:wait_end())
        logged("event=refused", "a service that our keytab has no key for", "p_hosts")
      end)

      it("takes a record above the limit whole, keeps its head, and acknowledges all of it", function()
        open { workers = workers, max_frame = 10000, kept_head = 100 }
        local long = ("0123456789"):rep(300000)
        local acked = wire.send { port = r:port(), host = "localhost", mech = "kerberos_v5", keytab = realm.db1,
          records = { "before", long, "after" }, turn = function() r:turn(0.001) end }
        assert.same({ 1, 2, 3 }, acked)
        local got = r:take_records()
        assert.same({ 3000000, long:sub(1, 100) }, { got[2].full_size, got[2].bytes })
        assert.equal(1, r:counters().too_long)
      end)

      it("waits with records that find no memory, and loses and doubles none", function()
        open { workers = workers }
        local records = {}
        for i = 1, 200 do records[i] = "record " .. i end
        local turns = 0
        local acked, counters = wire.send { port = r:port(), host = "localhost", mech = "kerberos_v5",
          keytab = realm.db1, records = records, turn = function()
            turns = turns + 1
            if turns % 10 == 1 and turns < 60 then r:set { refuse = 2 } end
            r:turn(0.005)
          end }
        assert.equal(200, #acked)
        assert.equal(1, counters.connections)
        local got = r:take_records()
        for i = 1, 200 do assert.equal(records[i], got[i].bytes) end
        assert.is_true(r:counters().held_reading > 0)
      end)

      it("serves 50 senders at once, and none waits for one that stops in the middle of its handshake", function()
        open { workers = workers, login_grace_time = 60 }
        local idle = connect()
        idle:write(fake.VERSION)
        assert.equal("01", idle:read_frame())
        local token = idle.context:step()
        idle:write(fake.frame(token):sub(1, 100))
        local senders = {}
        for i = 1, 50 do senders[i] = connect { keytab = i % 2 == 0 and realm.db1 or realm.db2 } end
        for _, s in ipairs(senders) do assert.is_true(login(s)) end
        for i, s in ipairs(senders) do
          local frames = {}
          for n = 1, 20 do frames[n] = fake.frame(assert(s.context:wrap(plain(n, i .. " " .. n)))) end
          s:write(table.concat(frames))
        end
        for i, s in ipairs(senders) do
          for n = 1, 20 do
            local ack = assert(s:read_frame())
            assert.equal(n, string.unpack(">i8", ack))
            assert.is_true(s.context:verify(plain(n, i .. " " .. n), ack:sub(9)))
          end
        end
        assert.equal(1000, r:counters().records)
        assert.equal(51, r:counters().connections)
        assert.is_nil(idle.ended)
      end)

      it("takes all that a sender sent before it went away", function()
        open { workers = workers }
        local s = connect()
        assert.is_true(login(s))
        local frames = {}
        for n = 1, 500 do frames[n] = fake.frame(assert(s.context:wrap(plain(n, "last words " .. n)))) end
        s:write(table.concat(frames))
        s.socket:shutdown "send"
        turn_until("all of it", function() return r:counters().records == 500 end)
        turn_until("its end", function() return r:counters().connections == 0 end)
        assert.equal(500, r:counters().acknowledged)
      end)

      it("stops in order while records are on the way", function()
        open { workers = workers, linger = 2 }
        local s = connect()
        assert.is_true(login(s))
        local frames = {}
        for n = 1, 500 do frames[n] = fake.frame(assert(s.context:wrap(plain(n, "x")))) end
        s:write(table.concat(frames))
        r:stop()
        for n = 1, 500 do assert.equal(n, string.unpack(">i8", (assert(s:read_frame())))) end
        assert.truthy(s:wait_end())
        s:close()
        turn_until("the end", function() return r:turn(0.01) end)
        assert.same({ 500, 500 }, { r:counters().records, r:counters().acknowledged })
      end)

      it("closes at any moment, with work that is not done and records that are not settled", function()
        for i = 0, 5 do
          open { workers = workers, settle = 0 }
          local s = connect()
          assert.is_true(login(s))
          local frames = {}
          for n = 1, 2000 do frames[n] = fake.frame(assert(s.context:wrap(plain(n, "x")))) end
          s:write(table.concat(frames))
          for _ = 1, i do r:turn() end
          local records = r:take_records()
          r:turn()
          if i % 2 == 1 then
            s:close()
            r:turn()
          end
          for _, record in ipairs(r:take_records()) do records[#records + 1] = record end
          local receiver = r
          receiver:close()
          receiver:settle_after(records)
        end
      end)

      it("serves a principal that is connected already, and has doubts about the older connection", function()
        open { workers = workers }
        local old, new = connect(), connect()
        assert.is_true(login(old))
        assert.is_true(login(new))
        for _, s in ipairs { old, new } do
          s:write(fake.frame(assert(s.context:wrap(plain(1, "x")))))
          assert.equal(1, string.unpack(">i8", (assert(s:read_frame()))))
        end
        logged("event=connected_again sender=db1.example.net")
        assert.equal(2, r:counters().connections)
      end)
    end)
  end

  it("lets dummy and kerberos_v5 in by one door", function()
    open { workers = 2, listeners = { { address = "127.0.0.1", kerberos = 1, dummy = { "127.0.0.0/8" } } } }
    assert.is_true(login(connect()))
    local s = fake.login { port = r:port(), pump = function() r:turn(0.01) end }
    peers[#peers + 1] = s
    for i = 1, 100 do s:offer("record " .. i) end
    assert.is_true(s:settled())
    assert.equal(100, r:counters().records)
    local senders = {}
    for _, event in ipairs(r:take_events()) do senders[#senders + 1] = event.sender end
    table.sort(senders)
    assert.same({ "127.0.0.1", "db1.example.net" }, senders)
  end)

  it("goes on without loss when a ticket expires in the middle of a stream", function()
    realm:configure { lifetime = "3s" }
    open { workers = 1 }
    local records, began = {}, process.now()
    for i = 1, 400 do records[i] = "record " .. i end
    local acked, counters = wire.send { port = r:port(), host = "localhost", mech = "kerberos_v5", keytab = realm.db2,
      window = 5, attempts = 20, records = records, turn = function()
        r:turn(0.001)
        process.sleep(0.06) -- so that 80 windows take longer than the ticket lives
      end }
    realm:configure()
    assert.is_true(process.now() - began > 3)
    assert.is_true(counters.connections >= 2)
    assert.equal(400, #acked)
    local got = {}
    for _, record in ipairs(r:take_records()) do got[record.sequence] = record.bytes end
    assert.same(records, got)
  end)

  for name, case in pairs {
    ["a clock that differs"] = { { more = "clockskew = 1" }, "the clocks of sender and receiver differ" },
    ["a ticket that has expired"] = { { lifetime = "1s", more = "clockskew = 1" }, "the sender's ticket has expired" },
  } do
    it("says what to do about " .. name, function()
      realm:configure(case[1])
      open { workers = 1 }
      local s = connect()
      local token = assert(s.context:step())
      process.sleep(3.5)
      s:write(fake.VERSION .. fake.frame(token))
      assert.truthy(s:wait_end())
      realm:configure()
      logged("event=refused", case[2])
      assert.equal(0, r:counters().authenticated)
    end)
  end

  for missing, flags in pairs { ["mutual authentication"] = { "replay", "sequence" },
    ["replay detection"] = { "mutual", "sequence" }, ["sequence detection"] = { "mutual", "replay" } } do
    it("refuses a context without " .. missing, function()
      open { workers = 1 }
      local s = connect { context = gss.peer(realm.db1, table.unpack(flags)) }
      login(s)
      assert.truthy(s:wait_end())
      logged("event=refused", "the sender's context lacks " .. missing)
      assert.equal(0, r:counters().authenticated)
    end)
  end

  it("takes no record that is not encrypted", function()
    open { workers = 1 }
    local s = connect { context = gss.peer(realm.db1, "mutual", "replay", "sequence") }
    assert.is_true(login(s))
    s:write(fake.frame(s.context:wrap(plain(1, "in the open"))))
    assert.truthy(s:wait_end())
    logged("event=protocol_broken", "it is not encrypted")
    assert.equal(0, r:counters().records)
  end)

  it("refuses a session that RC4 would protect, unless it was asked for that", function()
    local own = kdc.start { enctypes = "arcfour-hmac aes256-cts", more = "allow_weak_crypto = true",
      keys = "aes256-cts:normal arcfour-hmac:normal" }
    finally(function()
      for name, value in pairs(realm.env) do wire.setenv(name, value) end
      own:stop()
    end)
    for name, value in pairs(own.env) do wire.setenv(name, value) end
    own:principal("audit/localhost", DB1)
    local own_key, own_keytab = own:keytab("db1.keytab", DB1), own:keytab("audit.keytab", "audit/localhost")
    for weak, authenticated in pairs { [0] = 0, [1] = 1 } do
      open { workers = 1, weak_encryption = weak, keytab = own_keytab }
      local s = connect { keytab = own_key }
      local token = assert(s.context:step())
      s:write(fake.VERSION)
      assert.equal("01", s:read_frame())
      s:write(fake.frame(token))
      if weak == 0 then
        assert.truthy(s:wait_end())
        logged("event=refused", "broken or not known")
      else
        turn_until("it to be let in", function() return r:counters().authenticated == 1 end)
      end
      assert.equal(authenticated, r:counters().authenticated)
      s:close()
      r:close()
      r = nil
    end
  end)

  it("serves the others while the library waits for its replay cache", function()
    open { workers = 1, login_grace_time = 0.5 }
    local s = connect()
    assert.is_true(login(s))
    local lock = wire.lock(("%s/krb5_%d.rcache2"):format(realm.folder, wire.user()))
    local stuck = {}
    for i = 1, 3 do
      stuck[i] = connect()
      stuck[i]:write(fake.VERSION .. fake.frame(assert(stuck[i].context:step())))
    end
    for n = 1, 100 do
      s:write(fake.frame(assert(s.context:wrap(plain(n, "x")))))
      assert.equal(n, string.unpack(">i8", (assert(s:read_frame()))))
    end
    for i = 1, 3 do assert.truthy(stuck[i]:wait_end(5)) end
    logged("event=refused", "not authenticated in time")
    wire.unlock(lock)
    assert.is_true(login(connect()))
  end)

  local function replay_cache() return ("%s/krb5_%d.rcache2"):format(realm.folder, wire.user()) end

  -- A sender whose login hangs in the library.
  local function stuck_login()
    local s = connect()
    s:write(fake.VERSION .. fake.frame(assert(s.context:step())))
    return s
  end

  it("keeps nothing of logins that have ended while the library waits, and little of those that stand", function()
    open { workers = 1, login_grace_time = 0.3, max_frame_login = 16384 }
    assert.is_true(login(connect()))
    local lock = wire.lock(replay_cache())
    finally(function() wire.unlock(lock) end)
    local first = stuck_login()
    first:take_in()
    first.socket:send(("x"):rep(500000))
    turn_until("it to be refused", function() return r:counters().refused_grace == 1 end)
    for _ = 1, 5 do r:turn() end
    local one = r:counters().memory
    assert.is_true(one < 200000, one)
    for _ = 1, 30 do stuck_login() end
    turn_until("all to be refused", function() return r:counters().refused_grace == 31 end)
    for _ = 1, 5 do r:turn() end
    assert.equal(one, r:counters().memory)
  end)

  it("closes although a login hangs in the library", function()
    open { workers = 1, settle = 0 }
    local s = connect()
    assert.is_true(login(s))
    s:write(fake.frame(assert(s.context:wrap(plain(1, "x")))))
    turn_until("a record", function() return r:counters().records == 1 end)
    local lock = wire.lock(replay_cache())
    finally(function() if lock then wire.unlock(lock) end end)
    stuck_login()
    for _ = 1, 20 do r:turn(0.01) end
    local receiver, records = r, r:take_records()
    r = nil
    receiver:close()
    receiver:settle_after(records)
    local log = wire.log()
    wire.unlock(lock)
    lock = nil
    assert.matches("event=library_hangs", log, 1, true)
    open { workers = 1 }
    assert.is_true(login(connect()))
  end)

  it("ends an expired context of a sender that goes on without a pause, and acknowledges what it took", function()
    realm:configure { lifetime = "2s", more = "clockskew = 1" }
    open { workers = 1, settle = 0, linger = 0.5 }
    local s = connect()
    assert.is_true(login(s))
    local tokens = {}
    for n = 1, 3 do tokens[n] = fake.frame(assert(s.context:wrap(plain(n, "x")))) end
    realm:configure()
    process.sleep(4.5)
    s:write(tokens[1] .. tokens[2])
    logged "event=context_expired sender=db1.example.net"
    for _ = 1, 100 do r:turn(0.01) end
    s:write(tokens[3])
    for _ = 1, 20 do r:turn(0.01) end
    local records = r:take_records()
    assert.equal(2, #records)
    assert.is_nil(s.ended)
    for _, record in ipairs(records) do r:settle(record) end
    for n = 1, 2 do assert.is_true(s.context:verify(plain(n, "x"), s:read_frame():sub(9))) end
    assert.equal("closed", s:wait_end())
    s:close()
    logged("event=disconnected", "its ticket has expired", "owed=0")
    assert.same({ 2, 2 }, { r:counters().records, r:counters().acknowledged })
  end)

  it("ends an expired context in order, when all that came over it is acknowledged", function()
    realm:configure { lifetime = "2s", more = "clockskew = 1" }
    open { workers = 1, settle = 0 }
    local s = connect()
    assert.is_true(login(s))
    local first, second = s.context:wrap(plain(1, "a")), s.context:wrap(plain(2, "b"))
    local none, why
    process.until_true("the ticket to expire", function()
      none, why = s.context:wrap(plain(3, "c"))
      return not none
    end)
    realm:configure()
    assert.matches("the ticket of this connection has expired", why, 1, true)
    process.sleep(2.5)
    s:write(fake.frame(first) .. fake.frame(second))
    logged("event=context_expired sender=db1.example.net")
    local records = r:take_records()
    assert.equal(2, #records)
    assert.is_nil(s:read_frame(0.2))
    assert.is_nil(s.ended)
    for _, record in ipairs(records) do r:settle(record) end
    assert.is_true(s.context:verify(plain(1, "a"), s:read_frame():sub(9)))
    assert.is_true(s.context:verify(plain(2, "b"), s:read_frame():sub(9)))
    assert.equal("closed", s:wait_end())
    s:close()
    turn_until("its end", function() return r:counters().connections == 0 end)
    logged("event=disconnected", "its ticket has expired", "owed=0")
  end)

  for name, case in pairs {
    ["that is not there"] = { "/nowhere/keytab", "No such file" },
    ["that is none"] = { "none", "cannot be read" },
    ["without a key for audit"] = { "http", "has no key of a service audit/HOST", "addprinc -randkey" },
    ["that others may read"] = { "open", "others get at the keys in it: chmod 600" },
  } do
    it("does not begin with a keytab " .. name, function()
      process.write(realm.folder .. "/none", "nothing")
      process.chmod(realm.folder .. "/none", 384)
      realm:keytab("http", "http/localhost")
      realm:keytab("open", "audit/localhost")
      process.chmod(realm.folder .. "/open", 420)
      local path = case[1]:sub(1, 1) == "/" and case[1] or realm.folder .. "/" .. case[1]
      local none, why = wire.open { listeners = { { address = "127.0.0.1", kerberos = 1 } }, keytab = path }
      assert.is_nil(none)
      for i = 2, #case do assert.truthy(why:find(case[i], 1, true), why) end
    end)
  end

  for name, case in pairs {
    ["a receiver that the KDC does not know"] = { { host = "127.0.0.1" }, "the KDC knows no such service",
      "an address cannot work" },
    ["no ticket and no key"] = { { keytab = false }, "run kinit" },
    ["a principal of which there is no key"] = { { principal = "host/nobody@EXAMPLE.NET" }, "key" },
  } do
    it("tells a sender with " .. name .. " what to do", function()
      local options = { keytab = realm.db1 }
      for k, v in pairs(case[1]) do options[k] = v or nil end
      if case[1].keytab == false then options.keytab = nil end
      local context, why = wire.initiator(options)
      if context then context, why = context:step() end
      assert.is_nil(context)
      for i = 2, #case do assert.truthy(why:find(case[i], 1, true), why) end
    end)
  end

  it("leaves keys of broken encryption types out, unless it was asked for them", function()
    realm:admin("addprinc -randkey -e arcfour-hmac:normal audit/weak.example.net")
    local weak = realm:keytab("weak.keytab", "audit/weak.example.net")
    local none, why = wire.open { listeners = { { address = "127.0.0.1", kerberos = 1 } }, keytab = weak }
    assert.is_nil(none)
    assert.truthy(why:find("broken encryption types only", 1, true), why)
    open { keytab = weak, weak_encryption = 1 }
  end)

  it("tells the library's numbers only to those who ask for them", function()
    for _, level in ipairs { "info", "debug" } do
      open {}
      wire.log(level)
      local s = connect { binding = "0201" }
      login(s)
      assert.truthy(s:wait_end())
      local log = logged "event=refused"
      assert.equal(level == "debug", log:find("event=library_status", 1, true) ~= nil)
      assert.equal(level == "debug", log:find("major", 1, true) ~= nil)
      wire.log("info")
      r:close()
      r = nil
    end
  end)
end)
