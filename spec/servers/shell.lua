-- shell: other people's commands (curl, openssl, …), with arguments quoted and failures told.
local shell = {}

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

return shell
