--- Small help with lists: tags, arguments, groups.
local list = {}

--- Does the list hold this value? Of nil, no.
---@param values? any[]
---@param value any
---@return boolean
function list.has(values, value)
  for i = 1, values and #values or 0 do
    if values[i] == value then return true end
  end
  return false
end

--- The list with the value at its end, unless it is there already; a new list of nil:
--- `doc.tags = list.add(doc.tags, "failed_exec")`.
---@generic T
---@param values? T[]
---@param value T
---@return T[]
function list.add(values, value)
  values = values or {}
  if not list.has(values, value) then values[#values + 1] = value end
  return values
end

--- Takes a value out of the list, wherever it stands; answers how often it was there.
---@param values? any[]
---@param value any
---@return integer
function list.remove(values, value)
  local count = 0
  for i = values and #values or 0, 1, -1 do
    if values[i] == value then
      table.remove(values, i)
      count = count + 1
    end
  end
  return count
end

return list
