-- process: programs for stories: started with arguments, watched line by line, ended for sure.
local fcntl = require "posix.fcntl"
local poll = require "posix.poll"
local signal = require "posix.signal"
local stdlib = require "posix.stdlib"
local sys_stat = require "posix.sys.stat"
local time = require "posix.time"
local unistd = require "posix.unistd"
local wait = require "posix.sys.wait"

local process = {}
process.__index = process

local running = {} -- pid -> process, so that nothing outlives the specs

--- Seconds of a clock that never steps.
function process.now()
  local t = time.clock_gettime(time.CLOCK_MONOTONIC)
  return t.tv_sec + t.tv_nsec / 1e9
end

function process.sleep(seconds)
  local whole = math.floor(seconds)
  time.nanosleep { tv_sec = whole, tv_nsec = math.floor((seconds - whole) * 1e9) }
end

--- Asks until the answer is true; raises what was waited for after `limit` seconds (generous: slow is no failure).
function process.until_true(what, question, limit)
  local deadline = process.now() + (limit or 30)
  while true do
    local answer = question()
    if answer then return answer end
    if process.now() > deadline then error("waited in vain for " .. what, 2) end
    process.sleep(0.01)
  end
end

--- A new private directory; process.clean() removes it.
local folders = {}
function process.folder()
  local base = os.getenv "TMPDIR" or "/tmp"
  local path = assert(stdlib.mkdtemp(base .. "/auditrecv-spec-XXXXXX"))
  folders[#folders + 1] = path
  return path
end

function process.write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
  return path
end

function process.read(path)
  local file = io.open(path, "rb")
  if not file then return "" end
  local text = file:read "a"
  file:close()
  return text
end

function process.mkdir(path)
  assert(sys_stat.mkdir(path, 448)) -- 0700
  return path
end

--- Starts a program; out and err go to files in `folder`. Options: env = { NAME = value }, stdin = text.
function process.start(folder, name, argv, options)
  options = options or {}
  local self = setmetatable({ name = name, folder = folder, out = folder .. "/" .. name .. ".out",
    err = folder .. "/" .. name .. ".err" }, process)
  local input
  if options.stdin then input = process.write(folder .. "/" .. name .. ".in", options.stdin) end
  local pid = assert(unistd.fork())
  if pid == 0 then
    local mode = fcntl.O_WRONLY | fcntl.O_CREAT | fcntl.O_TRUNC
    unistd.dup2(fcntl.open(input or "/dev/null", fcntl.O_RDONLY), 0)
    unistd.dup2(fcntl.open(self.out, mode, 384), 1)
    unistd.dup2(fcntl.open(self.err, mode, 384), 2)
    for n, v in pairs(options.env or {}) do stdlib.setenv(n, v) end
    local program = table.remove(argv, 1)
    unistd.execp(program, argv)
    unistd._exit(127)
  end
  self.pid = pid
  running[pid] = self
  return self
end

local function ended(self, how, status)
  running[self.pid] = nil
  self.status = how == "exited" and status or 128 + status
  return self.status
end

--- The exit status (128 + signal when killed) once it has ended, or nil.
function process:poll()
  if self.status then return self.status end
  local pid, how, status = wait.wait(self.pid, wait.WNOHANG)
  if pid == self.pid then return ended(self, how, status) end
end

function process:wait(limit)
  return process.until_true("the end of " .. self.name, function() return self:poll() end, limit)
end

function process:kill(which)
  if not self.status then signal.kill(self.pid, which or signal.SIGKILL) end
  return self
end

function process:terminate(limit)
  self:kill(signal.SIGTERM)
  return self:wait(limit)
end

function process:stdout() return process.read(self.out) end
function process:stderr() return process.read(self.err) end

--- Waits until a line of stderr holds every one of the texts; returns the line.
function process:line_with(...)
  local wanted = { ... }
  return process.until_true("a line with " .. table.concat(wanted, ", ") .. " in\n" .. self:stderr(), function()
    for line in self:stderr():gmatch "[^\n]+" do
      local all = true
      for _, text in ipairs(wanted) do all = all and line:find(text, 1, true) end
      if all then return line end
    end
    if self:poll() then error("it ended with " .. self.status .. ":\n" .. self:stderr(), 0) end
  end)
end

--- Ends everything that still runs and removes the folders.
function process.clean()
  for _, p in pairs(running) do p:kill() end
  for _, p in pairs(running) do p:wait() end
  for _, path in ipairs(folders) do os.execute("rm -rf '" .. path .. "'") end
  folders = {}
end

process.signal = signal
process.poll_fd = poll
return process
