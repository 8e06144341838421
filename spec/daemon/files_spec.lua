-- Every file that a receiver makes is its user's alone, whatever umask it was started with: 0600, in folders of 0700.
local bsm = require "spec.support.bsm_build"
local daemon = require "spec.support.daemon"
local data = require "spec.support.triton_data"
local kdc = require "spec.support.kdc"
local process = require "spec.support.process"
local shell = require "spec.support.shell"
local triton = require "spec.support.triton"

local FAILS = [[
  local rule = require "auditrecv.rule"
  return rule { name = "fails", about = "makes a dead letter", phase = "redact", when = { event = "ssh" },
    apply = function() error "no" end }]]

-- Path -> kind and mode of all that is in a folder, without what the specs' own log of the process makes there.
local function look(folder)
  local seen = {}
  for line in shell.must(("find '%s' -printf '%%y %%m %%P\\n'"):format(folder)):gmatch "[^\n]+" do
    local what, path = line:match "^(%S+ %d+) (.+)$"
    if path and not path:find "^serve%d+%." then seen[path] = what end
  end
  return seen
end

describe("the files of a receiver that was started with umask 000", function()
  local realm, services, folder, before, d

  before_each(function()
    realm, services, folder = kdc.start(), triton.start(), process.folder()
    realm:principal("audit/localhost", "host/db1.example.net")
    realm.env.KRB5CCNAME = realm:ticket("cache", "host/db1.example.net")
    realm.env.KRB5RCACHEDIR = folder
    process.mkdir(folder .. "/rules")
    d = { folder = folder }
  end)
  after_each(function()
    services:stop()
    realm:stop()
  end)

  local function start()
    before = before or look(folder)
    d = daemon.start { folder = folder, env = realm.env,
      under = { "sh", "-c", ('umask 000; exec "$@" --pid-file %s/pid'):format(folder), "sh" },
      rules = { ["triton.lua"] = process.read "rules/triton.lua", ["fails.lua"] = FAILS },
      settings = {
        listen = { { address = "127.0.0.1", port = 0, mechanisms = { "dummy", "kerberos_v5" },
          dummy_from = { "127.0.0.0/8" }, principals = { "host/*.example.net@EXAMPLE.NET" } } },
        kerberos = { keytab = realm:keytab("audit.keytab", "audit/localhost") },
        journal = { directory = folder .. "/journal", segment_bytes = 1 << 20 },
        lookups = { cache_file = folder .. "/answers", services = {
          { name = "vmapi", url = services.url.vmapi }, { name = "mahi", url = services.url.mahi } } },
      } }
    for _, path in ipairs { "rules/triton.lua", "rules/fails.lua", "auditrecv.lua" } do before[path] = "the spec's" end
  end

  local function send(sequence)
    local trail = process.write(realm.folder .. "/trail", bsm.trail { a_record.bytes { event = "ssh" },
      a_record.bytes { event = "rename", zonename = data.WEB } })
    for mech, host in pairs { dummy = "127.0.0.1", kerberos_v5 = "localhost" } do
      local sent = daemon.run(realm.folder, { "send", "--to", host .. ":" .. d.port, "--mech", mech, "--sequence",
        tostring(sequence), "--attempts", "2", trail }, { env = realm.env })
      assert.equal(0, sent.status, sent:stderr())
    end
  end

  local function all_private(...)
    local now, made = look(folder), {}
    for path, what in pairs(now) do
      if not before[path] then
        made[#made + 1] = path
        local wanted = path == "pid" and "f 644" or what:find "^d" and "d 700" or "f 600"
        assert.equal(wanted .. " " .. path, what .. " " .. path)
      end
    end
    local all = "\n" .. table.concat(made, "\n") .. "\n"
    for _, pattern in ipairs { ... } do assert.matches("\n" .. pattern .. "\n", all) end
  end

  it("are private while it runs and when it has ended; the pid file is there for all to read", function()
    start()
    send(1)
    all_private("pid", "journal", "journal/[^\n]+", "dead", "dead/[^\n]+", "documents.ndjson", "krb5_%d+.rcache2")
    assert.equal(0, d:stop())
    all_private("journal", "answers")
    start()
    send(11)
    assert.equal(0, d:stop())
    all_private("answers")
  end)

  it("are private when a start has set damage of the journal aside", function()
    start()
    send(1)
    d:kill()
    local path = shell.must(("ls '%s'/journal/*.journal | head -n 1"):format(folder))
    local bytes = process.read(path)
    process.write(path, bytes:sub(1, 300) .. ("\255"):rep(40) .. bytes:sub(341))
    start()
    d:logged "event=journal_damaged"
    send(21)
    assert.equal(0, d:stop())
    all_private("journal", "journal/damaged", "journal/damaged/[^\n]+", "dead", "answers")
  end)
end)
