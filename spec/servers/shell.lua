-- shell: running commands from a spec, with arguments quoted and failures told.
local shell = {}

-- The groups of processes that run, also in the file that spec/servers/run clears up by.
local running = {}

local function remember(group, runs)
  running[group] = runs
  local path = os.getenv "SERVER_GROUPS"
  if not path then return end
  local list = {}
  for g in pairs(running) do list[#list + 1] = g .. "\n" end
  shell.write_file(path, table.concat(list))
end

--- One argument, quoted for sh.
---@param text string|integer
---@return string
function shell.quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

--- A command line of a list of arguments.
---@param list table
---@return string
function shell.line(list)
  local quoted = {}
  for i, argument in ipairs(list) do quoted[i] = shell.quote(argument) end
  return table.concat(quoted, " ")
end

--- Runs a command line; answers what it printed on both outputs, and its exit status.
---@param command string
---@return string, integer
function shell.run(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1", "r"))
  local printed = pipe:read "a"
  local _, _, status = pipe:close()
  return printed, status
end

--- Runs a command line that has to succeed; answers what it printed.
---@param command string
---@return string
function shell.must(command)
  local printed, status = shell.run(command)
  if status ~= 0 then error(("exit %d of: %s\n%s"):format(status, command, printed), 2) end
  return printed
end

--- Starts a program as the leader of a session of its own, with its output in a file.
--- Answers the process id, which is also that of its group.
---@param list table the program and its arguments
---@param log string file for both outputs, appended to
---@param environment? table name → value
---@return integer
function shell.start(list, log, environment)
  local set = {}
  for name, value in pairs(environment or {}) do set[#set + 1] = name .. "=" .. shell.quote(value) end
  local pid_file = os.tmpname()
  shell.must(("%s setsid sh -c 'echo $$ > \"$0\"; exec \"$@\"' %s %s </dev/null >>%s 2>&1 &\nwait_for=%s; "
    .. "until [ -s \"$wait_for\" ]; do sleep 0.02; done"):format(table.concat(set, " "), shell.quote(pid_file),
    shell.line(list), shell.quote(log), shell.quote(pid_file)))
  local pid = math.tointeger(tonumber(shell.read_file(pid_file)))
  os.remove(pid_file)
  remember(pid, true)
  return pid
end

--- Whether any process of a group is still there.
---@param group integer
---@return boolean
function shell.group_alive(group)
  -- A zombie that nobody has waited for is gone as far as we are concerned.
  local printed = shell.run(("ps -o stat= -g %d 2>/dev/null | grep -v '^Z'"):format(group))
  return printed:match "%S" ~= nil
end

--- Sends a signal to a group of processes; one that has gone already is no error.
---@param group integer
---@param signal string name without SIG
function shell.signal_group(group, signal)
  shell.run(("kill -s %s -- -%d"):format(signal, group))
end

--- Ends a group as a power cut would.
---@param group integer
function shell.kill_group(group)
  shell.signal_group(group, "KILL")
  shell.wait(10, function() return not shell.group_alive(group) end)
  remember(group, nil)
end

--- Ends a group: SIGTERM, and SIGKILL when it has not gone in time. Answers whether SIGTERM was enough.
---@param group integer
---@param seconds number
---@return boolean
function shell.end_group(group, seconds)
  shell.signal_group(group, "TERM")
  local gone = shell.wait(seconds, function() return not shell.group_alive(group) end)
  if not gone then shell.kill_group(group) end
  remember(group, nil)
  return gone
end

--- Ends whatever still runs.
function shell.end_all()
  for group in pairs(running) do shell.end_group(group, 20) end
end

--- Asks again and again until the answer is true or the time is over; answers the last answer.
---@generic T
---@param seconds number
---@param ask fun(): T
---@param pause? number seconds between two questions
---@return T
function shell.wait(seconds, ask, pause)
  local socket = require "socket"
  local deadline = socket.gettime() + seconds
  while true do
    local answer = ask()
    if answer or socket.gettime() >= deadline then return answer end
    socket.sleep(pause or 0.05)
  end
end

---@param path string
---@return string
function shell.read_file(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

---@param path string
---@param text string
function shell.write_file(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

--- A TCP port on loopback that nobody uses now.
---@return integer
function shell.free_port()
  local socket = require "socket"
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return math.tointeger(tonumber(port))
end

return shell
