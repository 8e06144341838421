-- receiver: the real `auditrecv serve` and `auditrecv send`, as a specs' story needs them.
local shell = require "spec.servers.shell"

local receiver = {}

---@class receiver.Receiver
---@field folder string settings, rules, log and dead letters
---@field port integer
---@field output table settings of its output
local methods = {}
methods.__index = methods

local program = assert(os.getenv "AUDITRECV", "run these specs by spec/servers/run")

-- A value as a settings file has it.
local function literal(value)
  if type(value) ~= "table" then return ("%q"):format(value) end
  local parts = {}
  for _, item in ipairs(value) do parts[#parts + 1] = literal(item) end
  for key, item in pairs(value) do
    if type(key) == "string" then parts[#parts + 1] = ("[%q] = %s"):format(key, literal(item)) end
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

---@class receiver.Options
---@field output table settings of the output, added to type "elasticsearch"
---@field index? string
---@field rules? table file name → text
---@field stop? table settings of the stop

--- Writes settings and rules; nothing runs yet.
---@param options receiver.Options
---@return receiver.Receiver
function receiver.new(options)
  local folder = shell.must "mktemp -d":match "%S+"
  local self = setmetatable({ folder = folder, port = shell.free_port(), output = { type = "elasticsearch" } }, methods)
  for key, value in pairs(options.output) do self.output[key] = value end
  self.log = folder .. "/log"
  self.settings = {
    listen = { { address = "127.0.0.1", port = self.port, mechanisms = { "dummy" }, dummy_from = { "127.0.0.0/8" } } },
    output = self.output, index = options.index, dead_letters = { file = folder .. "/dead" }, stop = options.stop,
  }
  if options.rules then
    shell.must("mkdir " .. folder .. "/rules")
    for name, text in pairs(options.rules) do shell.write_file(folder .. "/rules/" .. name, text) end
    self.settings.rules = { directory = folder .. "/rules" }
  end
  self:write_settings()
  return self
end

--- Writes the settings file anew, after a change of `settings`.
function methods:write_settings()
  shell.write_file(self.folder .. "/settings.lua", "return " .. literal(self.settings) .. "\n")
end

--- A secret in a file that only we can read; answers its path.
---@param name string
---@param text string
---@return string
function methods:secret(name, text)
  local path = self.folder .. "/" .. name
  shell.must(("( umask 077; rm -f %s; : > %s )"):format(path, path))
  shell.write_file(path, text)
  return path
end

--- Runs another subcommand with these settings: what it printed, its exit status.
---@param ... string
---@return string, integer
function methods:run(...)
  local list = { program }
  for _, word in ipairs { ... } do list[#list + 1] = word end
  list[#list + 1], list[#list + 2] = "-c", self.folder .. "/settings.lua"
  return shell.run(shell.line(list))
end

--- Starts it and waits until it is ready.
---@return receiver.Receiver
function methods:start()
  local before = #self:log_text()
  self.group = shell.start({ program, "serve", "-c", self.folder .. "/settings.lua" }, self.log)
  local ready = shell.wait(20, function()
    return self:log_text():find("event=ready", before + 1, true) or not shell.group_alive(self.group)
  end)
  if not ready or not shell.group_alive(self.group) then error("it did not start:\n" .. self:log_text(), 2) end
  return self
end

--- What it has logged so far.
---@return string
function methods:log_text()
  local file <close> = io.open(self.log, "rb")
  return file and file:read "a" or ""
end

--- Waits for a line of the log that holds a text; answers whether it came.
---@param text string
---@param seconds? number
---@return boolean
function methods:says(text, seconds)
  return shell.wait(seconds or 20, function() return self:log_text():find(text, 1, true) end) ~= nil
end

local function pairs_of(line)
  local found = {}
  for key, value in line:gmatch "([%a_]+)=(%d+)" do found[key] = math.tointeger(tonumber(value)) end
  return found
end

local function last_counts(log, event)
  local last
  for line in log:gmatch("[^\n]*event=" .. event .. " [^\n]*") do last = line end
  return last and pairs_of(last)
end

--- The counts of the whole process, asked for now.
---@return table name → number
function methods:counts()
  local before = #self:log_text()
  shell.signal_group(self.group, "USR1")
  shell.wait(10, function() return self:log_text():find("event=counts [^\n]*\n", before + 1) end)
  return assert(last_counts(self:log_text():sub(before + 1), "counts"), "no counts in the log")
end

--- Ends it in its own good time; answers its last counts.
---@return table name → number
function methods:stop()
  local ended = shell.end_group(self.group, 60)
  self.group = nil
  if not ended then error("it did not stop:\n" .. self:log_text():sub(-3000), 2) end
  return assert(last_counts(self:log_text(), "stopped"), "no counts at the end of the log")
end

--- Ends it as a power cut would.
function methods:kill()
  shell.kill_group(self.group)
  self.group = nil
end

--- The lines of its dead letters.
---@return string[]
function methods:dead_letters()
  local lines = {}
  local file <close> = io.open(self.folder .. "/dead", "rb")
  if file then for line in file:lines() do lines[#lines + 1] = line end end
  return lines
end

--- Takes its folder away; ends it first when it still runs.
function methods:remove()
  if self.group then shell.end_group(self.group, 5) end
  self.group = nil
  shell.must("rm -rf " .. shell.quote(self.folder))
end

---@class receiver.Sending
local sending = {}
sending.__index = sending

--- Begins to send a trail and does not wait.
---@param trail string file
---@param window? integer
---@return receiver.Sending
function methods:begin_send(trail, window)
  local status = os.tmpname()
  local list = {
    "sh", "-c", '"$@"; echo $? > ' .. status .. ".done", "sh", program, "send", "--to", "127.0.0.1:" .. self.port,
    "--mech", "dummy", "--window", tostring(window or 500), trail,
  }
  return setmetatable({ group = shell.start(list, status), file = status }, sending)
end

--- Waits for the end: exit status (nil when it has not ended in time, and then it is ended), what it printed.
---@param seconds? number
---@return integer?, string
function sending:finish(seconds)
  shell.wait(seconds or 120, function() return not shell.group_alive(self.group) end)
  shell.end_group(self.group, 1)
  local printed = shell.read_file(self.file)
  local done = io.open(self.file .. ".done", "rb")
  local status = done and math.tointeger(done:read "n")
  if done then done:close() end
  os.remove(self.file)
  os.remove(self.file .. ".done")
  return status, printed
end

--- Whether it has ended.
---@return boolean
function sending:ended() return not shell.group_alive(self.group) end

--- Sends a trail and waits until everything in it is acknowledged.
---@param trail string file
---@param window? integer
function methods:send(trail, window)
  local status, printed = self:begin_send(trail, window):finish()
  if status ~= 0 then
    error(("send ended with %s:\n%s\nand serve says:\n%s"):format(status, printed, self:log_text():sub(-3000)), 2)
  end
end

--- The documents of a trail as `auditrecv decode` has them: JSON lines.
---@param trail string file
---@return string[]
function receiver.decode(trail)
  local lines, printed = {}, shell.must(shell.line { program, "decode", "--no-rules", trail })
  for line in printed:gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

--- Writes a trail of the project's own generator; answers the file, which the caller removes.
---@param count integer
---@param seed? integer
---@return string
function receiver.generate(count, seed)
  local path = os.tmpname()
  shell.must(shell.line {
    "lua5.4", "spec/bench/generate.lua", "--profile", "mixed", "--records", tostring(count),
    "--seed", tostring(seed or 1), "--out", path,
  })
  return path
end

return receiver
