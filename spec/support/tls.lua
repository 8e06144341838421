-- tls: throw-away certificates, and TLS in front of a server that speaks plain HTTP.
--
--   local folder = tls.folder "IP:127.0.0.1"           -- ca.crt; n.key and n.crt for that name
--   local front = tls.front(folder, es.port)           -- a process of its own, until process.clean()
--   … urls = { front.url }, ca_file = folder .. "/ca.crt" …
local process = require "spec.support.process"

local tls = {}

--- A folder with a CA of its own, and a certificate of it for these names ("DNS:localhost,IP:127.0.0.1").
---@param names string
---@return string folder
function tls.folder(names)
  local folder = process.folder()
  if not names:find(":", 1, true) then names = "DNS:" .. names end
  process.write(folder .. "/extensions", "subjectAltName=" .. names .. "\n")
  local log = folder .. "/openssl.log"
  local key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
  local done = os.execute(([[cd '%s' && {
    openssl req -x509 %s -keyout ca.key -out ca.crt -days 2 -subj '/CN=throw-away CA' &&
    openssl req %s -keyout n.key -out n.csr -subj /CN=node &&
    openssl x509 -req -in n.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out n.crt -days 2 -extfile extensions
    } >openssl.log 2>&1]]):format(folder, key, key))
  if not done then error("no certificates: " .. process.read(log)) end
  return folder
end

--- TLS with the folder's certificate in front of a port of the loopback.
---@param folder string
---@param port integer
---@return { url: string, process: table }
function tls.front(folder, port)
  local front = process.start(folder, "front" .. port, { "lua5.4", "spec/support/tls_front.lua", folder,
    tostring(port) })
  local line = process.until_true("the front", function()
    if front:poll() then error("it ended:\n" .. front:stderr(), 0) end
    return front:stdout():match "^(%d+)\n"
  end)
  return { url = "https://127.0.0.1:" .. line, process = front }
end

return tls
