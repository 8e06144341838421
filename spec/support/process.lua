-- process: programs for stories: started with arguments, watched line by line, ended for sure.
local core = require "core.process"

local process = {}
process.__index = process

local running = {} -- pid -> process, so that nothing outlives the specs

--- Seconds of a clock that never steps.
process.now = core.now
process.sleep = core.sleep
process.mkdir = core.mkdir
process.chmod = core.chmod
process.signal = core

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
  local path = core.folder()
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

--- Starts a program; out and err go to files in `folder`. Options: env = { NAME = value }, stdin = text, input = file.
function process.start(folder, name, argv, options)
  options = options or {}
  local self = setmetatable({ name = name, folder = folder, out = folder .. "/" .. name .. ".out",
    err = folder .. "/" .. name .. ".err" }, process)
  local input, environment = options.input or "/dev/null", {}
  if options.stdin then input = process.write(folder .. "/" .. name .. ".in", options.stdin) end
  for n, v in pairs(options.env or {}) do environment[#environment + 1] = n .. "=" .. v end
  self.pid = core.start(argv, input, self.out, self.err, environment)
  running[self.pid] = self
  return self
end

--- The exit status (128 + signal when killed) once it has ended, or nil.
function process:poll()
  if not self.status then
    self.status = core.ended(self.pid)
    if self.status then running[self.pid] = nil end
  end
  return self.status
end

function process:wait(limit)
  return process.until_true("the end of " .. self.name, function() return self:poll() end, limit)
end

function process:kill(which)
  if not self.status then core.kill(self.pid, which or core.SIGKILL) end
  return self
end

function process:terminate(limit)
  self:kill(core.SIGTERM)
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

return process
