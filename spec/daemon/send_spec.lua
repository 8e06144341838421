-- What a person reads from `auditrecv send`, and from a command that was called in a wrong way.
local bsm = require "spec.support.bsm_build"
local daemon = require "spec.support.daemon"
local elasticsearch = require "spec.support.elasticsearch"
local process = require "spec.support.process"

describe("auditrecv send", function()
  after_each(process.clean)

  local function trail(folder, n)
    local records = {}
    for i = 1, n do
      records[i] = bsm.record { event = "stat", time = { 1700000000 + i, 0 }, bsm.path("/" .. ("x"):rep(150)),
        bsm.return64 { 0, 0 } }
    end
    return process.write(folder .. "/trail", bsm.trail(records)), records
  end

  it("tells how much it was in a unit that fits", function()
    local d = daemon.start()
    for _, case in ipairs { { 1, "%d%d%d bytes" }, { 200, "%d%d%.%d kB" }, { 6000, "1%.%d MB" } } do
      local file = trail(d.folder, case[1])
      local p = daemon.run(d.folder, { "send", "--to", "127.0.0.1:" .. d.port, file })
      assert.equal(0, p.status, p:stderr())
      assert.matches(("^%d records, %s, acknowledged in "):format(case[1], case[2]), p:stdout())
    end
    d:stop()
  end)

  it("says what was not acknowledged when it gives up", function()
    local folder = process.folder()
    local p = daemon.run(folder, { "send", "--to", "127.0.0.1:1", "--attempts", "1", (trail(folder, 5)) })
    assert.equal(1, p.status)
    assert.matches("auditrecv send: none of 5 records was acknowledged\n", p:stderr(), 1, true)
  end)

  it("says from where on when some were", function()
    local es = elasticsearch.start { rules = { { fault = "write_block", index = "audit-2027-01-15" } } }
    finally(function() es:stop() end)
    local d = daemon.start { settings = { output = { type = "elasticsearch", urls = { es.url } } } }
    local _, records = trail(d.folder, 2)
    records[3] = bsm.record { event = "stat", time = { 1800000000, 0 }, bsm.path "/", bsm.return64 { 0, 0 } }
    local file = process.write(d.folder .. "/three", bsm.trail(records))
    local sender = process.start(d.folder, "sender", { daemon.program, "send", "--to", "127.0.0.1:" .. d.port, file })
    process.until_true("two acknowledged", function()
      d.process:kill(process.signal.SIGUSR1)
      return d:counts().acknowledged == 2
    end)
    sender:kill(process.signal.SIGTERM)
    assert.equal(1, sender:wait())
    assert.matches("2 of 3 records were acknowledged; the first that was not has the number 3\n", sender:stderr(), 1,
      true)
  end)
end)

describe("a wrong option", function()
  after_each(process.clean)

  for _, case in ipairs {
    { { "send", "--bogus" }, "auditrecv send: there is no option --bogus" },
    { { "send", "--to" }, "auditrecv send: --to wants a value" },
    { { "send", "-z" }, "auditrecv send: there is no option -z" },
    { { "send", "--quiet=3" }, "auditrecv send: --quiet takes no value" },
    { { "send", "--window", "0" }, "auditrecv send: --window wants a number" },
    { { "send", "--to", "h:0" }, "auditrecv send: --to wants HOST or HOST:PORT" },
    { { "send", "--to", "[::1]:65536" }, "auditrecv send: --to wants HOST or HOST:PORT" },
    { { "send", "--to", "h:1x" }, "auditrecv send: --to wants HOST or HOST:PORT" },
    { { "send", "--to", "[::1]:1" }, "auditrecv send: which files?" },
    { { "check", "-c" }, "auditrecv check: -c wants a value" },
    { { "serve", "--set" }, "auditrecv serve: --set wants a value" },
    { { "decode", "-q" }, "auditrecv decode: there is no option -q" },
    { { "template", "--family" }, "auditrecv template: --family wants a value" },
  } do
    it("is named: auditrecv " .. table.concat(case[1], " "), function()
      local p = daemon.run(process.folder(), case[1])
      local name = case[1][2]
      assert.equal(2, p.status)
      assert.equal(1, (p:stderr():find(case[2], 1, true)), p:stderr())
      assert.truthy(p:stderr():find("\nauditrecv " .. name .. " --help tells how to use it\n", 1, true), p:stderr())
    end)
  end
end)
