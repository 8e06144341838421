-- oracle: drives the program of the same name (oracle.c), and the daemon that it watches.
local daemon = require "spec.support.daemon"
local process = require "spec.support.process"

local oracle = {}
oracle.__index = oracle

local built = ".build/" .. (os.getenv "FLAVOR" or "plain")

--- How often, or how long: so much in CI, and ROUNDS times as much with `make torture`.
function oracle.rounds(few) return few * math.tointeger(tonumber(os.getenv "ROUNDS" or 1)) end

--- The file that is to be loaded before the daemon so that its disk is watched and can fail.
oracle.disk = os.getenv "PWD" .. "/" .. built .. "/disk.so"

local running = {}

--- hosts, window; flags: "trap", "wait", "noise=N". oracle.clean() ends it.
function oracle.start(hosts, window, ...)
  local folder = process.folder()
  local fifo = folder .. "/commands"
  assert(os.execute("mkfifo " .. fifo))
  local self = setmetatable({ lines = 0, hosts = hosts }, oracle)
  self.process = process.start(folder, "oracle", { built .. "/oracle", tostring(hosts), tostring(window), ... },
    { input = fifo })
  self.commands = assert(io.open(fifo, "w"))
  self.port = self:answer().port
  self.url = "http://127.0.0.1:" .. self.port
  running[#running + 1] = self
  return self
end

local function parse(line)
  local values = {}
  for key, value in line:gmatch "([%w_]+)=([^ ]*)" do values[key] = tonumber(value) or value end
  values.fault = line:match "fault=(.*)$"
  return values
end

-- The next line that it says.
function oracle:answer()
  self.lines = self.lines + 1
  return process.until_true("an answer of the oracle", function()
    local n = 0
    for line in self.process:stdout():gmatch "([^\n]*)\n" do
      n = n + 1
      if n == self.lines then return parse(line) end
    end
    assert(not self.process:poll(), self.process:stderr())
  end)
end

--- Tells it something; see oracle.c for what.
function oracle:tell(...)
  self.commands:write(table.concat({ ... }, " "), "\n")
  self.commands:flush()
  return self:answer()
end

function oracle:report() return self:tell "report" end

--- A free port that stays the same when the daemon starts again.
function oracle.free_port()
  local socket = require "socket"
  local s = assert(socket.bind("127.0.0.1", 0))
  local _, port = s:getsockname()
  s:close()
  return math.tointeger(tonumber(port))
end

--- A daemon with a journal before this oracle's index. Options as daemon.start; journal: settings of the journal.
function oracle:daemon(options)
  options = options or {}
  local folder = options.folder or process.folder()
  if not options.folder then process.mkdir(folder .. "/rules") end
  local settings = options.settings or {}
  settings.output = settings.output or { type = "elasticsearch", urls = { self.url }, template_name = "" }
  settings.journal = settings.journal or { directory = folder .. "/journal", segment_bytes = 1 << 20 }
  settings.limits = settings.limits or { startups = "1000:30:1000", max_rate = 0 }
  local d = daemon.start { folder = folder, port = options.port, settings = settings, rules = options.rules,
    env = options.env, under = options.under }
  d.again = function(changed)
    return self:daemon { folder = folder, port = d.port, settings = changed or options.settings, env = options.env }
  end
  return d
end

--- Waits until a daemon knows the fate of everything that it has.
function oracle.idle(d, limit)
  process.until_true("the fate of every record", function()
    d.process:kill(process.signal.SIGUSR1)
    process.sleep(0.05)
    return d:counts().waiting == 0
  end, limit or 60)
end

-- What a long run has to show for itself.
local function tell_figures(hosts, last)
  if oracle.rounds(1) == 1 then return end
  print(("  %d hosts, %d connections: %d records taken, %d acknowledged, %d lost by full windows, %d stored, %d refused"
    .. " as stored before; acknowledged in %.1f ms (p50), %.1f (p99), %.1f at most"):format(hosts, last.connections,
    last.put, last.acked, last.lost, last.stored, last.conflicts, last.p50 / 1e3, last.p99 / 1e3, last.max / 1e3))
end

--- Waits until every record that a host's plugin took is acknowledged and, but for noise, has its document.
function oracle:settled(limit)
  local last
  local ok = pcall(process.until_true, "everything to settle", function()
    last = self:report()
    process.sleep(0.05)
    return last.faults > 0 or last.outstanding == 0 and last.acked == last.put and last.acked_missing == 0
  end, limit or 60)
  assert(ok, ("not settled: put=%d acked=%d stored=%d outstanding=%d acked_missing=%d"):format(last.put, last.acked,
    last.stored, last.outstanding, last.acked_missing))
  assert(last.faults == 0, last.fault)
  tell_figures(self.hosts, last)
  return last
end

--- The counts of a daemon, by sender, from the log of SIGUSR1.
function oracle.senders(d)
  local before = select(2, d:log():gsub("event=counts ", ""))
  d.process:kill(process.signal.SIGUSR1)
  process.until_true("the counts", function()
    return select(2, d:log():gsub("event=counts ", "")) > before and d:log():match "event=rule_counts" or
      select(2, d:log():gsub("event=counts ", "")) > before
  end)
  process.sleep(0.1)
  local senders = {}
  for line in d:log():gmatch "[^\n]+" do
    if line:find("event=sender_counts ", 1, true) then senders[line:match "sender=(%S+)"] = parse(line) end
  end
  return senders
end

--- Ends every oracle, and all that process.clean() ends.
function oracle.clean()
  local all = running
  running = {}
  for _, one in ipairs(all) do
    one.commands:close()
    one.process:wait()
  end
  process.clean()
end

return oracle
