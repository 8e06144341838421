-- session: a reader who types what a page of the manual shows, in one shell, in a folder that looks like the checkout.
local process = require "spec.support.process"

local session = {}
session.__index = session

local MARK = "\1step "

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function link(to, name)
  assert(os.execute(("ln -s %s %s"):format(quoted(to), quoted(name))))
end

--- A folder in which the tree of the project seems to lie, with the build under test at .build/plain.
---@return string
function session.checkout()
  local folder = process.folder()
  local root = assert(io.popen "pwd -P"):read "l"
  for _, name in ipairs { ".ci", "core", "lua", "rules", "spec", "etc", "Makefile", "README.md" } do
    link(root .. "/" .. name, folder .. "/" .. name)
  end
  process.mkdir(folder .. "/.build")
  local program = require "spec.support.daemon".program
  if program:sub(1, 1) ~= "/" then program = root .. "/" .. program end
  link(program:match "^(.*)/", folder .. "/.build/plain")
  return folder
end

--- A port that nobody has at this moment.
---@return integer
function session.free_port()
  local socket = require "socket"
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return math.tointeger(tonumber(port))
end

-- A reader waits for what the daemon has to do before he types on; this does the same.
local function patience(command)
  local log = command:match "2>(%S+)"
  if command:find "serve" and command:find "&$" then
    assert(log, "where does the log go? " .. command)
    return ("log=%s; until grep -qs event=ready $log; do kill -0 $! || exit 70; sleep 0.02; done\n"):format(log)
  elseif command:find "^kill %-HUP" then
    return 'until [ "$(grep -cs "event=reload" $log)" -gt "$reloads" ]; do kill -0 $! || exit 71; sleep 0.02; done\n'
  end
  return ""
end

local function before(command)
  return command:find "^kill %-HUP" and 'reloads=$(grep -c "event=reload" $log)\n' or ""
end

-- One that would never end by itself runs until it is ready.
local function typed(command)
  if command:find "^auditrecv serve" and not command:find "&$" then
    return ("%s 2>serve.log & until grep -qs event=ready serve.log; do kill -0 $! || { cat serve.log; false; break; }; "
      .. "sleep 0.02; done && kill $! && wait $!"):format(command)
  end
  return command
end

local function script(steps)
  local lines = { "exec 2>&1", "cd() { builtin cd \"$@\" >/dev/null; }" }
  for i, step in ipairs(steps) do
    lines[#lines + 1] = ("printf '\\n%s%d\\n'"):format(MARK, i)
    if step.file then
      lines[#lines + 1] = ("printf %%s %s >%s"):format(quoted(step.text), quoted(step.file))
    else
      lines[#lines + 1] = before(step.command) .. typed(step.command)
      if not step.command:find "&$" then
        lines[#lines + 1] = "status=$?; [ $status = 0 ] || "
          .. ("{ printf '\\n%sfailed %%d\\n' $status; exit 1; }"):format(MARK)
      end
      lines[#lines + 1] = patience(step.command)
    end
  end
  lines[#lines + 1] = ("printf '\\n%sdone\\n'"):format(MARK)
  return table.concat(lines, "\n") .. "\n"
end

--- Types the steps (of book.examples; without those for a host) and gives each its `lines`; raises where one fails.
---@param steps table
---@param options table { folder, env }
function session.run(steps, options)
  local file = process.write(options.folder .. "/session.sh", script(steps))
  local p = process.start(options.folder, "session", { "bash", "-c",
    "cd " .. quoted(options.folder) .. " && . " .. quoted(file) }, { env = options.env })
  local status = p:wait(120)
  local step
  for line in (p:stdout() .. "\n"):gmatch "([^\n]*)\n" do
    local mark = line:match("^" .. MARK .. "(.*)$")
    if mark and tonumber(mark) then
      step = steps[tonumber(mark)]
      step.lines = {}
    elseif mark and mark:find "^failed" then
      error(("%s: status %s\n%s"):format(step.at, mark:match "%d+", table.concat(step.lines, "\n")), 2)
    elseif step and mark ~= "done" then
      table.insert(step.lines, line)
    end
  end
  for _, done in ipairs(steps) do -- line breaks in front of the next mark
    while done.lines and done.lines[#done.lines] == "" do table.remove(done.lines) end
  end
  assert(status == 0, ("%s: the shell ended with %d\n%s%s"):format(step and step.at, status, p:stdout(), p:stderr()))
end

return session
