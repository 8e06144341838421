-- http: asks a server by curl(1), so that a spec sees what anybody would see on the command line.
local json = require "dkjson"	-- lua-cjson would turn 64-bit integers into floats
local process = require "spec.support.process"
local shell = require "spec.servers.shell"

local http = {}

---@class http.Access who asks, and whom to believe
---@field user? string name:password
---@field ca? string file of the CA

--- One request. Answers the status (0 when there was no answer) and the body.
---@param access http.Access
---@param method string
---@param url string
---@param body? string
---@param content_type? string
---@return integer status, string body
function http.ask(access, method, url, body, content_type)
  local answer_file = os.tmpname()
  local list = { "curl", "-sS", "--noproxy", "*", "--max-time", "60", "-o", answer_file, "-w", "%{http_code}" }
  local function add(...) for _, word in ipairs { ... } do list[#list + 1] = word end end
  if access.user then add("-u", access.user) end
  if access.ca then add("--cacert", access.ca) end
  local body_file
  if body then
    body_file = os.tmpname()
    process.write(body_file, body)
    add("-H", "Content-Type: " .. (content_type or "application/json"), "--data-binary", "@" .. body_file)
  end
  add("-X", method, url)
  local printed = shell.run(shell.line(list))
  local answer = process.read(answer_file)
  os.remove(answer_file)
  if body_file then os.remove(body_file) end
  return math.tointeger(tonumber(printed:match "(%d%d%d)%s*$")) or 0, answer
end

--- Text of JSON as tables: integers exact, null as http.null.
---@param text string
---@return any
function http.decode(text)
  local value, _, problem = json.decode(text, 1, json.null)
  if problem then error("not JSON: " .. problem .. "\n" .. text:sub(1, 400), 2) end
  return value
end

http.encode = json.encode
http.null = json.null

--- An object as JSON has it, also an empty one.
---@param t table
---@return table
function http.object(t) return setmetatable(t, { __jsontype = "object" }) end

return http
