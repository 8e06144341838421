-- fake_http: an HTTP/1.1 server in one thread, for fakes: keep-alive, pipelining, chunked and 100-continue requests,
-- and answers that misbehave as told.
--
-- The handler gets a request { method, target, path, query, headers, body } and returns an answer:
--   status, headers (list of { name, value }), body, chunked (transfer coding of the answer)
-- and, to misbehave:
--   delay = s            wait before anything is sent
--   hang = true          never answer; the connection stays
--   drip = { bytes, s }  send so many bytes at a time, with pauses
--   cut = n              send the head and n bytes of the body, then close
--   reset = n            the same, then reset the connection; 0 with no_head = true: reset without a byte
--   no_head = true       send nothing (with cut or reset)
--   close = true         close after the answer
local socket = require "socket"

local MAX_REQUEST_LINE = 4096
local READ_AT_ONCE = 4 << 20

local reasons = {
  [200] = "OK", [201] = "Created", [302] = "Found", [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden",
  [404] = "Not Found", [405] = "Method Not Allowed", [406] = "Not Acceptable", [413] = "Request Entity Too Large",
  [429] = "Too Many Requests", [500] = "Internal Server Error", [502] = "Bad Gateway", [503] = "Service Unavailable",
}

local server = {}
server.__index = server

--- handlers.request(request) -> answer; handlers.head(request) -> answer or nil, asked before the body is read;
--- handlers.max_request_line: bytes, 4096 when it is not given.
---@param handlers table
function server.new(handlers)
  return setmetatable({ handlers = handlers, listeners = {}, connections = {}, timers = {} }, server)
end

--- Listens on the loopback; `role` marks the requests that come this way.
---@param port integer 0: any
---@param role string
---@return integer port
function server:listen(port, role)
  local listener = assert(socket.tcp4())
  listener:setoption("reuseaddr", true)
  assert(listener:bind("127.0.0.1", port))
  assert(listener:listen(512))
  listener:settimeout(0)
  self.listeners[listener] = role
  local _, bound = listener:getsockname()
  return math.tointeger(tonumber(bound))
end

local function reset(sock)
  sock:setoption("linger", { on = true, timeout = 0 })
  sock:close()
end

local function drop(self, conn, hard)
  if not self.connections[conn.sock] then return end
  self.connections[conn.sock] = nil
  if hard then reset(conn.sock) else conn.sock:close() end
end

--- Stops listening under a role and ends its connections, as a server that is killed.
---@param role string
function server:down(role)
  for listener, its in pairs(self.listeners) do
    if its == role then
      self.listeners[listener] = nil
      listener:close()
    end
  end
  local gone = {}
  for _, conn in pairs(self.connections) do if conn.role == role then gone[#gone + 1] = conn end end
  for _, conn in ipairs(gone) do drop(self, conn, true) end
end

function server:after(seconds, act)
  self.timers[#self.timers + 1] = { at = socket.gettime() + seconds, act = act }
end

local function decode(text)
  return (text:gsub("%+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function parse_head(head)
  local method, target = head:match("^(%u+) (%S+) HTTP/1%.[01]\r\n")
  if not method then return nil end
  local request = { method = method, target = target, headers = {}, query = {} }
  for name, value in head:gmatch("\r\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
    request.headers[name:lower()] = value:gsub("%s+$", "")
  end
  local path, query = target:match("^([^?]*)%??(.*)$")
  request.path = decode(path:gsub("//+", "/"))
  for pair in query:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    request.query[decode(name)] = decode(value)
  end
  return request
end

-- Takes the body out of the buffer: the body and what follows it, or nil when more has to come.
local function chunked_body(bytes)
  local parts, at = {}, 1
  while true do
    local hex, behind = bytes:match("^(%x+)[^\r\n]*\r\n()", at)
    if not hex then return nil end
    local size = tonumber(hex, 16)
    if size == 0 then
      local after = bytes:match("^\r\n()", behind) or bytes:match("^[^\r\n][^\0]-\r\n\r\n()", behind)
      if not after then return nil end
      return table.concat(parts), bytes:sub(after)
    end
    if #bytes < behind + size + 1 then return nil end
    parts[#parts + 1] = bytes:sub(behind, behind + size - 1)
    at = behind + size + 2
  end
end

local function flush(self, conn)
  if conn.out then
    local last, err, partial = conn.sock:send(conn.out, conn.sent + 1)
    conn.sent = last or partial or conn.sent
    if err == "closed" then return drop(self, conn) end
    if conn.sent < #conn.out then return end
    conn.out, conn.sent = nil, 0
  end
  if conn.ending and not conn.busy then
    -- what was sent has to arrive before a reset that would overtake it
    if conn.ending == "reset" then
      conn.ending, conn.busy = nil, true
      self:after(conn.had_bytes and 0.05 or 0, function() drop(self, conn, true) end)
    else
      drop(self, conn)
    end
  end
end

local function send(self, conn, bytes)
  conn.out = conn.out and conn.out:sub(conn.sent + 1) .. bytes or bytes
  conn.sent, conn.had_bytes = 0, true
  flush(self, conn)
end

local function written(answer)
  local lines = { ("HTTP/1.1 %d %s"):format(answer.status, reasons[answer.status] or "Unknown") }
  for _, header in ipairs(answer.headers or {}) do lines[#lines + 1] = header[1] .. ": " .. header[2] end
  local body = answer.body or ""
  if answer.chunked then
    lines[#lines + 1] = "Transfer-Encoding: chunked"
    body = ("%x\r\n%s\r\n0\r\n\r\n"):format(#body, body)
    if answer.body == "" then body = "0\r\n\r\n" end
  else
    lines[#lines + 1] = "content-length: " .. #body
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n", body
end

local advance

local function drip(self, conn, bytes, how)
  local at = 1
  local function piece()
    if not self.connections[conn.sock] then return end
    send(self, conn, bytes:sub(at, at + how[1] - 1))
    at = at + how[1]
    if at <= #bytes then return self:after(how[2], piece) end
    conn.busy = false
    flush(self, conn)
    advance(self, conn)
  end
  conn.busy = true
  piece()
end

local function deliver(self, conn, answer)
  if not self.connections[conn.sock] then return end
  if answer.hang then
    conn.busy = true
    return
  end
  local head, body = written(answer)
  local keep = answer.cut or answer.reset
  if keep then body = body:sub(1, keep) end
  if answer.no_head then head, body = "", "" end
  if answer.reset then
    conn.ending = "reset"
  elseif answer.cut or answer.close then
    conn.ending = "close"
  end
  if answer.drip then return drip(self, conn, head .. body, answer.drip) end
  conn.busy = false
  if #head + #body > 0 then send(self, conn, head .. body) else flush(self, conn) end
end

local function answer_with(self, conn, answer)
  if answer.delay then
    conn.busy = true
    self:after(answer.delay, function()
      deliver(self, conn, answer)
      advance(self, conn)
    end)
  else
    deliver(self, conn, answer)
  end
end

local function take(conn)
  local bytes = #conn.parts == 1 and conn.parts[1] or table.concat(conn.parts)
  conn.parts, conn.have = {}, 0
  return bytes
end

local function put_back(conn, bytes)
  if bytes ~= "" then conn.parts, conn.have = { bytes }, #bytes end
end

local too_long = {
  status = 400, close = true, headers = { { "content-type", "application/json" } },
  body = '{"error":{"type":"too_long_http_line_exception","reason":"An HTTP line is larger than 4096 bytes."},'
    .. '"status":400}',
}

-- Reads a head; true when there was one to go on with.
local function read_head(self, conn)
  local bytes = take(conn)
  local head, behind = bytes:match("^(.-\r\n)\r\n()")
  if (bytes:find("\r\n", 1, true) or #bytes) > (self.handlers.max_request_line or MAX_REQUEST_LINE) then
    answer_with(self, conn, too_long)
    return false
  end
  if not head then
    put_back(conn, bytes)
    return false
  end
  local request = parse_head(head)
  if not request then
    drop(self, conn)
    return false
  end
  request.role = conn.role
  put_back(conn, bytes:sub(behind))
  conn.request = request
  conn.chunked = (request.headers["transfer-encoding"] or ""):lower():find("chunked", 1, true) ~= nil
  conn.need = not conn.chunked and math.tointeger(tonumber(request.headers["content-length"] or "0")) or 0
  request.expects = (request.headers.expect or ""):lower() == "100-continue"
  local early = self.handlers.head and self.handlers.head(request)
  if early then
    -- what the client has announced must still come and go before the next request
    conn.request, conn.skip = nil, request.expects and 0 or conn.need
    answer_with(self, conn, early)
  elseif request.expects then
    send(self, conn, "HTTP/1.1 100 Continue\r\n\r\n")
  end
  return true
end

local function read_body(conn)
  if conn.chunked then
    local bytes = take(conn)
    local body, rest = chunked_body(bytes)
    put_back(conn, body and rest or bytes)
    return body
  end
  if conn.have < conn.need then return nil end
  local bytes = take(conn)
  if #bytes == conn.need then return bytes end
  put_back(conn, bytes:sub(conn.need + 1))
  return bytes:sub(1, conn.need)
end

function advance(self, conn)
  while self.connections[conn.sock] and not conn.busy and not conn.ending do
    if conn.skip and conn.skip > 0 then
      if conn.have == 0 then break end
      local bytes = take(conn)
      put_back(conn, bytes:sub(conn.skip + 1))
      conn.skip = math.max(0, conn.skip - #bytes)
    elseif not conn.request then
      if conn.have == 0 or not read_head(self, conn) then break end
    else
      local body = read_body(conn)
      if not body then break end
      local request = conn.request
      conn.request, conn.need = nil, 0
      request.body = body
      answer_with(self, conn, self.handlers.request(request))
    end
  end
  -- a client that has gone, or has said all that it had to say
  if conn.eof and not conn.busy and not conn.out then drop(self, conn) end
end

local function readable(self, conn)
  local missing = conn.request and conn.need - conn.have or 65536
  local data, err, partial = conn.sock:receive(math.max(1, math.min(missing, READ_AT_ONCE)))
  data = data or partial
  if data and #data > 0 then
    conn.parts[#conn.parts + 1] = data
    conn.have = conn.have + #data
  end
  if err == "closed" then
    conn.eof = true
    if conn.busy or conn.out then return drop(self, conn) end
  end
  advance(self, conn)
end

local function accept(self, listener, role)
  while true do
    local sock = listener:accept()
    if not sock then return end
    sock:settimeout(0)
    sock:setoption("tcp-nodelay", true)
    self.connections[sock] = { sock = sock, role = role, parts = {}, have = 0, need = 0, sent = 0 }
  end
end

local function run_timers(self)
  local now, due, later = socket.gettime(), {}, {}
  for _, timer in ipairs(self.timers) do
    local list = timer.at <= now and due or later
    list[#list + 1] = timer
  end
  self.timers = later
  for _, timer in ipairs(due) do timer.act() end
end

local function wait_time(self)
  local soonest
  for _, timer in ipairs(self.timers) do soonest = math.min(soonest or timer.at, timer.at) end
  return soonest and math.max(0, soonest - socket.gettime()) or nil
end

-- Standard input in the form in which select takes it.
local stdin = { getfd = function() return 0 end, dirty = function() return false end }

--- Ends when standard input does, so that the server outlives nobody who holds the other end.
function server:watch_stdin() self.watched = stdin end

--- Serves until server:stop().
function server:run()
  while not self.stopped do
    local readers, writers = { self.watched }, {}
    for listener in pairs(self.listeners) do readers[#readers + 1] = listener end
    for sock, conn in pairs(self.connections) do
      readers[#readers + 1] = sock
      if conn.out then writers[#writers + 1] = sock end
    end
    local can_read, can_write = socket.select(readers, writers, wait_time(self))
    for _, sock in ipairs(can_read) do
      if sock == stdin then
        if not io.stdin:read(1) then return end
      elseif self.listeners[sock] then
        accept(self, sock, self.listeners[sock])
      elseif self.connections[sock] then
        readable(self, self.connections[sock])
      end
    end
    for _, sock in ipairs(can_write) do
      local conn = self.connections[sock]
      if conn then
        flush(self, conn)
        advance(self, conn)
      end
    end
    run_timers(self)
  end
end

function server:stop() self.stopped = true end

return server
