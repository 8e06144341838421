--- The word that somebody may have meant.
local nearest = {}

local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
    end
  end
  return row[#b]
end

--- The word of the list that takes the fewest edits, the first of equals.
---@param word string
---@param words string[]
---@return string?
function nearest.to(word, words)
  local best, least
  for _, other in ipairs(words) do
    local d = distance(word, other)
    if not least or d < least then best, least = other, d end
  end
  return best
end

return nearest
