--- The times of documents (`2019-09-27T01:39:19.560123456Z`, always UTC), taken apart.
local time = {}

---@class auditrecv.time
---@field year integer
---@field month integer
---@field day integer
---@field hour integer
---@field minute integer
---@field second integer
---@field nanosecond integer
---@field weekday integer  1 is Monday, 7 is Sunday

-- Days since 1970-01-01 of a day of the Gregorian calendar; years begin in March, so that a leap day ends one.
local function day_number(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  local era_days = 365 * year + year // 4 - year // 100 + year // 400
  return era_days + (153 * (month - 3) + 2) // 5 + day - 1 - 719468
end

--- The parts of a time, or nil when the text is none.
---@param text string
---@return auditrecv.time?
function time.parts(text)
  local year, month, day, hour, minute, second, fraction =
    text:match "^(%d+)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)%.?(%d*)Z$"
  if not year then return nil end
  local parts = {
    year = math.tointeger(year), month = math.tointeger(month), day = math.tointeger(day),
    hour = math.tointeger(hour), minute = math.tointeger(minute), second = math.tointeger(second),
    nanosecond = math.tointeger((fraction .. "000000000"):sub(1, 9)),
  }
  parts.weekday = (day_number(parts.year, parts.month, parts.day) + 3) % 7 + 1
  return parts
end

--- Whole seconds since 1970, or nil when the text is no time.
---@param text string
---@return integer?
function time.seconds(text)
  local p = time.parts(text)
  if not p then return nil end
  return ((day_number(p.year, p.month, p.day) * 24 + p.hour) * 60 + p.minute) * 60 + p.second
end

return time
