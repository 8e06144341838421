--- Redacting, said in verbs. What is taken out leaves a visible mark, so that a reader sees that something was there.
---
---     redact.after(doc.exec_args, { "-p", "--password", "--token" })
---     redact.matching(doc.exec_args, "[Bb]earer ([%w._~+/-]+)")
---     redact.urls(doc.exec_args)
---     redact.env(doc.exec_env, { "*PASSWORD*", "AWS_SECRET_ACCESS_KEY" })
---
--- Each verb takes nil for a field that the record does not have, and answers how many places it changed.

local redact = {}

--- What stands where something was.
redact.mark = "[redacted]"
local mark = redact.mark

local DASH <const> = ("-"):byte()

-- Lists that rules pass again and again, made into sets once.
local sets = setmetatable({}, { __mode = "k" })

local function set_of(names)
  local set = sets[names]
  if not set then
    set = { all_dashed = true, has = {} }
    for _, name in ipairs(names) do
      set.has[name] = true
      if name:byte() ~= DASH then set.all_dashed = false end
    end
    sets[names] = set
  end
  return set
end

--- In a list of arguments: the one that follows an option (`-p secret`), and the value that is tied to it
--- (`--password=secret`).
---@param list? string[]
---@param options string[]
---@return integer
function redact.after(list, options)
  if not list then return 0 end
  local set, count, after = set_of(options), 0, false
  local has, all_dashed = set.has, set.all_dashed
  for i = 1, #list do
    local argument = list[i]
    if after then
      list[i], count, after = mark, count + 1, false
    elseif has[argument] then
      after = true
    elseif not all_dashed or argument >= "-" and argument < "." then -- begins with a dash: cheaper than a call
      local equals = argument:find("=", 1, true)
      if equals and has[argument:sub(1, equals - 1)] then
        list[i], count = argument:sub(1, equals) .. mark, count + 1
      end
    end
  end
  return count
end

--- In a list of arguments: what is written right behind a short option, as `mysql -psecret` has it.
---@param list? string[]
---@param options string[]
---@return integer
function redact.joined(list, options)
  local count = 0
  for i = 1, list and #list or 0 do
    for _, option in ipairs(options) do
      if #list[i] > #option and list[i]:sub(1, #option) == option then
        list[i], count = option .. mark, count + 1
        break
      end
    end
  end
  return count
end

-- Where the first capture of a pattern begins, or nil: an opening parenthesis that is neither escaped nor in a set.
local function first_capture(pattern)
  local at, in_set = 1, false
  while at <= #pattern do
    local c = pattern:sub(at, at)
    if c == "%" then
      at = at + 1
    elseif in_set then
      in_set = c ~= "]"
    elseif c == "[" then
      in_set = true
      -- A `]` that comes first stands for itself.
      if pattern:find("^%^?%]", at + 1) then at = pattern:find("]", at, true) end
    elseif c == "(" then
      return at
    end
    at = at + 1
  end
end

-- Patterns with a position in front of their first capture, so that we know where it stands in the match.
local placed = {}

local function place(pattern)
  local known = placed[pattern]
  if not known then
    local at = first_capture(pattern)
    known = at and pattern:sub(1, at - 1) .. "()" .. pattern:sub(at) or pattern
    placed[pattern] = known
  end
  return known
end

--- A text with each match of a Lua pattern marked; where the pattern has a capture, only the first capture.
---@param text string
---@param pattern string
---@return string
---@return integer
function redact.text(text, pattern)
  local parts, from, count = {}, 1, 0
  local find = place(pattern)
  while from <= #text do
    local first, last, at, capture = text:find(find, from)
    if not first or last < first then break end
    if type(capture) ~= "string" then at, capture = first, text:sub(first, last) end
    parts[#parts + 1] = text:sub(from, at - 1)
    parts[#parts + 1] = mark
    parts[#parts + 1] = text:sub(at + #capture, last)
    from, count = last + 1, count + 1
  end
  if count == 0 then return text, 0 end
  parts[#parts + 1] = text:sub(from)
  return table.concat(parts), count
end

--- In a list of texts, or an object of texts: each match of a Lua pattern; with a capture, only that.
---@param list? table
---@param pattern string
---@return integer
function redact.matching(list, pattern)
  local total = 0
  for key, value in pairs(list or {}) do
    if type(value) == "string" then
      local text, count = redact.text(value, pattern)
      if count > 0 then list[key], total = text, total + count end
    end
  end
  return total
end

--- In a list of texts, or an object of texts: the password of a URL, `https://user:secret@host/`.
---@param list? table
---@return integer
function redact.urls(list)
  local total = 0
  for key, value in pairs(list or {}) do
    if type(value) == "string" and value:find("://", 1, true) then
      local text, count = redact.text(value, "://[^/%s:@]*:([^/%s@]+)@")
      if count > 0 then list[key], total = text, total + count end
    end
  end
  return total
end

local function mask_words(text, words)
  local lower, count = text:lower(), 0
  for _, word in ipairs(words) do
    local tied, from = word .. "=", 1
    while true do
      local _, equals = lower:find(tied, from, true)
      if not equals then break end
      local stop = text:find("[&%s\"',;]", equals + 1) or #text + 1
      from = equals + 1
      if stop > from and text:sub(from, stop - 1) ~= mark then
        text = text:sub(1, equals) .. mark .. text:sub(stop)
        lower, count, from = text:lower(), count + 1, from + #mark
      end
    end
  end
  return text, count
end

--- In a list of texts, or an object of texts: `word=secret` anywhere, in any case, up to a blank, a quote, `&`, `,`
--- or `;`.
---@param list? table
---@param words string[]  in lower case
---@return integer
function redact.words(list, words)
  local total = 0
  for key, value in pairs(list or {}) do
    if type(value) == "string" and value:find("=", 1, true) then
      local text, count = mask_words(value, words)
      if count > 0 then list[key], total = text, total + count end
    end
  end
  return total
end

local function pattern_of(name)
  return "^" .. name:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*") .. "$"
end

local patterns = setmetatable({}, { __mode = "k" })

-- Names may hold `*`; without one they are looked up.
local function names_of(names)
  local known = patterns[names]
  if not known then
    known = { exact = {}, wild = {} }
    for _, name in ipairs(names) do
      if name:find("*", 1, true) then
        known.wild[#known.wild + 1] = pattern_of(name)
      else
        known.exact[name] = true
      end
    end
    patterns[names] = known
  end
  return known
end

local function is_named(known, name)
  if known.exact[name] then return true end
  for _, pattern in ipairs(known.wild) do
    if name:find(pattern) then return true end
  end
  return false
end

local function mark_env(env, names, when_named)
  local known, count = names_of(names), 0
  for key, value in pairs(env or {}) do
    if type(key) == "string" then
      if is_named(known, key) == when_named then env[key], count = mark, count + 1 end
    else
      -- A list of `NAME=value`: what came twice, or had no `=`.
      local equals = value:find("=", 1, true)
      local name = equals and value:sub(1, equals - 1) or value
      if is_named(known, name) == when_named then
        env[key], count = equals and name .. "=" .. mark or mark, count + 1
      end
    end
  end
  return count
end

--- In an environment (`doc.exec_env`, or a list of `NAME=value`): the values of these names. `*` stands for anything.
---@param env? table
---@param names string[]
---@return integer
function redact.env(env, names)
  return mark_env(env, names, true)
end

--- In an environment: all values but those of these names.
---@param env? table
---@param names string[]
---@return integer
function redact.keep_env(env, names)
  return mark_env(env, names, false)
end

return redact
