-- Rules directories for specs: written where nobody else can, taken away at the end of the process.
--
--   local script = rules_directory.open({ ["a.lua"] = "return rule { … }" }, { time_limit = 20 })
--
-- What every rule begins with, `local rule = require "auditrecv.rule"`, is put in front of each file, in its first
-- line.

local core = require "core.script"

local rules_directory = {}

local base, count

local function run(command, ...)
  assert(os.execute(command:format(...)))
end

--- A new directory with these files; names may have a folder in front.
---@param files table<string, string>
---@return string
function rules_directory.make(files)
  if not base then
    base, count = os.tmpname(), 0
    os.remove(base)
    run("mkdir -m 700 '%s'", base)
    -- Collected at the end of the process, not before.
    rules_directory.cleaner = setmetatable({}, { __gc = function() os.execute(("rm -rf '%s'"):format(base)) end })
  end
  count = count + 1
  local directory = ("%s/%d"):format(base, count)
  run("mkdir -m 755 '%s'", directory)
  for name, text in pairs(files) do
    local folder = name:match "^(.*)/"
    if folder then run("mkdir -p -m 755 '%s/%s'", directory, folder) end
    local file = assert(io.open(directory .. "/" .. name, "wb"))
    file:write(text:find "^\27" and "" or 'local rule = require "auditrecv.rule" ', text)
    file:close()
    run("chmod 644 '%s/%s'", directory, name)
  end
  return directory
end

--- A script with these files, or a directory; options as core.script.open takes them. Raises when it does not open.
---@param files table<string, string>|string
---@param options? table
function rules_directory.open(files, options)
  local config = { directory = type(files) == "string" and files or rules_directory.make(files) }
  for key, value in pairs(options or {}) do config[key] = value end
  return assert(core.open(config))
end

--- What is said when these files do not open, without the directory's name.
---@param files table<string, string>
---@return string
function rules_directory.complaint(files)
  local directory = rules_directory.make(files)
  local script, why = core.open { directory = directory }
  assert(script == nil, "the rules were taken")
  local from = why:find(directory, 1, true)
  return from and why:sub(1, from - 1) .. why:sub(from + #directory) or why
end

return rules_directory
