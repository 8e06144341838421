-- unlucky: a method is tried with each of its commands failing in turn, and is cut off behind each that changes
-- something.
local looks_only = require "spec.support.smf.fake_host".looks_only

local unlucky = { looks_only = looks_only }

-- The complete set under dash, and once more with the others in turn, so that each of them sees a part of every story.
-- A story of one round has one shell for each step.
local others, all = { "mksh", "ksh93" }, { "dash", "mksh", "ksh93" }

local function shells_for(story, turn)
  if story.one_round then return { all[turn % #all + 1] } end
  return { "dash", others[turn % #others + 1] }
end

local function run(story, options)
  for name, value in pairs(story.options or {}) do options[name] = value end
  return story.host:run(story.service, story.verb, options)
end

local function try(story, what, wanted, check)
  local host = story.host
  host:reset()
  run(story, {})
  local calls, turn = host:all_calls(), 0
  assert(#calls > 3)
  for n, line in ipairs(calls) do
    if wanted(line) and not (story.skips and story.skips(line)) then
      turn = turn + 1
      for _, shell in ipairs(shells_for(story, turn)) do
        host:reset()
        host.shell = shell -- for what the check runs, too
        local status, said = run(story, { [what] = n })
        check(n, line, status, said)
      end
    end
  end
  host.shell = nil
end

--- story = { host = as it was kept, service, verb, one_round, options = further ones of host:run, skips(line) = true
--- for calls that are somebody else's }; what = "fail_at" or "kill_at"; check(n, line, status, said) is called behind
--- each unlucky run, and host.shell is the shell that it had.
function unlucky.each_command(story, what, check) try(story, what, function() return true end, check) end

--- The same for those commands only that change something.
function unlucky.each_change(story, what, check)
  try(story, what, function(line) return not looks_only(line) end, check)
end

return unlucky
