-- book: the examples that stand in a page of the manual.
--
-- In Markdown an example is a fenced block ```sh or ```lua, in mdoc a `.Bd -literal` or a `.Dl`. A line with the
-- prompt `$ ` is a command for the reader's shell, one with `host# ` for root on an audited host, one with `receiver# `
-- for root on the receiving machine, one with `kdc# ` for root on the KDC; lines below a command are what it prints,
-- where `…` stands for anything. A block of Lua begins with a comment that names its file.

local book = {}

book.pages = {
  "README.md", "etc/doc/delivery.md", "etc/doc/differences.md", "etc/doc/triton.md", "etc/doc/kerberos.md",
  "etc/doc/migration.md", "etc/doc/runbook.md",
  "etc/man/auditrecv.8", "etc/man/auditrecv.conf.5", "etc/man/auditrecv-rules.7",
}

local function plain(text)
  return (text:gsub("\\e", "\1"):gsub("\\&", ""):gsub("\\(%-)", "%1"):gsub("\1", "\\"))
end

-- Blocks of lines: { line = number of the first, lines = { … } }
local function markdown_blocks(page)
  local blocks, block, number = {}, nil, 0
  for line in io.lines(page) do
    number = number + 1
    if block and line:find "^```" then
      blocks[#blocks + 1], block = block, nil
    elseif block then
      block.lines[#block.lines + 1] = line
    else
      local language = line:match "^```(%w+)"
      assert(language or not line:find "^```", page .. ":" .. number .. ": a block without language")
      block = language and { line = number + 1, lines = {}, language = language }
    end
  end
  assert(not block, page .. ": a block without end")
  return blocks
end

local function mdoc_blocks(page)
  local blocks, block, number, made = {}, nil, 0, false
  for line in io.lines(page) do
    number = number + 1
    if line:find '^%.\\" made from' then made = true elseif line == '.\\" end' then made = false end
    if line:find "^%.Bd %-literal" then
      block = { line = number + 1, lines = {}, sketch = made }
    elseif line == ".Ed" and block then
      blocks[#blocks + 1], block = block, nil
    elseif block then
      block.lines[#block.lines + 1] = plain(line)
    elseif line:find "^%.Dl " then
      blocks[#blocks + 1] = { line = number, lines = { plain(line:sub(5)) } }
    end
  end
  return blocks
end

local function shell_steps(page, block)
  local steps = {}
  for i, line in ipairs(block.lines) do
    local at = ("%s:%d"):format(page, block.line + i - 1)
    local host, own = line:match "^host# (.+)$", line:match "^%$ (.+)$"
    local receiver, kdc = line:match "^receiver# (.+)$", line:match "^kdc# (.+)$"
    if host or own or receiver or kdc then
      steps[#steps + 1] = { at = at, host = host ~= nil, receiver = receiver ~= nil, kdc = kdc ~= nil,
        command = host or own or receiver or kdc, prints = {} }
    else
      assert(#steps > 0, at .. ": neither a command nor what one prints")
      table.insert(steps[#steps].prints, line)
    end
  end
  return steps
end

--- What a page shows, in its order: { at, command, host, receiver, kdc, prints } of commands, { at, file, text } of
--- files, and of what comes from comments of the library { at, sketch }.
---@param page string
---@return table
function book.examples(page)
  local examples = {}
  for _, block in ipairs(page:find "%.md$" and markdown_blocks(page) or mdoc_blocks(page)) do
    local at = ("%s:%d"):format(page, block.line)
    local file = block.lines[1]:match "^%-%- ([%w_./-]+%.lua)$"
    if block.lines[1]:find "^%$ " or block.lines[1]:find "^%l+# " then
      table.move(shell_steps(page, block), 1, #block.lines, #examples + 1, examples)
    elseif block.sketch then
      examples[#examples + 1] = { at = at, sketch = table.concat(block.lines, "\n") }
    else
      assert(file, at .. ": a block has to begin with a prompt or with the name of a Lua file")
      examples[#examples + 1] = { at = at, file = file, text = table.concat(block.lines, "\n") .. "\n" }
    end
  end
  return examples
end

-- Does a printed line match what the page shows? `…` is anything.
local function line_matches(shown, line)
  local pattern = shown:gsub("%p", "%%%0"):gsub("\xE2\x80\xA6", ".*")
  return line:find("^" .. pattern .. "$") ~= nil
end

--- Do printed lines match the shown ones? A line that is only `…` is any number of lines. Nothing shown: anything goes.
---@param shown string[]
---@param lines string[]
---@return boolean
function book.prints(shown, lines)
  if #shown == 0 then return true end
  local function match(s, l)
    if s > #shown then return l > #lines end
    if shown[s] == "\xE2\x80\xA6" then return match(s + 1, l) or (l <= #lines and match(s, l + 1)) end
    return l <= #lines and line_matches(shown[s], lines[l]) and match(s + 1, l + 1)
  end
  return match(1, 1)
end

return book
