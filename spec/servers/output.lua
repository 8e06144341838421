-- output: how busted reports these specs: one line a case with its time, since they take seconds, and at the end
-- a line of counts for spec/servers/run.
local handler = require "busted.outputHandlers.base" ()
local busted = require "busted"
local socket = require "socket"

local began

local function say(...)
  io.write(string.format(...), "\n")
  io.flush()
end

local function tell(word, name, seconds, list)
  say("%-5s %6.1f s  %s", word, seconds, name)
  if not list then return end
  local last = list[#list]
  local trace = last.trace or {}
  say("      at %s:%s", trace.short_src or "?", trace.currentline or "?")
  local message = last.message
  if type(message) ~= "string" then message = require "pl.pretty".write(message) end
  say("      %s", (message:gsub("\n", "\n      ")))
end

function handler.test_start()
  began = socket.gettime()
  return nil, true
end

function handler.test_end(element, _, status)
  local lists = { failure = handler.failures, error = handler.errors, pending = handler.pendings }
  local words = { success = "ok", failure = "FAIL", error = "FAIL", pending = "skip" }
  tell(words[status], handler.getFullName(element), socket.gettime() - began, lists[status])
  return nil, true
end

function handler.outside_error(element)
  if element.descriptor ~= "it" then tell("FAIL", handler.getFullName(element), 0, handler.errors) end
  return nil, true
end

function handler.suite_end()
  local file <close> = assert(io.open(os.getenv "SERVER_COUNTS", "a"))
  file:write(("%d %d %d %s\n"):format(handler.successesCount, handler.failuresCount + handler.errorsCount,
    handler.pendingsCount, os.getenv "SERVER_NAME"))
  return nil, true
end

busted.subscribe({ "test", "start" }, handler.test_start)
busted.subscribe({ "test", "end" }, handler.test_end)
busted.subscribe({ "error" }, handler.outside_error)
busted.subscribe({ "failure" }, handler.outside_error)
busted.subscribe({ "suite", "end" }, handler.suite_end)

return function() return handler end
