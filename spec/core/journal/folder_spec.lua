local journal = require "core.journal"
local a_journal = require "spec.support.a_journal"

local function shell(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local out = pipe:read "a"
  pipe:close()
  return (out:gsub("\n$", ""))
end

-- On the file system, as it is.
describe("core.journal in a folder", function()
  local top, folder, j

  before_each(function()
    top = shell "mktemp -d"
    assert.matches("^/.", top)
    folder = top .. "/journal"
  end)
  after_each(function()
    if j then j:close() end
    j = nil
    shell("rm -rf '" .. top .. "'")
  end)

  local function open(more) return a_journal.open(nil, setmetatable({ directory = folder }, { __index = more })) end

  it("makes it, for nobody else's eyes", function()
    j = open()
    a_journal.fill(j, 1, 10)
    j:settle()
    assert.equal("700", shell("stat -c %a " .. folder))
    assert.equal("600", shell("stat -c %a " .. folder .. "/* | sort -u"))
    assert.equal("00000000000000000001.journal\ncursor\nlock", shell("LC_ALL=C ls " .. folder))
  end)

  it("leaves it to its user what somebody deletes as root", function()
    j = open()
    a_journal.fill(j, 1, 10)
    j:settle()
    j:close()
    j = nil
    if shell "id -u" ~= "0" then pending "only root can do that" end
    shell(("chown -R 65534:65534 '%s'"):format(folder))
    assert.is_true(journal.forget(folder, { 3 }))
    assert.equal("65534:65534 600", shell(("stat -c '%%u:%%g %%a' '%s/gone'"):format(folder)))
  end)

  it("makes a folder private that was not", function()
    shell("mkdir -m 755 " .. folder)
    j = open()
    assert.equal("700", shell("stat -c %a " .. folder))
  end)

  it("is refused to a second one, and free when the first is closed", function()
    j = open()
    local second, why = journal.open { directory = folder }
    assert.is_nil(second)
    assert.equal(("journal %s: another auditrecv uses it"):format(folder), why)
    j:close()
    j = open()
  end)

  it("follows no symbolic link", function()
    shell(("mkdir -m 700 %s/other && ln -s other %s"):format(top, folder))
    local second, why = journal.open { directory = folder }
    assert.is_nil(second)
    assert.matches("it is no folder", why)
    assert.matches("it is no folder", select(2, journal.check { directory = folder }))
    shell(("rm %s && mkdir -m 700 %s && echo safe >%s/victim"):format(folder, folder, top))
    shell(("ln -s ../victim %s/cursor"):format(folder))
    j = open()
    a_journal.fill(j, 1, 1)
    j:settle()
    j:move(2)
    j:close()
    assert.equal("safe", shell("cat " .. top .. "/victim"))
  end)

  it("says before it is opened whether it could be", function()
    assert.is_true(journal.check { directory = folder })
    assert.equal("", shell("ls " .. top))
    local _, why = journal.check { directory = top .. "/not/there" }
    assert.equal(("journal %s/not/there cannot be made in %s/not: No such file or directory"):format(top, top), why)
    shell("touch " .. folder)
    assert.matches("it is no folder", select(2, journal.check { directory = folder }))
    shell("rm " .. folder)
    j = open()
    assert.is_true(journal.check { directory = folder })
  end)

  it("passes by what is no file", function()
    shell(("mkdir -m 700 %s && mkdir %s/00000000000000000001.journal && mkfifo %s/00000000000000000002.journal"):format(
      folder, folder, folder))
    j = open()
    a_journal.fill(j, 1, 10)
    assert.is_true(j:settle())
    assert.equal(10, a_journal.count(a_journal.all(j, 1)))
  end)

  it("keeps what it had for the next one", function()
    j = open { segment_bytes = 16384 }
    for i = 1, 10 do
      a_journal.fill(j, i * 100 - 99, i * 100)
      j:settle()
    end
    j:move(500)
    j:close()
    j = open { keep_for = 1e6 }
    assert.same({ 500, 1001 }, { j:cursor(), j:next() })
    assert.equal(501, a_journal.count(a_journal.all(j, 500)))
    assert.equal(0, j:counters().damaged)
  end)
end)
