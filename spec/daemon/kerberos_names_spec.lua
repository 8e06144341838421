-- Names that a realm may give: whoever is not meant by a list stays out, and the log stays readable.
local bsm = require "spec.support.bsm_build"
local daemon = require "spec.support.daemon"
local kdc = require "spec.support.kdc"
local process = require "spec.support.process"

-- As kadmin takes them. All but the last would pass if names were compared in part, or not as they are written.
local NAMES = {
  "host/db1.example.net\\@EXAMPLE.NET",
  "host/db1.example.net\\@EXAMPLE.NET\\@EXAMPLE.NET",
  "host/db1.example.net/admin",
  "host\\/db1.example.net",
  "host/db1.example.net\\n2026-01-01T00:00:00.000Z-level=info-event=connected",
  "host/db1.example.net\\0.evil",
  "host/d\xc3\xb61.example.net",
  "host/127.0.0.1.example.net\\t",
  "host/" .. ("x"):rep(250) .. ".example.net",
  "HOST/db1.example.net",
  "db1.example.net",
  "host/db1.example.net.evil.org",
  "host/DB1.example.net",
}

describe("auditrecv with kerberos_v5 and names of many kinds", function()
  after_each(process.clean)

  it("lets in whom the list means, and tells of the others on one line each", function()
    local realm = kdc.start()
    realm:principal("audit/localhost")
    local d = daemon.start { env = realm.env, settings = {
      listen = { { address = "127.0.0.1", port = 0, mechanisms = { "kerberos_v5" },
        principals = { "host/*.example.net@EXAMPLE.NET" } } },
      kerberos = { keytab = realm:keytab("audit.keytab", "audit/localhost") },
    } }
    local trail = process.write(realm.folder .. "/trail", bsm.trail { bsm.record { event = "stat",
      time = { 1700000000, 0 }, bsm.path "/x", bsm.return64 { 0, 0 } } })
    local status, refused = {}, 0
    for i, name in ipairs(NAMES) do
      realm:admin(('addprinc -randkey "%s"'):format(name))
      local keytab = realm.folder .. "/key" .. i
      realm:admin(('ktadd -norandkey -k %s "%s"'):format(keytab, name))
      process.chmod(keytab, 384)
      local p = process.start(realm.folder, "send" .. i, { daemon.program, "send", "--to", "localhost:" .. d.port,
        "--mech", "kerberos_v5", "--attempts", "1", "--keytab", keytab, trail }, { env = realm.env })
      status[i] = p:wait(60)
      -- To some the KDC itself gives no ticket.
      if p:stderr():find("the receiver has closed the connection", 1, true) then refused = refused + 1 end
      assert.is_nil(p:stderr():find("there is no ticket", 1, true), name .. ": " .. p:stderr())
    end
    assert.equal(0, status[#NAMES])
    for i = 1, #NAMES - 1 do assert.equal(1, status[i], NAMES[i]) end
    d:logged("event=connected", "sender=db1.example.net", "principal=host/DB1.example.net@EXAMPLE.NET")
    assert.equal(0, (d:stop()))
    for line in d:log():gmatch "[^\n]+" do
      assert.matches("^%d+%-%d+%-%d+T[%d:.]+Z level=%a+ event=[%a_]+", line)
      assert.is_nil(line:find "^2026%-01%-01")
      assert.is_nil(line:find "%c", line)
      assert.truthy(utf8.len(line))
    end
    assert.is_true(refused >= 8, refused)
    assert.equal(refused, daemon.numbers(d:logged "event=connection_counts").refused_principal)
    assert.equal(1, #d:documents())
  end)
end)
