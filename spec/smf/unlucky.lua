-- unlucky: a method is tried with each of its commands failing in turn, and is cut off behind each that changes
-- something.
local looks_only = require "spec.support.smf.fake_host".looks_only

local unlucky = { looks_only = looks_only }

local function try(story, what, wanted, check)
  local host = story.host
  host:reset()
  host:run(story.service, story.verb)
  local calls = host:all_calls()
  assert(#calls > 3)
  for n, line in ipairs(calls) do
    if wanted(line) then
      host:reset()
      local status, said = host:run(story.service, story.verb, { [what] = n })
      check(n, line, status, said)
    end
  end
end

--- story = { host = as it was kept, service, verb }; what = "fail_at" or "kill_at"; check(n, line, status, said) is
--- called behind each unlucky run.
function unlucky.each_command(story, what, check) try(story, what, function() return true end, check) end

--- The same for those commands only that change something.
function unlucky.each_change(story, what, check)
  try(story, what, function(line) return not looks_only(line) end, check)
end

return unlucky
