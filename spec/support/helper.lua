-- helper: what every spec may count on; busted loads it before the first one.
math.randomseed(tonumber(os.getenv "SEED" or "") or 20260101)
_G.a_record = require "spec.support.a_record"
require "spec.support.assertions"

-- Programs and folders of a file of specs end with it.
local cleaned = pcall(require, "posix.unistd") and require "spec.support.process"
if cleaned then
  require "busted".subscribe({ "file", "end" }, function()
    cleaned.clean()
    return nil, true
  end)
end
