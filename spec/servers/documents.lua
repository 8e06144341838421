-- documents: counting and fetching what a server holds.
local http = require "spec.servers.http"

local documents = {}

local all = { match_all = http.object {} }

--- How many documents of an index a search finds; all of them without a query.
---@param node server.Node
---@param index string
---@param query? table
---@return integer
function documents.count(node, index, query)
  node:must("POST", "/" .. index .. "/_refresh")
  return node:must("GET", "/" .. index .. "/_count", { query = query or all }).count
end

--- Like count, but 0 while the index is not there or cannot be asked.
---@param node server.Node
---@param index string
---@return integer
function documents.count_so_far(node, index)
  node:ask("POST", "/" .. index .. "/_refresh")
  local status, text = node:ask("GET", "/" .. index .. "/_count")
  return status == 200 and http.decode(text).count or 0
end

--- The texts of `_source`, byte for byte as the server has them, in the order of `sender_sequence`.
---@param node server.Node
---@param index string
---@param query? table
---@return string[]
function documents.sources(node, index, query)
  node:must("POST", "/" .. index .. "/_refresh")
  local found = node:must("GET", "/" .. index .. "/_search", {
    query = query or all, size = 1000, _source = false, sort = { { sender_sequence = "asc" } },
  })
  local texts = {}
  for i, hit in ipairs(found.hits.hits) do
    -- One by one: this address gives the bytes that were indexed, and not what a search made of them.
    local status, text = node:ask("GET", "/" .. index .. "/_source/" .. hit._id)
    assert(status == 200, text)
    texts[i] = text
  end
  return texts
end

--- Checks that an index holds the sequences 1 to n, each once; answers what is wrong, or nil.
---@param node server.Node
---@param index string
---@param n integer
---@return string?
function documents.problem_with_sequences(node, index, n)
  local seen, got, after = {}, 0, nil
  local all_of_them = documents.count(node, index)
  if all_of_them ~= n then return all_of_them .. " documents, not " .. n end
  repeat
    local found = node:must("GET", "/" .. index .. "/_search", {
      size = 10000, _source = false, docvalue_fields = { "sender_sequence" }, track_total_hits = true,
      sort = { { sender_sequence = "asc" } }, search_after = after,
    })
    local hits = found.hits.hits
    for _, hit in ipairs(hits) do
      local sequence = hit.fields.sender_sequence[1]
      if seen[sequence] then return "twice: " .. sequence end
      if sequence < 1 or sequence > n then return "from nowhere: " .. sequence end
      seen[sequence], got = true, got + 1
    end
    after = hits[1] and hits[#hits].sort
  until #hits < 10000
  if got ~= n then return got .. " different ones, not " .. n end
end

return documents
