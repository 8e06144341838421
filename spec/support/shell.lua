-- shell: commands of the shell, for specs that look at files and packages.
local shell = {}

--- What a command says on both its outputs, and its exit status.
---@param command string
function shell.said(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1 </dev/null; echo \"status $?\""))
  local text = pipe:read "a"
  pipe:close()
  local said, status = text:match "^(.-)status (%d+)\n$"
  return said, tonumber(status)
end

--- The same for a command that has to succeed; without the line break at its end.
function shell.must(command)
  local said, status = shell.said(command)
  if status ~= 0 then error(command .. "\nended with " .. status .. ":\n" .. said, 2) end
  return (said:gsub("\n$", ""))
end

function shell.has(program) return select(2, shell.said("command -v " .. program)) == 0 end

return shell
