-- daemon: the real program for stories: `auditrecv serve` on a free port of the loopback, with its own folder.
local cjson = require "cjson"
local process = require "spec.support.process"

local daemon = {}
daemon.__index = daemon

local function literal(value)
  if type(value) == "table" then
    local parts = {}
    for k, v in pairs(value) do
      parts[#parts + 1] = (type(k) == "string" and ("[%q] = "):format(k) or "") .. literal(v)
    end
    return "{ " .. table.concat(parts, ", ") .. " }"
  end
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

local function merge(into, from)
  for k, v in pairs(from) do
    local both = type(v) == "table" and type(into[k]) == "table" and #v == 0
    if both then merge(into[k], v) else into[k] = v end
  end
  return into
end

--- The program under test; FLAVOR picks the build.
daemon.program = os.getenv "AUDITRECV" or ".build/plain/auditrecv"

--- A wall clock that can be set (spec/support/clock.c): the environment of programs that are to have it, and
--- shift(seconds), how far it is ahead from then on. hurry: TCP keep-alive asks so many times as soon.
function daemon.clock(folder, hurry)
  local file = ("%s/clock%d"):format(folder, math.random(1, 1 << 30))
  local library = ("%s/.build/%s/clock.so"):format(os.getenv "PWD", os.getenv "FLAVOR" or "plain")
  local function shift(seconds)
    local f = assert(io.open(file, "r+b") or io.open(file, "wb"))
    f:write(string.pack("=i8", seconds))
    f:close()
  end
  shift(0)
  local env = { CLOCK_SHIFT = file, CLOCK_HURRY = hurry,
    LD_PRELOAD = ((os.getenv "LD_PRELOAD" or "") .. ":" .. library):gsub("^:", "") }
  return env, shift
end

--- Runs a command of the program to its end: daemon.run(folder, { "check", "-c", file }) -> process
function daemon.run(folder, argv, options)
  local name = argv[1] .. tostring(math.random(1, 1 << 30))
  table.insert(argv, 1, daemon.program)
  local p = process.start(folder, name, argv, options)
  p:wait(120)
  return p
end

--- Writes rule files { ["name.lua"] = source } into the daemon's rules directory.
function daemon:write_rules(rules)
  for name, source in pairs(rules) do process.write(self.rules .. "/" .. name, source) end
end

--[[ Starts the daemon and waits until it is ready.
  options.settings: merged over those of a story (one listener with `dummy` for the loopback, documents to a file)
  options.rules: { ["name.lua"] = source }
  options.folder: of an earlier daemon, to start again on its files
  options.port: to come back where senders look for it
  options.under: a program with its arguments that runs the daemon: { "strace", … }
  options.ready = false: do not wait ]]
function daemon.start(options)
  options = options or {}
  local folder = options.folder or process.folder()
  local self = setmetatable({ folder = folder, rules = folder .. "/rules", dead_directory = folder .. "/dead",
    documents_file = folder .. "/documents.ndjson" }, daemon)
  if not options.folder then process.mkdir(self.rules) end
  self:write_rules(options.rules or {})
  self.settings = merge({
    listen = { { address = "127.0.0.1", port = options.port or 0, mechanisms = { "dummy" },
      dummy_from = { "127.0.0.0/8" } } },
    rules = { directory = self.rules },
    output = { type = "file", path = self.documents_file },
    dead_letters = { directory = self.dead_directory },
    stop = { time_limit = 20, linger = 2 },
  }, options.settings or {})
  self.settings_file = process.write(folder .. "/auditrecv.lua", "return " .. literal(self.settings) .. "\n")
  local argv = table.move(options.under or {}, 1, #(options.under or {}), 1, {})
  table.move({ daemon.program, "serve", "-c", self.settings_file }, 1, 4, #argv + 1, argv)
  self.process = process.start(folder, "serve" .. math.random(1, 1 << 30), argv, options)
  if options.ready ~= false then
    self.process:line_with "event=ready"
    self.port = tonumber(self.process:line_with("event=listening", "port="):match "port=(%d+)")
  end
  return self
end

--- Documents written so far (output "file"), as lines of JSON.
function daemon:documents()
  local lines = {}
  for line in process.read(self.documents_file):gmatch "([^\n]+)\n" do lines[#lines + 1] = line end
  return lines
end

--- Dead letters: what their notes say (reason, rule, …), with number, sender, sender_sequence, size and record.
function daemon:dead()
  local journal = require "core.journal"
  local reader, letters = journal.reader(self.dead_directory), {}
  if not reader then return letters end
  reader:seek(reader:cursor())
  while true do
    local kind, entry = reader:next()
    if kind ~= "entry" then break end
    local letter = cjson.decode(entry.note)
    letter.number, letter.sender, letter.sender_sequence = entry.number, entry.name, entry.sequence
    letter.size, letter.record, letter.group = entry.full_size, entry.bytes, entry.group
    letters[#letters + 1] = letter
  end
  reader:close()
  return letters
end

--- The log line with these texts, waited for.
function daemon:logged(...) return self.process:line_with(...) end
function daemon:log() return self.process:stderr() end

function daemon:reload() self.process:kill(process.signal.SIGHUP) return self end

-- Every record that came has one fate, or waits: in all, and sender by sender.
local function check_balance(counts, what)
  local fates = counts.indexed + counts.existed + counts.dropped + counts.dead + counts.resent + counts.damaged
  assert(counts.received + counts.recovered == fates + counts.waiting, "the ledger does not balance: " .. what)
end

--- SIGTERM, and the exit status. Checks on the way that the counts balance.
function daemon:stop(limit)
  self.process:kill(process.signal.SIGUSR1)
  local status = self.process:terminate(limit or 60)
  local counts = self:counts()
  -- The program has counted once more, record by record.
  assert(not self:log():find("ledger_does_not_balance", 1, true), self:log())
  check_balance(counts, self:log())
  for line in self:log():gmatch "[^\n]+" do
    if line:find("event=sender_counts ", 1, true) then check_balance(self.numbers(line), line) end
  end
  return status, counts
end

function daemon:kill() self.process:kill() self.process:wait() return self end

--- The numbers of a line of the log, by their names.
function daemon.numbers(line)
  local numbers = {}
  for k, v in line:gmatch "([%w_]+)=(%d+)" do numbers[k] = tonumber(v) end
  return numbers
end

--- The numbers of the last counts line of the log (the one of the stop, or of SIGUSR1).
function daemon:counts()
  local counts = {}
  for line in self:log():gmatch "[^\n]+" do
    if line:find("event=stopped", 1, true) or line:find("event=counts", 1, true) then counts = self.numbers(line) end
  end
  return counts
end

daemon.process_library = process
return daemon
