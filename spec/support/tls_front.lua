-- tls_front: takes TLS off and passes on: lua5.4 spec/support/tls_front.lua FOLDER PORT
--
-- FOLDER holds n.key and n.crt. Prints the port that it listens on. Each connection is two coroutines, one for each
-- direction, that wait in one select.
local socket = require "socket"
local ssl = require "ssl"

local folder, port = arg[1], tonumber(arg[2])
local context = assert(ssl.newcontext { mode = "server", protocol = "any", options = { "no_sslv3" },
  key = folder .. "/n.key", certificate = folder .. "/n.crt" })

local reading, writing = {}, {} -- socket -> coroutine that waits for it
local flows = {}                -- coroutine -> the two sockets of its connection

local function wait(sock, to_write)
  (to_write and writing or reading)[sock] = coroutine.running()
  coroutine.yield()
end

local function end_flow(thread)
  for _, sock in ipairs(flows[thread]) do
    reading[sock], writing[sock] = nil, nil
    sock:close()
  end
  flows[thread] = nil
end

-- One step of a coroutine; its connection ends with it.
local function go_on(thread, ...)
  if not flows[thread] then return end
  local good, why = coroutine.resume(thread, ...)
  if not good then io.stderr:write(tostring(why), "\n") end
  if coroutine.status(thread) == "dead" then end_flow(thread) end
end

local function send_all(sock, bytes)
  local at = 1
  while at <= #bytes do
    local last, why, partial = sock:send(bytes, at)
    if last then
      at = last + 1
    elseif why == "timeout" or why == "wantwrite" then
      at = partial + 1
      wait(sock, true)
    elseif why == "wantread" then
      at = partial + 1
      wait(sock)
    else
      return false
    end
  end
  return true
end

local function pass_on(from, to)
  while true do
    local bytes, why, partial = from:receive(16384)
    bytes = bytes or partial
    if bytes and #bytes > 0 and not send_all(to, bytes) then return end
    if why == "wantwrite" then
      wait(from, true)
    elseif why == "timeout" or why == "wantread" then
      wait(from)
    elseif why then
      return
    end
  end
end

local function handshake(secure)
  while true do
    local done, why = secure:dohandshake()
    if done then return true end
    if why ~= "wantread" and why ~= "wantwrite" and why ~= "timeout" then return false end
    wait(secure, why == "wantwrite")
  end
end

local function begin(client)
  local thread
  thread = coroutine.create(function()
    client:settimeout(0)
    local secure = assert(ssl.wrap(client, context))
    secure:settimeout(0)
    flows[thread] = { secure }
    if not handshake(secure) then return end
    local plain = socket.connect("127.0.0.1", port)
    if not plain then return end
    plain:settimeout(0)
    plain:setoption("tcp-nodelay", true)
    flows[thread] = { secure, plain }
    local back = coroutine.create(pass_on)
    flows[back] = flows[thread]
    go_on(back, plain, secure)
    pass_on(secure, plain)
  end)
  flows[thread] = { client }
  go_on(thread)
end

local server = assert(socket.bind("127.0.0.1", 0))
server:settimeout(0)
print((select(2, server:getsockname())))
io.stdout:flush()

while true do
  local to_read, to_write = { server }, {}
  for sock in pairs(reading) do to_read[#to_read + 1] = sock end
  for sock in pairs(writing) do to_write[#to_write + 1] = sock end
  local readable, writable = socket.select(to_read, to_write)
  for _, list in ipairs { { readable, reading }, { writable, writing } } do
    for _, sock in ipairs(list[1]) do
      local thread = list[2][sock]
      list[2][sock] = nil
      if sock == server then
        local client = server:accept()
        if client then begin(client) end
      elseif thread then
        go_on(thread)
      end
    end
  end
end
