-- `make demo` shows what it promises. (What make does before it is the build, which these specs run on.)
local daemon = require "spec.support.daemon"
local process = require "spec.support.process"

describe("the demo", function()
  local function demo(env)
    local folder = process.folder()
    env.AUDITRECV = daemon.program:sub(1, 1) == "/" and daemon.program or nil
    env.TMPDIR = process.mkdir(folder .. "/tmp")
    local p = process.start(folder, "demo", { "sh", "spec/demo" }, { env = env })
    local status = p:wait(120)
    assert(status == 0, p:stdout() .. p:stderr())
    return p:stdout(), folder
  end

  it("shows documents before and after rules, tells what became of every record, and leaves nothing behind", function()
    local text, folder = demo { ELASTICSEARCH_URL = "" }
    local received, acknowledged, dropped, redacted, written =
      text:match "(%d+) records received, (%d+) acknowledged; (%d+) dropped by rules, (%d+) redacted, (%d+) written%."
    assert(received, text)
    assert.equal(received, acknowledged)
    assert(tonumber(dropped) > 50 and tonumber(redacted) > 0, text)
    assert.equal(tonumber(received), dropped + written)
    assert.matches("%- %[[^\n]*hunter2", text)
    assert.no_matches("%+ %[[^\n]*hunter2", text)
    assert.matches("%- {[^+]*correct%-horse", text)
    assert.no_matches("%+ {[^-]*correct%-horse", text)
    assert.matches("\n    tags +%+ %[", text)
    assert.matches('\n    zonealias +%+ "acme%-web%-1"', text)
    assert.matches('\n    zonealias +%+ "ops%.team%-build%-3"', text)
    assert.matches("\n    00000000000000000001%.journal +1 +" .. received .. " ", text)
    assert.matches("Cron's bookkeeping: 91 documents before, 1 now", text)
    assert.no_matches("\27", text)
    local left = assert(io.popen("ls -A '" .. folder .. "/tmp'"))
    assert.equal("", left:read "a")
    left:close()
  end)
end)
