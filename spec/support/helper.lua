-- helper: what every spec may count on; busted loads it before the first one.
math.randomseed(tonumber(os.getenv "SEED" or "") or 20260101)
_G.a_record = require "spec.support.a_record"
require "spec.support.assertions"

-- Programs and folders of a file of specs end with it.
require "busted".subscribe({ "file", "end" }, function()
  local process = package.loaded["spec.support.process"]
  if process then process.clean() end
  return nil, true
end)
