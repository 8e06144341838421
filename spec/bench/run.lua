-- What a record costs: decode alone, decode + rules + encode, and the whole daemon over loopback into a sink that
-- answers at once. CPU time is the daemon's own (user and system), so that what runs beside it does not count; every
-- figure is the median of several runs.
local process = require "spec.support.process"
local kdc = require "spec.support.kdc"

local out = arg[1]
local runs = tonumber(os.getenv "RUNS")
local records = tonumber(os.getenv "RECORDS")
local trails = {}
for name in os.getenv("TRAILS"):gmatch "%S+" do trails[#trails + 1] = name end
local ticks = tonumber(assert(io.popen "getconf CLK_TCK"):read "l")

local function trail_file(name) return ("%s/%s-%d"):format(out, name, records) end

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

local function say(...)
  io.write(string.format(...), "\n")
  io.flush()
end

local function title(text) say("\n%s\n%s", text, ("-"):rep(#text)) end

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  pipe:close()
  return (text:gsub("%s+$", ""))
end

-- CPU seconds and peak memory (MiB) of a process so far
local function usage(pid)
  local stat = process.read("/proc/" .. pid .. "/stat"):match "%) (.*)"
  local fields = {}
  for field in stat:gmatch "%S+" do fields[#fields + 1] = field end
  local peak = process.read("/proc/" .. pid .. "/status"):match "VmHWM:%s+(%d+)"
  return (fields[12] + fields[13]) / ticks, peak / 1024
end

local DUMMY = [[{ address = "127.0.0.1", port = 0, mechanisms = { "dummy" }, dummy_from = { "127.0.0.0/8" } }]]

local function start_daemon(folder, sink_port, options)
  local rules = options.rules
  process.write(folder .. "/settings.lua", ([[return {
    listen = { %s }, kerberos = %s,
    output = { type = "elasticsearch", urls = { "http://127.0.0.1:%d" } },
    limits = { startups = "4096", max_rate = 0 },
    rules = { directory = %s }, dead_letters = { directory = %q }, journal = { directory = %s }, lookups = %s,
  }]]):format(options.listen or DUMMY, options.kerberos or "nil", sink_port, rules and ("%q"):format(rules) or "nil",
    folder .. "/dead", options.journal and ("%q"):format(folder .. "/journal") or "nil", options.lookups or "nil"))
  -- a name of its own each time: what an earlier one said is not to be taken for its words
  local d = process.start(folder, "serve" .. math.random(1, 1 << 30),
    { ".build/plain/auditrecv", "serve", "-c", folder .. "/settings.lua" }, { env = options.env })
  d:line_with "event=ready"
  d.port = d:line_with("event=listening"):match "port=(%d+)"
  if options.known then d:line_with("event=lookup_preloaded", "source=triton_vm") end
  return d
end

-- Runs the load against a fresh daemon and sink; returns its figures, the daemon's CPU per record (us) and peak (MiB).
local function end_to_end(options)
  if options.prepare then options.prepare(options) end
  local folder = process.folder()
  local sink = process.start(folder, "sink", { out .. "/sink", "0" })
  local sink_port = process.until_true("the sink", function() return sink:stdout():match "^(%d+)\n" end)
  local d = start_daemon(folder, tonumber(sink_port), options)
  local argv = { out .. "/load", "--to", (options.host or "127.0.0.1") .. ":" .. d.port }
  for name, value in pairs(options.load or {}) do
    argv[#argv + 1], argv[#argv + 2] = "--" .. name, tostring(value)
  end
  argv[#argv + 1] = options.trail
  local before = usage(d.pid)
  local load = process.start(folder, "load", argv, { env = options.env })
  if load:wait(600) ~= 0 then error("the load failed: " .. load:stderr() .. load:stdout()) end
  local after, peak = usage(d.pid)
  local figures = {}
  for key, value in load:stdout():gmatch "(%w+)=([%d.]+)" do figures[key] = tonumber(value) end
  figures.cpu = (after - before) * 1e6 / figures.acknowledged
  figures.peak = peak
  d:terminate()
  sink:terminate()
  process.clean()
  return figures
end

local function repeated(options, times)
  local lists = { cpu = {}, rate = {}, peak = {}, p50 = {}, p99 = {}, max = {} }
  for _ = 1, times or runs do
    local figures = end_to_end(options)
    for key, list in pairs(lists) do list[#list + 1] = figures[key] end
  end
  local medians = {}
  for key, list in pairs(lists) do medians[key] = median(list) end
  return medians
end

local function row(name, m)
  say("%-44s %6.2f us  %9.0f/s  %6.1f MiB  p50 %8.1f  p99 %8.1f  max %8.1f us", name, m.cpu, m.rate, m.peak, m.p50,
    m.p99, m.max)
end

say("%d records a trail, median of %d runs, %s", records, runs,
  process.read("/proc/cpuinfo"):match "model name%s*: ([^\n]+)" or "unknown processor")

for _, trail in ipairs(trails) do
  local file = trail_file(trail)
  title(trail .. ": one thread, no network")
  say("%s", output_of(("%s/bench_bsm %s %d"):format(out, file, runs)))
  for _, case in ipairs {
    { "no rule matches", "" },
    { "realistic rules on every record", "-r spec/bench/rules" },
    { "the same, whole table made first", "-e -r spec/bench/rules" },
    { "a lookup, its answer known", "-l -r spec/bench/rules_lookup" },
    { "a lookup that every record waits for", "-l -w -r spec/bench/rules_lookup" },
  } do
    say("%-36s %s", case[1], output_of(("%s/bench_script -n %d %s %s"):format(out, runs, case[2], file)))
  end
end

for _, trail in ipairs(trails) do
  local file = trail_file(trail)
  title(trail .. ": the whole daemon over loopback (CPU of the daemon a record, rate, peak memory, acknowledgement)")
  row("no rule matches, 1 connection, window 4096", repeated { trail = file, load = { window = 4096 } })
  row("realistic rules, 1 connection, window 4096",
    repeated { trail = file, rules = "spec/bench/rules", load = { window = 4096 } })
end

-- Runs bench_gss; returns its CPU and wall time a record (us), medians.
local function gss(realm, ...)
  local argv, cpu, wall = { out .. "/bench_gss", ... }, {}, {}
  local env = { KEYTAB_AUDIT = realm.audit, KEYTAB_SENDER = realm.sender }
  for k, v in pairs(realm.env) do env[k] = v end
  for i = 1, runs do
    local p = process.start(realm.folder, "gss" .. i, argv, { env = env })
    if p:wait(600) ~= 0 then error("bench_gss failed: " .. p:stderr()) end
    cpu[i], wall[i] = p:stdout():match "cpu=([%d.]+) wall=([%d.]+)"
    cpu[i], wall[i] = tonumber(cpu[i]), tonumber(wall[i])
  end
  return median(cpu), median(wall)
end

local function realm_of(type)
  local realm = kdc.start { enctypes = type, keys = type .. ":normal" }
  realm:principal("audit/localhost", "host/db1.example.net")
  realm.audit = realm:keytab("audit.keytab", "audit/localhost")
  realm.sender = realm:keytab("db1.keytab", "host/db1.example.net")
  return realm
end

title "kerberos_v5: the library alone, core/wire around it, and the whole daemon"
for _, type in ipairs { "aes256-cts-hmac-sha1-96", "aes256-cts-hmac-sha384-192" } do
  local realm, trail = realm_of(type), trail_file(trails[1])
  say("%-44s %6.2f us", type .. ", unwrap and MIC", (gss(realm, "loop", trail)))
  for _, workers in ipairs { 0, 1, 2 } do
    local cpu, wall = gss(realm, "wire", trail, tostring(workers), "16")
    say("%-44s %6.2f us  %9.0f/s", ("wire, %d workers, 16 connections"):format(workers), cpu, 1e6 / wall)
  end
  process.clean()
  for _, rules in ipairs { false, "spec/bench/rules" } do
    row(("daemon, %s, 16 connections"):format(rules and "realistic rules" or "no rule matches"), repeated({
      trail = trail, rules = rules or nil, host = "localhost",
      listen = [[{ address = "127.0.0.1", port = 0, mechanisms = { "kerberos_v5" },
        principals = { "host/*.example.net@EXAMPLE.NET" } }]],
      prepare = function(options)
        local own = realm_of(type)
        options.env, options.kerberos = own.env, ("{ keytab = %q }"):format(own.audit)
        options.load = { mech = "kerberos_v5", keytab = own.sender, connections = 16, window = 4096 }
      end,
    }, 3))
  end
end

title "cost by number of connections, each with the window of 100 that a host has by default"
local file = trail_file(trails[1])
for _, connections in ipairs { 1, 10, 100, 1000 } do
  row(connections .. " connections", repeated { trail = file,
    load = { connections = connections, window = 100, records = records } })
end

title "cost by number of rules that do not match"
local folder = out .. "/rules"
for _, count in ipairs { 1, 300 } do
  os.execute("rm -rf " .. folder .. " && mkdir -m 700 -p " .. folder)
  for i = 1, count do
    process.write(("%s/r%03d.lua"):format(folder, i), ([[local rule = require "auditrecv.rule"
      return rule { name = "r%03d", about = "does not match", when = { event = "%s", path = "/nowhere/%d" },
        apply = function() return rule.drop "never" end }]]):format(i, i % 2 == 0 and "reboot" or "acct", i))
  end
  row(count .. " rules", repeated { trail = file, rules = folder, load = { window = 4096 } })
end

title "latency of acknowledgement at low rates, 1 connection"
for _, rate in ipairs { 10, 100, 1000 } do
  row(rate .. " records/s for 5 s", repeated({ trail = file, load = { rate = rate, records = rate * 5 } }, 3))
end

title "latency of acknowledgement with the journal, 1 connection; beside it a bare fdatasync on that disk"
local here = process.folder()
say("fdatasync of 4,000 bytes: %s us", output_of(("%s/bench_fsync %s 300"):format(out, here)))
process.clean()
for _, rate in ipairs { 1, 100, 1000, 5000 } do
  row(rate .. " records/s for 5 s", repeated({ trail = file, journal = true,
    load = { rate = rate, records = math.max(rate * 5, 5), window = 100 } }, 3))
end

title "what the journal costs"
for _, connections in ipairs { 1, 50 } do
  for _, case in ipairs { { "acknowledged when indexed", false }, { "acknowledged from the journal", true } } do
    for _, window in ipairs { 100, 4096 } do
      row(("%s, %d connections, window %d"):format(case[2] and "journaled" or "indexed", connections, window),
        repeated({ trail = file, journal = case[2], load = { connections = connections, window = window,
          records = records } }, 3))
    end
  end
end

-- The last line of a kind that the daemon wrote, as numbers.
local function told(d, event)
  local numbers
  for line in d:stderr():gmatch("[^\n]*event=" .. event .. " [^\n]*") do
    numbers = {}
    for k, v in line:gmatch "([%w_]+)=(%d+)" do numbers[k] = tonumber(v) end
  end
  return numbers
end

local function ask(d, event)
  local before = select(2, d:stderr():gsub("event=" .. event .. " ", ""))
  d:kill(process.signal.SIGUSR1)
  process.until_true(event, function() return select(2, d:stderr():gsub("event=" .. event .. " ", "")) > before end)
  return told(d, event)
end

title "an index that is away, and comes back"
do
  local away = process.folder()
  local sink = process.start(away, "sink", { out .. "/sink", "0" })
  local port = process.until_true("the sink", function() return sink:stdout():match "^(%d+)\n" end)
  sink:kill(process.signal.SIGSTOP)
  local d = start_daemon(away, tonumber(port), { journal = true })
  local _, before = usage(d.pid)
  local load = process.start(away, "load", { out .. "/load", "--to", "127.0.0.1:" .. d.port, "--window", "4096",
    file })
  assert(load:wait(600) == 0, load:stderr())
  local waiting, journal = ask(d, "counts"), ask(d, "journal_counts")
  local _, after = usage(d.pid)
  say("%d records taken, %d wait; peak memory %.1f MiB before, %.1f MiB then", waiting.received, waiting.waiting,
    before, after)
  say("%.1f bytes written a record, %d fsyncs", journal.bytes / journal.appended, journal.syncs)
  d:kill():wait()
  local began = process.now()
  d = start_daemon(away, tonumber(port), { journal = true })
  say("started on a journal of %.2f GiB after a crash in %.2f s", journal.disk_bytes / (1 << 30),
    process.now() - began)
  sink:kill(process.signal.SIGCONT)
  began = process.now()
  process.until_true("the end of the backlog", function() return ask(d, "counts").waiting == 0 end, 600)
  local took = process.now() - began
  say("caught up in %.1f s: %.0f records/s; peak memory %.1f MiB", took, waiting.waiting / took,
    select(2, usage(d.pid)))
  d:terminate()
  sink:terminate()
  process.clean()
end

title "names of 1,000 zones from VMAPI and Mahi: a record of a zone each"
do
  local bsm = require "spec.support.bsm_build"
  local data = require "spec.support.triton_data"
  local services = require "spec.support.triton".start { zones = 1000 }
  local known = {}
  for i = 1, 1000 do
    known[i] = bsm.record { event = "execve", time = { 1772366400, i }, bsm.path "/usr/bin/ls",
      bsm.exec_args { "ls", "-l", "/tmp" }, bsm.subject64 { audit_id = 1001 }, bsm.zonename(data.uuid(i)),
      bsm.return64 { 0, 0 } }
  end
  local zones = out .. "/zones"
  local trail = assert(io.open(zones, "wb"))
  for _ = 1, records // 1000 do trail:write(table.concat(known)) end
  trail:close()
  local lookups = ([[{ services = { { name = "vmapi", url = %q }, { name = "mahi", url = %q } } }]]):format(
    services.url.vmapi, services.url.mahi)
  -- What the pack writes, without asking anybody.
  local constant = [[
    local rule = require "auditrecv.rule"
    return rule { name = "constant", about = "writes what the pack writes", phase = "enrich", adds = { "zone" },
      when = { zonename = rule.no { "global" } },
      apply = function(doc)
        doc.zonealias = "racing-zone-1"
        doc.zone = { name = doc.zonename, alias = "zone-1", brand = "joyent", state = "running",
          owner = { uuid = "9a1e6c34-2b5d-4f70-8c93-6d0e4b7a2f51", login = "racing" },
          package = { uuid = "c0ffee00-1234-4abc-8def-000000000001" },
          server = { uuid = "44454c4c-3200-1042-8050-b4c04f313233" } }
      end }]]
  -- One question, and the same without it.
  local one = [[
    local rule = require "auditrecv.rule"
    local vm = require "auditrecv.lookup".source { name = "triton_vm", service = "vmapi", key = "uuid",
      path = "/vms/{key}", fields = { "alias" }, key_field = "uuid", keep = 3600,
      batch = { path = "/vms?uuids={keys}" }, preload = { path = "/vms?state=active&limit={limit}&marker={marker}",
        page = "marker", marker = '{"uuid":"{last}"}', limit = 500 } }
    return rule { name = "one", about = "asks for a name", phase = "enrich", when = { zonename = rule.no { "global" } },
      apply = function(doc) local known = %s doc.zonealias = known and known.alias end }]]
  local function rules_of(name, text)
    local directory = ("%s/rules_%s"):format(out, name)
    os.execute(("mkdir -p %s && chmod 755 %s"):format(directory, directory))
    process.write(directory .. "/" .. name .. ".lua", text)
    os.execute(("chmod 644 %s/%s.lua"):format(directory, name))
    return directory
  end
  local pack = rules_of("triton", process.read "rules/triton.lua")
  local load = { window = 4096, connections = 1 }
  row("no question, a constant", repeated { trail = zones, lookups = lookups, known = true, load = load,
    rules = rules_of("without", one:format '{ alias = "zone-1" }') })
  row("one question, its answer known", repeated { trail = zones, lookups = lookups, known = true, load = load,
    rules = rules_of("one", one:format "vm(doc.zonename)") })
  row("a rule that writes constants", repeated { trail = zones, rules = rules_of("constant", constant), load = load })
  row("the pack, everything known", repeated { trail = zones, rules = pack, lookups = lookups, known = true,
    load = load })
  -- With a journal: what waits for a name does not hold up an acknowledgement.
  row("journal, a rule that writes constants", repeated { trail = zones, rules = rules_of("constant", constant),
    load = load, journal = true })
  services:faults { vmapi = { kind = "slow", delay = 2 } }
  row("journal, nothing known, VMAPI after 2 s", repeated { trail = zones, rules = pack, lookups = lookups,
    load = load, journal = true })
  services:stop()
end

title "praudit on the same trail"
if os.execute "command -v praudit >/dev/null 2>&1" then
  for _, trail in ipairs(trails) do
    local began = process.now()
    os.execute("praudit -xn " .. trail_file(trail) .. " >/dev/null")
    say("%-36s %.2f us a record", trail, (process.now() - began) * 1e6 / records)
  end
else
  say "it is not installed"
end
