-- The sink of the benches has to count right, or every figure is worth nothing.
local socket = require "socket"

describe("spec.bench.sink", function()
  local program, output, pipe, pid, port

  local function printed()
    local file = assert(io.open(output))
    local text = file:read "a"
    file:close()
    return text
  end

  setup(function()
    program, output = os.tmpname(), os.tmpname()
    local compile = "cc -std=gnu11 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -o '%s' spec/bench/sink.c"
    assert(os.execute(compile:format(program)))
    -- the shell writes its own number, which becomes the sink's
    pipe = assert(io.popen(("echo $$; exec '%s' 0 > '%s'"):format(program, output)))
    pid = pipe:read "l"
    for _ = 1, 1000 do
      port = tonumber(printed():match "^(%d+)\n")
      if port then break end
      socket.sleep(0.01)
    end
    assert(port, "the sink did not start")
  end)

  teardown(function()
    if pipe then os.execute("kill -KILL " .. pid) end
    os.remove(program)
    os.remove(output)
  end)

  local function bulk(documents, more)
    local body = ('{"create":{}}\n{"n":1}\n'):rep(documents)
    return ("POST /_bulk HTTP/1.1\r\nhost: x\r\nContent-Length: %d\r\n%s\r\n"):format(#body, more or ""), body
  end

  local function answer(sock)
    local status = assert(sock:receive "*l")
    local length = 0
    while true do
      local line = assert(sock:receive "*l")
      if line == "" then break end
      length = tonumber(line:match "^content%-length: (%d+)$") or length
    end
    return status, length > 0 and sock:receive(length) or ""
  end

  local function dial()
    local sock = assert(socket.connect("127.0.0.1", port))
    sock:settimeout(10)
    return sock
  end

  it("answers with as many good items as there were documents, however the bytes come", function()
    local sock = dial()
    local head, body = bulk(3)
    for c in (head .. body):gmatch "." do sock:send(c) end
    local status, text = answer(sock)
    assert.equal("HTTP/1.1 200 OK", status)
    assert.equal('{"errors":false,"items":[' .. ('{"create":{"status":201}},'):rep(3):sub(1, -2) .. "]}", text)
    head, body = bulk(5000)
    sock:send(head .. body .. head .. body)
    for _ = 1, 2 do
      _, text = answer(sock)
      assert.equal(5000, select(2, text:gsub("201", "")))
    end
    sock:close()
  end)

  it("says 100 to who expects it, and answers what is no bulk request", function()
    local sock = dial()
    local head, body = bulk(1, "Expect: 100-continue\r\n")
    sock:send(head)
    assert.equal("HTTP/1.1 100 Continue", (answer(sock)))
    sock:send(body .. "GET /_cluster/health HTTP/1.1\r\n\r\n")
    answer(sock)
    assert.same({ "HTTP/1.1 200 OK", '{"acknowledged":true}' }, { answer(sock) })
    sock:close()
  end)

  it("prints its totals at the end", function()
    os.execute("kill -TERM " .. pid)
    assert.is_true((pipe:close()))
    pipe = nil
    assert.truthy(printed():find("requests=4 documents=10004 bytes=220088 others=1 connections=2 cpu=", 1, true),
      printed())
  end)
end)
