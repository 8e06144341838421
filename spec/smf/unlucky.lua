-- unlucky: a method is tried with each of its commands failing in turn, and is cut off behind each that changes
-- something.
local unlucky = {}

function unlucky.looks_only(line)
  for _, start in ipairs { "auditconfig %-get", "auditconfig %-lsevent", "svcprop", "svcs", "zonename", "file",
    "getent", "id", "uname" } do
    if line:find("^" .. start) then return true end
  end
  return false
end

local function lines_of(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

local function try(story, what, wanted, check)
  local host = story.host
  host:reset()
  host:run(story.service, story.verb, story.options)
  local calls = lines_of(require "spec.support.process".read(host.folder .. "/calls"))
  assert(#calls > 3)
  for n, line in ipairs(calls) do
    if wanted(line) then
      host:reset()
      local options = { [what] = n }
      for name, value in pairs(story.options or {}) do options[name] = value end
      local status, said = host:run(story.service, story.verb, options)
      check(n, line, status, said)
    end
  end
end

--- story = { host = as it was kept, service, verb, options }; what = "fail_at" or "kill_at";
--- check(n, line, status, said) is called behind each unlucky run.
function unlucky.each_command(story, what, check) try(story, what, function() return true end, check) end

--- The same for those commands only that change something.
function unlucky.each_change(story, what, check)
  try(story, what, function(line) return not unlucky.looks_only(line) end, check)
end

return unlucky
