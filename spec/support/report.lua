-- report: what busted prints: a line for each spec that did not pass, and the counts at the end.
return function(options)
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base"()
  local passed, failed, skipped = 0, 0, 0

  local function line(mark, name) io.write(mark, " ", name, "\n") end

  local function trouble(element, _, message, trace)
    failed = failed + 1
    line("FAIL ", handler.getFullName(element))
    io.write("      ", tostring(type(message) == "table" and require "pl.pretty".write(message) or message)
      :gsub("\n", "\n      "), "\n")
    if trace and trace.traceback and os.getenv "TRACE" then io.write(trace.traceback, "\n") end
    return nil, true
  end

  busted.subscribe({ "test", "end" }, function(element, _, status, trace)
    local name = handler.getFullName(element)
    if status == "success" then
      passed = passed + 1
      if options.verbose then line("ok   ", name) end
    elseif status == "pending" then
      skipped = skipped + 1
      line("skip ", name .. (trace and trace.message and (": " .. trace.message) or ""))
    end
    return nil, true
  end)
  busted.subscribe({ "failure" }, trouble)
  busted.subscribe({ "error" }, trouble)
  busted.subscribe({ "exit" }, function()
    io.write(("counts: %d %d %d\n"):format(passed, failed, skipped))
    return nil, true
  end)
  return handler
end
