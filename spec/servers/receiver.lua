-- receiver: `auditrecv serve` with a real server behind it, and `auditrecv send` before it.
local daemon = require "spec.support.daemon"
local process = require "spec.support.process"
local shell = require "spec.servers.shell"

local receiver = {}

---@class receiver.Options
---@field output table settings of the output, beyond its type
---@field index? string
---@field rules? table file name → text
---@field again? table an earlier daemon, whose folder and port this one takes over

--- Starts it and waits until it is ready.
---@param options receiver.Options
---@return table a daemon (spec/support/daemon.lua)
function receiver.start(options)
  local output = { type = "elasticsearch" }
  for key, value in pairs(options.output) do output[key] = value end
  return daemon.start {
    rules = options.rules, folder = options.again and options.again.folder, port = options.again and options.again.port,
    settings = { index = options.index, output = output },
  }
end

--- Runs another subcommand with the settings of a daemon: what it printed, its exit status.
---@param d table
---@param ... string
---@return string, integer
function receiver.run(d, ...)
  local words = { ... }
  words[#words + 1] = "-c"
  words[#words + 1] = d.settings_file
  local p = daemon.run(d.folder, words)
  return p:stdout() .. p:stderr(), p.status
end

--- Puts the index template in force, as a user would.
---@param d table
function receiver.install_template(d)
  local printed, status = receiver.run(d, "template", "install")
  if status ~= 0 then error("template install: " .. printed, 2) end
end

--- The counts of the whole daemon, asked for now.
---@param d table
---@return table name → number
function receiver.counts(d)
  local before = #d:log()
  d.process:kill(process.signal.SIGUSR1)
  process.until_true("counts in the log", function()
    local log = d:log()
    -- A line that only says what the last one said is folded into a count of repetitions.
    return log:find("event=counts [^\n]*\n", before + 1) or log:find("of=counts [^\n]*\n", before + 1)
  end)
  return d:counts()
end

--- Begins to send a trail and does not wait; answers the process (spec/support/process.lua).
---@param d table
---@param trail string file
---@param window? integer
---@return table
function receiver.begin_send(d, trail, window)
  return process.start(d.folder, "send" .. math.random(1, 1 << 30), {
    daemon.program, "send", "--to", "127.0.0.1:" .. d.port, "--mech", "dummy", "--window", tostring(window or 500),
    "--attempts", "1000", trail,
  })
end

--- Waits until a sending has ended well, with everything acknowledged.
---@param d table
---@param sending table
---@param seconds? number
function receiver.finish_send(d, sending, seconds)
  local status = sending:wait(seconds or 120)
  if status ~= 0 then
    error(("send ended with %d:\n%s\nand serve says:\n%s"):format(status, sending:stderr(), d:log():sub(-3000)), 2)
  end
end

--- Sends a trail and waits until everything in it is acknowledged.
---@param d table
---@param trail string file
---@param window? integer
function receiver.send(d, trail, window) receiver.finish_send(d, receiver.begin_send(d, trail, window)) end

--- Ends a daemon that may have unsettled records, without waiting for them.
---@param d table
function receiver.give_up(d)
  if d.process:poll() == nil then d:kill() end
end

--- The documents of a trail as `auditrecv decode` has them: JSON lines.
---@param trail string file
---@return string[]
function receiver.decode(trail)
  local lines, printed = {}, shell.must(shell.line { daemon.program, "decode", "--no-rules", trail })
  for line in printed:gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

--- Writes a file of its own for these bytes; answers its path.
---@param bytes string
---@return string
function receiver.write(bytes) return process.write(process.folder() .. "/trail", bytes) end

--- Writes a trail of the project's own generator; answers the file.
---@param count integer
---@param seed integer
---@return string
function receiver.generate(count, seed)
  local path = process.folder() .. "/trail"
  shell.must(shell.line {
    "lua5.4", "spec/bench/generate.lua", "--profile", "mixed", "--records", tostring(count),
    "--seed", tostring(seed), "--out", path,
  })
  return path
end

return receiver
