-- helper: busted loads it before the first spec of this folder. Whatever a spec leaves running ends with the run.
local busted = require "busted"
local process = require "spec.support.process"
local server = require "spec.servers.server"
require "spec.servers.shared" -- loaded here, it is one for all files

io.stdout:setvbuf "line" -- these specs take seconds each: say it as it happens

busted.subscribe({ "suite", "end" }, function()
  server.stop_all()
  process.clean()
  return nil, true
end)
