--- kdc: a Kerberos realm for specs: a MIT KDC on a free port of the loopback, with its files in a folder of its own.
---
---   local realm = kdc.start()
---   realm:principal "audit/localhost"                       -- with a random key
---   realm:keytab("audit.keytab", "audit/localhost")         -- -> path
---   realm:ticket("db1.cache", "host/db1.example.net")       -- -> name of a credential cache
---   realm.env                                               -- what a program needs to speak to it
local process = require "spec.support.process"
local socket = require "socket"

local kdc = {}
kdc.__index = kdc

kdc.REALM = "EXAMPLE.NET"

local function free_port()
  local s = assert(socket.bind("127.0.0.1", 0))
  local _, port = s:getsockname()
  s:close()
  return port
end

-- Debian keeps the servers where only root's PATH looks.
local function program(name)
  for folder in ("/usr/sbin:/usr/local/sbin:/usr/lib/krb5/bin:" .. os.getenv "PATH"):gmatch "[^:]+" do
    local file = io.open(folder .. "/" .. name)
    if file then
      file:close()
      return folder .. "/" .. name
    end
  end
  error(name .. " is missing: apt-get install krb5-kdc krb5-admin-server krb5-user", 0)
end

--- krb5.conf; options.enctypes: those that may be used; options.lifetime: of tickets, as "5s"; options.more: further
--- lines of [libdefaults].
function kdc:configure(options)
  options = options or {}
  local lines = {
    "[libdefaults]",
    "default_realm = " .. kdc.REALM,
    "dns_lookup_kdc = false",
    "dns_lookup_realm = false",
    "dns_canonicalize_hostname = false",
    "rdns = false",
    "ticket_lifetime = " .. (options.lifetime or "1h"),
    options.enctypes and "permitted_enctypes = " .. options.enctypes or "",
    options.enctypes and "default_tgs_enctypes = " .. options.enctypes or "",
    options.enctypes and "default_tkt_enctypes = " .. options.enctypes or "",
    options.more or "",
    "[realms]",
    ("%s = {\n kdc = 127.0.0.1:%d\n}"):format(kdc.REALM, self.port),
  }
  process.write(self.folder .. "/krb5.conf", table.concat(lines, "\n") .. "\n")
end

function kdc:run(name, argv, options)
  options = options or {}
  local env = {}
  for k, v in pairs(self.env) do env[k] = v end
  for k, v in pairs(options.env or {}) do env[k] = v end
  self.runs = self.runs + 1
  argv[1] = program(argv[1])
  local p = process.start(self.folder, name .. self.runs, argv, { env = env, stdin = options.stdin })
  if p:wait(60) ~= 0 then error(name .. ": " .. p:stdout() .. p:stderr(), 2) end
  return p:stdout()
end

--- Commands for kadmin.local, one a line.
function kdc:admin(...)
  return self:run("kadmin.local", { "kadmin.local", "-r", kdc.REALM }, { stdin = table.concat({ ... }, "\n") .. "\n" })
end

--- Principals, with random keys.
function kdc:principal(...)
  local lines = {}
  for i, name in ipairs { ... } do lines[i] = "addprinc -randkey " .. name end
  self:admin(table.unpack(lines))
end

--- The keys of principals as a keytab. Keys that a keytab held before stay as they are.
function kdc:keytab(file, ...)
  local path = self.folder .. "/" .. file
  local lines = {}
  for i, name in ipairs { ... } do lines[i] = ("ktadd -norandkey -k %s %s"):format(path, name) end
  self:admin(table.unpack(lines))
  process.chmod(path, 384) -- 0600
  return path
end

--- A new key for a principal; tickets for the old one stay valid until they expire.
function kdc:change_key(name)
  self:admin("change_password -randkey -keepold " .. name)
end

--- A credential cache with a ticket of that principal; options.lifetime = "5s".
function kdc:ticket(file, name, options)
  options = options or {}
  local keytab = self:keytab(file .. ".keytab", name)
  local cache = "FILE:" .. self.folder .. "/" .. file
  local argv = { "kinit", "-k", "-t", keytab, "-c", cache }
  for _, word in ipairs(options.lifetime and { "-l", options.lifetime } or {}) do argv[#argv + 1] = word end
  argv[#argv + 1] = name .. "@" .. kdc.REALM
  self:run("kinit", argv)
  return cache
end

function kdc:start_server()
  self.server = process.start(self.folder, "krb5kdc" .. self.runs,
    { program "krb5kdc", "-n", "-r", kdc.REALM }, { env = self.env })
  self.runs = self.runs + 1
  process.until_true("the KDC to listen", function()
    if self.server:poll() then error("the KDC ended: " .. self.server:stdout() .. self.server:stderr(), 0) end
    local s = socket.connect("127.0.0.1", self.port)
    if s then s:close() end
    return s
  end)
end

--- Options: as for configure().
function kdc.start(options)
  local folder = process.folder()
  local self = setmetatable({ folder = folder, port = free_port(), runs = 0 }, kdc)
  self.env = {
    KRB5_CONFIG = folder .. "/krb5.conf",
    KRB5_KDC_PROFILE = folder .. "/kdc.conf",
    KRB5CCNAME = "FILE:" .. folder .. "/no-cache",
    KRB5RCACHEDIR = folder,
    KRB5_KTNAME = "FILE:" .. folder .. "/no-keytab",
  }
  self:configure(options)
  process.write(folder .. "/kdc.conf", ([[
[kdcdefaults]
 kdc_listen = 127.0.0.1:%d
 kdc_tcp_listen = 127.0.0.1:%d
[realms]
 %s = {
  database_name = %s/principal
  key_stash_file = %s/stash
  acl_file = %s/acl
  max_life = 10h
  supported_enctypes = %s
 }
[logging]
 kdc = FILE:%s/kdc.log
]]):format(self.port, self.port, kdc.REALM, folder, folder, folder, options and options.keys or
    "aes256-cts-hmac-sha1-96:normal aes256-cts-hmac-sha384-192:normal", folder))
  self:run("kdb5_util", { "kdb5_util", "-r", kdc.REALM, "create", "-s", "-P", "a master key" })
  self:start_server()
  return self
end

function kdc:stop()
  self.server:kill()
  self.server:wait()
end

return kdc
