-- The manual says what the program is, and nothing else.
local book = require "spec.docs.book"
local daemon = require "spec.support.daemon"
local manual = require "spec.docs.manual"
local process = require "spec.support.process"

local folder = process.folder()

local function said(...)
  local p = daemon.run(folder, { ... })
  return p:stdout(), p.status, p:stderr()
end

local sample = said("check", "--sample")

local function library()
  local modules = {}
  local names = assert(io.popen "ls lua/auditrecv")
  for file in names:lines() do
    local name = file:match "^([%w_]+)%.lua$"
    -- a helper of the library itself
    if name ~= "nearest" then
      modules[#modules + 1] = { name = "auditrecv." .. name, source = manual.read("lua/auditrecv/" .. file) }
    end
  end
  names:close()
  return modules
end

describe("the manual", function()
  it("has the sample settings that the program prints", function()
    assert.is_nil(manual.difference(sample, manual.whole("etc/auditrecv.lua", sample)))
  end)

  it("has sample settings that are the defaults when every mark of a comment is taken away", function()
    local listen = 'listen={{mechanisms={"dummy"},dummy_from={"::1"}}}'
    local bare, marks = sample:gsub("\n(\t+)%-%- ([%w_]+ = [^\n]*,)%f[\n]", "\n%1%2")
    assert(marks > 40)
    local file = process.write(folder .. "/sample.lua", bare)
    local defaults, status = said("check", "--set", listen)
    assert.equal(0, status)
    assert.equal(defaults, (said("check", "-c", file, "--set", listen)))
  end)

  it("has every setting with type, range, default and help", function()
    local wanted = manual.settings_mdoc(sample)
    assert.is_nil(manual.difference(wanted, manual.part("etc/man/auditrecv.conf.5", "the program's settings", wanted)))
  end)

  it("has every field of a document", function()
    local wanted = manual.fields_mdoc(require "core.bsm".field_table())
    assert.is_nil(manual.difference(wanted, manual.part("etc/man/auditrecv-rules.7", "the table of fields", wanted)))
  end)

  it("has the library of rules", function()
    local wanted = manual.library_mdoc(library())
    assert.is_nil(manual.difference(wanted, manual.part("etc/man/auditrecv-rules.7", "lua/auditrecv", wanted)))
  end)

  for _, page in ipairs(book.pages) do
    if page:find "^etc/man" then
      it("is good mdoc: " .. page, function()
        if not os.execute "command -v mandoc >/dev/null" then pending "mandoc is not installed" return end
        local lint = assert(io.popen("mandoc -Tlint " .. page .. " 2>&1"))
        for line in lint:lines() do
          -- our own pages are not installed where the specs run, or were, and the index of the machine knows them
          local ours = line:find "not found: Xr auditrecv" or line:find "outdated mandoc.db lacks auditrecv"
          assert(ours, line)
        end
        lint:close()
      end)
    end
  end
end)

describe("the commands in the manual", function()
  local page = manual.read "etc/man/auditrecv.8"

  -- Options in a text of mdoc, as a set of "-n" and "--name".
  local function options_of_mdoc(text)
    local set = {}
    for line in text:gmatch "[^\n]+" do
      local flags = line:match "^%.It (Fl .*)$" or line:match "^%.Op (Fl .*)$" or line:match "^%.(Fl .*)$" or ""
      for flag in flags:gsub(" , %-", " Fl -"):gmatch "Fl (%-?%a[%w-]*)" do set["-" .. flag] = true end
    end
    return set
  end

  -- All options of --help; with `short`, the long form of those that have a short one is left out.
  local function options_of_help(text, short)
    local set = {}
    for option in text:gmatch "%f[^%s%[|]%-%-?%a[%w-]*" do set[option] = true end
    for long in text:gmatch "\n +%-%a, (%-%-%a[%w-]*)" do set[long] = not short or nil end
    return set
  end

  local function sorted(set)
    local list = {}
    for name in pairs(set) do list[#list + 1] = name end
    table.sort(list)
    return list
  end

  -- What the synopsis says of a command.
  local function synopsis(name)
    local found = {}
    for form in (page:match "%.Sh SYNOPSIS\n(.-)%.Sh " .. ".Nm\n"):gmatch "(.-)%.Nm\n" do
      if form:match "^%.Cm (%w+)" == name then found[#found + 1] = form end
    end
    return table.concat(found)
  end

  local described = options_of_mdoc(page:match "%.Ss Options\n(.-)%.Ss ")
  local commands = {}
  for name in said "--help":gmatch "\n  (%w+) +[^\n]+" do commands[#commands + 1] = name end

  it("are those that --help tells", function()
    local told = {}
    for name in page:match "%.Sh DESCRIPTION\n(.-)%.Ss Options":gmatch "%.It Cm (%w+)\n" do told[#told + 1] = name end
    assert.same(commands, told)
  end)

  for _, name in ipairs(commands) do
    it("have the options that --help tells: " .. name, function()
      local help = said(name, "--help")
      local short = options_of_help(help, true)
      short["-h"] = nil
      assert.same(sorted(short), sorted(options_of_mdoc(synopsis(name))))
      for option in pairs(options_of_help(help)) do assert(described[option], option .. " is not in the manual") end
    end)
  end

  it("have no option that no command has", function()
    local all = { ["--version"] = true }
    for _, name in ipairs(commands) do
      for option in pairs(options_of_help((said(name, "--help")))) do all[option] = true end
    end
    for option in pairs(described) do assert(all[option], option .. " is told by no --help") end
  end)

  it("end as the manual says", function()
    local _, fine = said "--version"
    local _, failed, why = said("check", "--set", "log.level=\"loud\"")
    local _, usage = said("serve", "--loud")
    local _, unknown = said "sing"
    assert.same({ 0, 1, 2, 2 }, { fine, failed, usage, unknown })
    assert.matches("log%.level", why)
  end)
end)

describe("what the manual mentions", function()
  local known = {}
  for _, s in ipairs(manual.settings(sample)) do known[s.path] = true end

  local shipped = { core = true, spec = true, etc = true, lua = true, rules = true }

  for _, page in ipairs(book.pages) do
    local text = manual.read(page)

    it("is there: files in " .. page, function()
      for path in text:gmatch "`([%w_]+/[%w_./-]*)`" do
        local room = path:match "^%l+"
        if shipped[room] and path ~= "rules/quiet_cron.lua" then
          local file = assert(io.open(path), page .. " names " .. path)
          file:close()
        end
      end
    end)

    it("is there: settings in " .. page, function()
      for name in text:gmatch "`([%l_]+%.[%l_]+)`" do
        local first = name:match "^%l+"
        if known[first] and not name:find "%.lua$" then assert(known[name], page .. " names the setting " .. name) end
      end
      for name in text:gmatch "%.Va ([%l_]+%.[%l_.N]+)" do
        if known[name:match "^[%l_]+"] then assert(known[name], page .. " names the setting " .. name) end
      end
    end)
  end

  it("is there: fields in the table of differences", function()
    local fields = {}
    for _, row in ipairs(require "core.bsm".field_table()) do fields[row.path] = true end
    local tables = manual.read "etc/doc/differences.md":match "## Fields that both have(.-)## Records"
    local seen = 0
    for cell in tables:gmatch "\n| ([^|]+) |" do
      for name in cell:gmatch "`([%l_.]+)`" do
        if not name:find "^[%l]+32$" then
          seen = seen + 1
          assert(fields[name], "no field is called " .. name)
        end
      end
    end
    assert(seen > 60, "the tables were not found")
    for field in pairs(fields) do
      local top = field:match "^[%l_%d]+"
      assert(manual.read "etc/doc/differences.md":find("`" .. top .. "`", 1, true), top .. " is in no table")
    end
  end)
end)
