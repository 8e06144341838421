local daemon = require "spec.support.daemon"
local process = require "spec.support.process"

local listener = [[listen = { { mechanisms = { "dummy" }, dummy_from = { "127.0.0.0/8" } } }]]

-- Checks a settings file (or none) with assignments; returns status, stdout, stderr.
local function check(text, ...)
  local folder = process.folder()
  local argv = { "check", "--set", ("dead_letters.directory=%q"):format(folder .. "/dead") }
  if text then
    process.write(folder .. "/auditrecv.lua", text)
    argv[#argv + 1], argv[#argv + 2] = "-c", folder .. "/auditrecv.lua"
  end
  for _, assignment in ipairs { ... } do argv[#argv + 1], argv[#argv + 2] = "--set", assignment end
  local p = daemon.run(folder, argv)
  return p.status, p:stdout(), p:stderr()
end

describe("settings", function()
  it("need no file for a first try", function()
    local status, out = check(nil, listener)
    assert.equal(0, status)
    assert.matches("port = 16162", out, 1, true)
  end)

  it("print as a file that means the same", function()
    local _, out = check("return { " .. listener .. [[, limits = { max_frame = 4 * 1024 * 1024 },
      output = { type = "file", path = "/tmp/\"quoted\" \\ name", rotate_bytes = 10 } }]])
    local status, again = check(out)
    assert.equal(0, status)
    local function without_place(text) return (text:gsub('directory = "[^"]*"', "")) end
    assert.equal(without_place(out), without_place(again))
    assert.matches("max_frame = 4194304", again, 1, true)
  end)

  for _, case in ipairs {
    { "a misspelt setting, with the nearest one", "return {\n  limts = {},\n}", ':2: limts: .*did you mean "limits"' },
    { "a misspelt setting inside a table", "return {\n  limits = {\n    max_fram = 1,\n  },\n}",
      ':3: limits.max_fram: .*did you mean "max_frame"' },
    { "a setting of one listener among several",
      "return {\n  listen = {\n    { port = 1 },\n    {\n      prot = 2 },\n  } }", ':5: listen.2.prot: .*"port"' },
    { "a number outside its range", "return {\n\n  limits = { max_frame = 3 } }",
      ":3: limits.max_frame: 3 is outside" },
    { "a fraction where a whole number is wanted", "return { limits = { max_rate = 1.5 } }", ":1: .*whole number" },
    { "a text where a number is wanted", "return { limits = { max_rate = '1' } }", ":1: .*number is wanted" },
    { "a number where a text is wanted", "return { index = 5 }", ":1: index: a text in quotes is wanted" },
    { "a choice that does not exist", "return { output = { type = 'kafka' } }", '"kafka" is not one of "stdout"' },
    { "a list with a hole",
      "return { output = { urls = { 'a', nil, 'b', x = 1 } } }", "output.urls: a list in braces" },
    { "a value without a name", "return { 7 }", "a value stands here without a name" },
    { "a syntax error, with its line", "return {\n  index = \n}", ":3: unexpected symbol" },
    { "a file that returns nothing", "-- nothing", "does not return a table" },
    { "a call", "return { index = os.getenv 'HOME' }", "global 'os'" },
    { "an endless loop", "while true do end", "runs for ever" },
    { "a text that doubles for ever, before the machine runs out of memory",
      "local s = 'x' while true do s = s .. s end", "auditrecv.lua: not enough memory" },
    { "a zero byte in a list", "return { output = { urls = { 'http://a', 'http://b\\0c' } } }",
      ":1: output.urls.2: the text holds a zero byte" },
    { "bytecode", string.dump(function() end), "attempt to load a binary chunk" },
    { "a listener without mechanism", "return { listen = { {} } }", "listen.1: no mechanism is allowed" },
    { "a mechanism that we do not have", "return { listen = { { mechanisms = { 'ntlm' } } } }",
      '"ntlm" is not a mechanism' },
    { "a fault that shows only later, with its line all the same",
      "return {\n  listen = {\n    {},\n  } }", ":3: listen.1: no mechanism" },
    { "an address that nobody can listen on", "return { listen = {\n { address = 'not an address' } } }",
      ":2: listen.1.address: \"not an address\"" },
    { "networks without `dummy`", "return { listen = { { mechanisms = { 'kerberos_v5' }, dummy_from = { '::1' } } } }",
      ':1: listen.1.dummy_from: "dummy" is not among the mechanisms' },
    { "Kerberos for nobody", "return { listen = { { mechanisms = { 'kerberos_v5' } } } }",
      ":1: listen.1: \"kerberos_v5\" is allowed, but for nobody" },
    { "Kerberos without keys",
      "return { listen = { {\n mechanisms = { 'kerberos_v5' }, principals = { 'host/*@R' } } } }",
      ':1: listen.1: "kerberos_v5" needs our keys: set kerberos.keytab' },
    { "principals without Kerberos",
      "return { listen = { { mechanisms = { 'dummy' }, dummy_from = { '::1' },\n principals = { 'host/*@R' } } } }",
      ':2: listen.1.principals: "kerberos_v5" is not among the mechanisms' },
    { "a principal that is none", "return {\n" .. listener .. ", groups = { { name = 'a', principals = { 'db1' } } } }",
      ':2: groups.1.principals.1: "db1": the realm is missing' },
    { "a keytab that is not there",
      "return { listen = { { mechanisms = { 'kerberos_v5' }, principals = { 'host/*@R' } } },"
      .. "\n kerberos = { keytab = '/nonexistent/keytab' } }",
      ":2: kerberos.keytab: " },
    { "an acknowledgement from a journal that is not there", "return { " .. listener .. ",\nack = 'journaled' }",
      ':2: ack: "journaled" needs a journal' },
    { "a journal that cannot hold two segments", "return { " .. listener
      .. ",\njournal = { directory = 'j', max_bytes = 4 * 1024 * 1024 } }", ":2: journal.max_bytes: it has to hold" },
    { "shedding nothing", "return { " .. listener .. ", journal = {\n when_full = 'shed' } }",
      ":2: journal.when_full: \"shed\" needs to be told which events" },
    { "events to shed that are not shed", "return { " .. listener .. ", journal = { shed = { 'execve' } } }",
      ":1: journal.shed: nothing is shed unless" },
    { "an event to shed that does not exist", "return { " .. listener
      .. ", journal = { when_full = 'shed',\n shed = { 'execve',\n 'excve' } } }",
      ':3: journal.shed.2: there is no event "excve"' },
    { "completing documents where that is not possible", "return { " .. listener
      .. ",\nlookups = { complete_within = 60 } }", ':2: lookups.complete_within: only documents in Elasticsearch' },
    { "a service without a name", "return { " .. listener .. ", lookups = {\n services = { { url = 'http://a' } } } }",
      ":2: lookups.services.1: the service has no name" },
    { "two services of one name", "return { " .. listener .. ", lookups = { services = {\n"
      .. "{ name = 'a', file = 'f' },\n{ name = 'a', file = 'g' } } } }",
      ':3: lookups.services.2.name: there is a service "a" already' },
    { "a service and a file in one", "return { " .. listener
      .. ", lookups = { services = { { name = 'a', file = 'f', url = 'http://a' } } } }",
      ":1: lookups.services.1: either url or file" },
    { "half of a client's certificate", "return { " .. listener
      .. ", lookups = { services = { { name = 'a', url = 'https://a', cert_file = 'f' } } } }",
      ":1: lookups.services.1: cert_file and key_file go together" },
    { "`dummy` for nobody", "return { listen = { { mechanisms = { 'dummy' } } } }", "list the senders' networks" },
    { "a network that is none",
      "return { listen = { { mechanisms = { 'dummy' }, dummy_from = { '10.0.0.0/33' } } } }", "from 0 to 32" },
    { "no listener at all", "return {}", "listen: no listener is set; for a first try" },
    { "Elasticsearch without a node", "return { " .. listener .. ", output = { type = 'elasticsearch' } }",
      "output.urls" },
    { "a user without a password", "return { " .. listener ..
      ", output = { type = 'elasticsearch', urls = { 'http://127.0.0.1:1' }, username = 'a' } }", "go together" },
    { "a file output without a file", "return { " .. listener .. ", output = { type = 'file' } }", "output.path" },
    { "startups that are no three numbers", "return {\n  limits = { startups = '10:30' }, " .. listener .. " }",
      ":2: limits.startups: \"10:30\" is not begin:rate:full" },
    { "startups that begin above full", "return { limits = { startups = '11:30:10' }, " .. listener .. " }",
      "is not begin:rate:full" },
    { "startups without any room", "return { limits = { startups = '0' }, " .. listener .. " }",
      "is not begin:rate:full" },
    { "a rate of more than all", "return { limits = { startups = '1:101:10' }, " .. listener .. " }",
      "is not begin:rate:full" },
    { "a service port that is none", "return { " .. listener .. ", decoder = { service_ports = { 'ssh' } } }",
      "not a port" },
  } do
    it("refuse " .. case[1], function()
      local status, _, err = check(case[2])
      assert.equal(1, status)
      assert.matches(case[3], err)
    end)
  end

  it("are overridden one by one, in the file's own syntax", function()
    local status, out = check("return { " .. listener .. " }", "limits.max_frame = 1024 * 1024", 'log.level="debug"',
      "listen.1.port = 99", "output.gzip = true")
    assert.equal(0, status)
    for _, line in ipairs { "max_frame = 1048576", 'level = "debug"', "port = 99", "gzip = true" } do
      assert.matches(line, out, 1, true)
    end
  end)

  for _, case in ipairs {
    { "log.level=debug", "a text needs quotes" },
    { "log.level", "KEY=VALUE is wanted" },
    { "log.levle='info'", 'did you mean "level"' },
    { "index = (", "unexpected symbol" },
  } do
    it("say what is wrong with --set " .. case[1], function()
      local status, _, err = check(nil, listener, case[1])
      assert.equal(1, status)
      assert.matches(case[2], err, 1, true)
    end)
  end

  it("that name for dead letters what is no directory, or leads elsewhere, are refused as at the start", function()
    local folder = process.folder()
    process.write(folder .. "/file", "")
    assert(os.execute(("mkdir -m 700 %s/own && ln -s own %s/link"):format(folder, folder)))
    for _, case in ipairs { "/file", "/link", "/nowhere/dead", "/file/dead" } do
      local set = { "--set", listener, "--set", ("dead_letters.directory=%q"):format(folder .. case) }
      for _, command in ipairs { "check", "serve" } do
        local p = daemon.run(folder, { command, table.unpack(set) })
        assert.equal(1, p.status, command .. " " .. case)
        assert.matches("dead_letters.directory: dead letters: ", p:stderr(), 1, true)
        assert.matches(folder .. case, p:stderr(), 1, true)
      end
    end
  end)

  it("are printed whole or not at all: a full disk fails the command", function()
    for _, arguments in ipairs { "check --set '" .. listener .. "'", "check --sample", "--help", "--version" } do
      local p = process.start(process.folder(), "full",
        { "/bin/sh", "-c", ("%s %s >/dev/full"):format(daemon.program, arguments) })
      assert.equal(1, p:wait(), arguments)
      assert.matches("standard output cannot be written", p:stderr(), 1, true)
    end
  end)

  it("name the file when it is not there", function()
    local p = daemon.run(process.folder(), { "check", "-c", "/nonexistent/auditrecv.lua" })
    assert.equal(1, p.status)
    assert.matches("/nonexistent/auditrecv.lua: No such file", p:stderr(), 1, true)
  end)
end)

describe("the command line", function()
  for _, case in ipairs {
    { {}, 2, "usage: auditrecv COMMAND" },
    { { "--help" }, 0, "Exit status: 0 fine, 1 failed, 2 wrong usage" },
    { { "--version" }, 0, "auditrecv %d" },
    { { "nonsense" }, 2, 'there is no command "nonsense"' },
    { { "serve", "--nonsense" }, 2, "auditrecv serve %-%-help" },
    { { "serve", "surplus" }, 2, "takes no arguments" },
    { { "serve", "--help" }, 0, "%-%-set KEY=VALUE" },
    { { "check", "--help" }, 0, "%-%-sample" },
    { { "decode", "--help" }, 0, "usage: auditrecv decode" },
    { { "send", "--help" }, 0, "usage: auditrecv send" },
    { { "template", "--help" }, 0, "usage: auditrecv template" },
  } do
    it("answers `auditrecv " .. table.concat(case[1], " ") .. "` with status " .. case[2], function()
      local argv = { "x", table.unpack(case[1]) }
      local folder = process.folder()
      table.remove(argv, 1)
      table.insert(argv, 1, daemon.program)
      local p = process.start(folder, "p", argv)
      assert.equal(case[2], p:wait())
      assert.matches(case[3], p:stdout() .. p:stderr())
    end)
  end
end)
