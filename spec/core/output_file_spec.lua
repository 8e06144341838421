-- The outputs "file" and "stdout".
local process = require "spec.support.process"
local sink = require "core.sink"

if not os.getenv "VERBOSE" then sink.log_to(-1) end

describe("core.output.file", function()
  local folder, path, out

  before_each(function()
    folder = process.folder()
    path = folder .. "/documents.ndjson"
  end)
  after_each(function()
    sink.file_limit()
    if out then out:close() end
    out = nil
    process.clean()
  end)

  local function open(options)
    options = options or {}
    options.kind, options.path = "file", path
    out = assert(sink.open(options))
    return out
  end

  local function put(from, to)
    for i = from, to do assert(out:put("index", "id", ('{"n":%d}'):format(i), i)) end
  end

  local function lines(from, to)
    local list = {}
    for i = from, to do list[#list + 1] = ('{"n":%d}\n'):format(i) end
    return table.concat(list)
  end

  -- The cookies that have settled, in their order.
  local function settled()
    local list = {}
    for i, s in ipairs(out:settled()) do
      assert.equal("indexed", s.fate)
      list[i] = s.cookie
    end
    return list
  end

  it("writes lines in their order, and settles them in it", function()
    open()
    local expected = {}
    for i = 1, 1000 do
      put(i, i)
      expected[i] = i
      if i % 10 == 0 then out:flush() end
    end
    assert.equal(0, out:run(30))
    assert.same(expected, settled())
    assert.equal(lines(1, 1000), process.read(path))
    local counters = out:counters()
    assert.is_true(counters.requests < 100) -- groups: what is put while one is written is the next
    assert.equal(1000, counters.indexed)
  end)

  it("settles nothing that is not written", function()
    open()
    put(1, 3)
    assert.same({}, settled())
    local _, pending, held = out:state()
    assert.equal(3, pending)
    assert.is_true(held >= 24)
    out:run(30)
    assert.same({ 1, 2, 3 }, settled())
    assert.same({ true, 0, 0, 0, false }, { out:state() })
  end)

  it("cuts off a line that a crash has torn, and goes on behind the last whole one", function()
    for _, case in ipairs { { '{"n":1}\n{"n":', 1 }, { '{"n"', 0 }, { "", 0 }, { '{"n":1}\n', 1 },
      { ('{"x":1}\n'):rep(20000) .. ("y"):rep(200000), 20000 } } do
      process.write(path, case[1])
      open()
      put(2, 3)
      out:run(30)
      out:close()
      local _, whole = process.read(path):gsub("\n", "")
      assert.equal(case[2] + 2, whole)
      assert.equal(lines(2, 3), process.read(path):sub(-16))
    end
    out = nil
  end)

  it("rotates by size, between lines, and keeps as many as it is told", function()
    open { rotate_bytes = 100, rotate_keep = 3 }
    for i = 1, 100 do
      put(i, i)
      out:run(30)
    end
    out:close()
    out = nil
    local all, names = "", {}
    for name in io.popen("ls " .. folder):lines() do
      if name:find "^documents%.ndjson%.%d+T%d+%.%d+Z$" then names[#names + 1] = name end
    end
    assert.equal(3, #names)
    for _, name in ipairs(names) do
      local text = process.read(folder .. "/" .. name)
      assert.is_true(#text <= 100 and text:sub(-1) == "\n")
      all = all .. text
    end
    all = all .. process.read(path)
    local first = tonumber(all:match '{"n":(%d+)}')
    assert.equal(lines(first, 100), all)
  end)

  it("keeps all where nothing is said", function()
    open { rotate_bytes = 50 }
    for i = 1, 50 do
      put(i, i)
      out:run(30)
    end
    local all = io.popen("cat " .. path .. ".*"):read "a" .. process.read(path)
    assert.equal(lines(1, 50), all)
  end)

  it("begins a new file when it was moved away, told so or not", function()
    open()
    put(1, 2)
    out:run(30)
    os.rename(path, path .. ".moved")
    put(3, 4)
    out:run(30)
    out:reopen()
    put(5, 6)
    out:run(30)
    assert.equal(lines(1, 2), process.read(path .. ".moved"))
    assert.equal(lines(3, 6), process.read(path))
  end)

  it("goes on where somebody has cut the file under it", function()
    open()
    put(1, 5)
    out:run(30)
    process.write(path, '{"n":1}\n{"n"')
    put(6, 7)
    out:run(30)
    assert.equal(lines(1, 1) .. lines(6, 7), process.read(path))
  end)

  it("settles nothing while the disk takes nothing, and leaves no torn line behind", function()
    open()
    put(1, 10)
    out:run(30)
    settled()
    sink.file_limit(100) -- in the middle of a line
    put(11, 30)
    out:run(0.5)
    assert.same({}, settled())
    assert.equal(lines(1, 10), process.read(path))
    put(31, 40)
    out:run(0.3)
    assert.same({}, settled())
    sink.file_limit()
    assert.equal(0, out:run(60))
    assert.equal(30, #settled())
    assert.equal(lines(1, 40), process.read(path))
    assert.is_true(out:counters().retried_requests >= 1)
  end)

  it("is one process's at a time", function()
    open()
    local second, why = sink.open { kind = "file", path = path }
    assert.is_nil(second)
    assert.truthy(why:find(path, 1, true) and why:find "another process", why)
  end)

  it("says why it cannot be opened", function()
    for _, case in ipairs { { folder, "" }, { folder .. "/no/such", "No such file" }, { "/dev/null",
      "not a regular file" } } do
      local made, why = sink.open { kind = "file", path = case[1] }
      assert.is_nil(made)
      assert.truthy(why:find(case[1], 1, true) and why:find(case[2], 1, true), why)
    end
  end)

  it("can be closed at any moment", function()
    for _ = 1, 20 do
      open()
      put(1, 100)
      out:flush()
      put(101, 200)
      out:close()
    end
    out = nil
    assert.is_true(#process.read(path) % 1 == 0 and (process.read(path) == "" or process.read(path):sub(-1) == "\n"))
  end)
end)

describe("core.output.stdout", function()
  local out, reading, writing, was

  before_each(function()
    reading, writing = sink.pipe()
    io.stdout:flush()
    was = sink.redirect(1, writing)
    sink.fd_close(writing)
    out = assert(sink.open { kind = "stdout" })
  end)
  after_each(function()
    out:close()
    sink.fd_close(sink.redirect(1, was))
    sink.fd_close(was)
    sink.fd_close(reading)
  end)

  it("never waits for a reader, and settles what the system has taken", function()
    local n, got = 5000, {}
    local document = '{"x":"' .. ("y"):rep(90) .. '"}'
    for i = 1, n do assert(out:put("i", "x", document, i)) end
    out:run(0.2)
    local before = #out:settled()
    assert.is_true(before > 0 and before < n) -- the pipe is full
    local _, pending = out:state()
    assert.equal(n - before, pending)
    local after = 0
    while pending > 0 do
      got[#got + 1] = sink.fd_read(reading)
      out:run(0.01)
      after = after + #out:settled()
      _, pending = out:state()
    end
    repeat got[#got + 1] = sink.fd_read(reading) until got[#got] == ""
    assert.equal(n, before + after)
    assert.equal((document .. "\n"):rep(n), table.concat(got))
  end)

  it("is broken when the reader is gone, and says so", function()
    sink.fd_close(reading)
    reading = sink.pipe()
    assert(out:put("i", "x", "{}", 1))
    out:run(5)
    local ready, pending, _, _, broken = out:state()
    assert.same({ false, 1, true }, { ready, pending, broken })
    assert.same({}, out:settled())
  end)
end)
