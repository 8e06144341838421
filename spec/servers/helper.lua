-- helper: busted loads it before the first spec of this folder. Whatever a spec leaves running ends with the run.
local busted = require "busted"
local shell = require "spec.servers.shell"

io.stdout:setvbuf "line" -- these specs take seconds each: say it as it happens

busted.subscribe({ "suite", "end" }, function()
  shell.end_all()
  return nil, true
end)
