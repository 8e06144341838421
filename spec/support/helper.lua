-- helper: what every spec may count on; busted loads it before the first one.
math.randomseed(tonumber(os.getenv "SEED" or "") or 20260101)
_G.a_record = require "spec.support.a_record"
require "spec.support.assertions"
