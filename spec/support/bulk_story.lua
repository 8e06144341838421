-- bulk_story: a shipper that talks to a server made of a Lua function, in a time of its own. For specs of the
-- output room.
--
--   local story = bulk_story.new({ max_documents = 10 }, function(item) return 201 end)
--   story:put("audit", "id1", '{"a":1}')
--   story:settle()
--   assert.equal("indexed", story.fates[1].fate)
--
-- The server answers per item: a status, or { status, type, reason, caused_by reason }. The item is { index, id,
-- json, tries (of
-- this id so far), request (its number), position, count }. `whole(request)` may answer a request in one: a table for
-- shipper:answer(), or nil.
local shipper = require "core.shipper"

if not os.getenv "VERBOSE" then shipper.log_to(-1) end -- what is logged is not what these specs are about

local bulk_story = {}
bulk_story.__index = bulk_story

local good = '{"create":{"status":201}}'

local function quote(text)
  return '"' .. text:gsub('[%c"\\]', function(c)
    return c == '"' and '\\"' or c == "\\" and "\\\\" or ("\\u%04x"):format(c:byte())
  end) .. '"'
end
bulk_story.quote = quote

--- An item of an answer as a server writes it, filtered.
function bulk_story.item(said)
  if said == 201 then return good end
  if type(said) == "number" then return ('{"create":{"status":%d}}'):format(said) end
  local cause = said[4]
    and (',"caused_by":{"type":"illegal_argument_exception","reason":%s}'):format(quote(said[4])) or ""
  return ('{"create":{"status":%d,"error":{"type":%s,"reason":%s%s}}}'):format(said[1], quote(said[2] or "x"),
    said[3] and quote(said[3]) or "null", cause)
end

--- The body of a 200.
function bulk_story.answer(items)
  return '{"errors":true,"took":3,"items":[' .. table.concat(items, ",") .. "]}"
end

function bulk_story.new(options, item, whole)
  return setmetatable({ shipper = shipper.new(options or {}), item = item or function() return 201 end,
    whole = whole,
    put_count = 0, fates = {}, tries = {}, stored = {}, requests = 0, elapsed = 0, log = {}, calls = 0 }, bulk_story)
end

function bulk_story:put(index, id, json, fallback, overwrite, record_bytes)
  self.put_count = self.put_count + 1
  assert(self.shipper:put(index, id, json, self.put_count, fallback, overwrite, record_bytes))
  return self.put_count
end

--- Items of a body: { action, index, id, json }.
function bulk_story.items(body)
  local list = {}
  for line, json in body:gmatch "([^\n]*)\n([^\n]*)\n" do
    local action, index, id = line:match '^{"(%a+)":{"_index":"(.-)","_id":"(.-)"}}$'
    assert(action == "create" or action == "index", line)
    list[#list + 1] = { action = action, index = index, id = id, json = json }
  end
  return list
end

function bulk_story:collect()
  for _, settled in ipairs(self.shipper:settled()) do
    assert(not self.fates[settled.cookie], "settled twice")
    self.fates[settled.cookie] = settled
    self.calls = self.calls + 1
  end
end

function bulk_story:serve(request)
  self.requests = self.requests + 1
  local number = self.requests
  self.log[number] = request
  request.number = number
  local said = self.whole and self.whole(request, self)
  if said then return self.shipper:answer(request.at, said) end
  local lines, list = {}, bulk_story.items(request.body)
  for position, item in ipairs(list) do
    self.tries[item.id] = (self.tries[item.id] or 0) + 1
    item.tries, item.request, item.position, item.count = self.tries[item.id], number, position, #list
    item.request_node = request.node
    local answer = self.item(item, self)
    if answer == 201 then
      local key = item.index .. "/" .. item.id
      if item.action == "index" then
        answer = self.stored[key] and 200 or 201
        self.stored[key] = item.json
      elseif self.stored[key] then
        answer = { 409, "version_conflict_engine_exception", "[x]: version conflict, document already exists" }
      else
        self.stored[key] = item.json
      end
    end
    lines[position] = bulk_story.item(answer)
    if item.action == "index" then lines[position] = lines[position]:gsub("^{.create.", '{"index"') end
  end
  return self.shipper:answer(request.at, { status = 200, body = bulk_story.answer(lines) })
end

--- One turn: what is out is answered. False when nothing was out.
function bulk_story:turn()
  local out = self.shipper:flush()
  for _, request in ipairs(out) do self:serve(request) end
  local asked = self.shipper:asked()
  for _, node in ipairs(asked) do self.shipper:asked(node, not (self.down and self.down[node])) end
  self:collect()
  return #out + #asked > 0
end

--- Goes on until everything has settled, or so many seconds of its own time have passed.
function bulk_story:settle(seconds)
  local most = self.elapsed + (seconds or 86400)
  while self.shipper:pending() > 0 do
    if not self:turn() then
      local passed = self.shipper:pass()
      if not passed then break end
      self.elapsed = self.elapsed + passed
      if self.elapsed > most then break end
    end
  end
  return self.shipper:pending()
end

function bulk_story:close() self.shipper:close() end

return bulk_story
