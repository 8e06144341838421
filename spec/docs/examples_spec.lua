-- Every command and every file that the manual shows is tried, as a reader would.
local book = require "spec.docs.book"
local daemon = require "spec.support.daemon"
local elasticsearch = require "spec.support.elasticsearch"
local kdc = require "spec.support.kdc"
local process = require "spec.support.process"
local session = require "spec.docs.session"
local tls = require "spec.support.tls"

-- What the reader of a page is taken to have already, and the place from which he types.
local function trail(folder)
  os.execute(("cd '%s' && lua5.4 spec/bench/generate.lua --profile demo --out trail"):format(folder))
end

local function replaced(text, from, to)
  local pattern = from:gsub("%p", "%%%0")
  return (text:gsub(pattern, (to:gsub("%%", "%%%%"))))
end

-- The reader's own port instead of the well-known one, which somebody else may have.
local function at_home(examples, changes)
  for _, example in ipairs(examples) do
    for from, to in pairs(changes) do
      example.command = example.command and replaced(example.command, from, to)
      example.text = example.text and replaced(example.text, from, to)
    end
  end
  return examples
end

-- Files first, for pages that show commands before them.
local function files_first(examples)
  local files, others = {}, {}
  for _, example in ipairs(examples) do table.insert(example.file and files or others, example) end
  return table.move(others, 1, #others, #files + 1, files)
end

local function typed(examples, wanted)
  local steps = {}
  for _, example in ipairs(examples) do
    local make = example.command and example.command:find "^make"
    local root = example.host or example.receiver
    if (example.command or example.file) and not root and not make and wanted(example) then
      steps[#steps + 1] = example
    end
  end
  return steps
end

local function all_of_it() return true end

local function check_prints(steps)
  for _, step in ipairs(steps) do
    if step.command then
      assert(step.lines, step.at .. ": it was not run")
      assert(book.prints(step.prints, step.lines), ("%s: the page shows\n%s\nbut it prints\n%s"):format(step.at,
        table.concat(step.prints, "\n"), table.concat(step.lines, "\n")))
    end
  end
end

local function run(steps, folder)
  session.run(steps, { folder = folder, env = { PATH = folder .. "/.build/plain:" .. os.getenv "PATH" } })
  check_prints(steps)
end

-- The examples of a page up to the heading, and those behind it.
local function before(page, heading)
  local number = 0
  for line in io.lines(page) do
    number = number + 1
    if line == heading then break end
  end
  return function(example) return tonumber(example.at:match ":(%d+)$") < number end
end

describe("README.md", function()
  local walk = before("README.md", "## Pointing a host at it")

  it("leads from zero to an own rule", function()
    local folder, port = session.checkout(), session.free_port()
    local examples = at_home(book.examples "README.md", {
      ['address = "127.0.0.1"'] = ('address = "127.0.0.1", port = %d'):format(port),
      ["--to 127.0.0.1"] = "--to 127.0.0.1:" .. port,
    })
    local steps = typed(examples, walk)
    assert(#steps > 12)
    run(steps, folder)
  end)

  it("leads to Elasticsearch", function()
    local folder, port = session.checkout(), session.free_port()
    local es = elasticsearch.start()
    local examples = at_home(book.examples "README.md", {
      ["mechanisms"] = ("address = \"127.0.0.1\", port = %d, mechanisms"):format(port),
      ["https://es1.example.net:9200"] = es.url,
      ["https://es2.example.net:9200"] = es.url,
    })
    process.write(folder .. "/ca.pem", process.read(tls.folder "DNS:es1.example.net" .. "/ca.crt"))
    local steps = typed(examples, function(example)
      return example.file == "elastic.lua" or example.command and example.command:find("api-key", 1, true)
        or example.command and example.command:find("elastic.lua", 1, true)
    end)
    assert(#steps >= 5)
    run(steps, folder)
    local status = es:ask("GET", "/_index_template/auditrecv")
    assert.equal(200, status)
    es:stop()
  end)

  it("has settings for a journal", function()
    local steps = typed(book.examples "README.md", function(example)
      return example.file == "journal.lua" or example.command and example.command:find("journal.lua", 1, true)
    end)
    assert.equal(2, #steps)
    run(steps, session.checkout())
  end)

  it("has settings for a first receiver", function()
    local folder = session.checkout()
    for _, example in ipairs(book.examples "README.md") do
      if example.file == "receiver.lua" then
        run({ example, { at = example.at, command = "auditrecv check -c receiver.lua", prints = {} } }, folder)
        return
      end
    end
    error "it has none"
  end)
end)

describe("the manual", function()
  it("shows what decode and send do: auditrecv.8", function()
    local folder, port = session.checkout(), session.free_port()
    trail(folder)
    local receiver = ("auditrecv serve --set 'listen = { { address = \"127.0.0.1\", port = %d, "
      .. "mechanisms = { \"dummy\" }, dummy_from = { \"127.0.0.1\" } } }' "
      .. "--set 'journal = { directory = \"journal\", keep_for = 3600 }' >documents.ndjson 2>log &"):format(port)
    local steps = typed(at_home(book.examples "etc/man/auditrecv.8", { ["16162"] = tostring(port) }), all_of_it)
    table.insert(steps, 1, { at = "before", command = receiver, prints = {} })
    table.insert(steps, { at = "after", command = "kill $!; wait $!", prints = {} })
    run(steps, folder)
  end)

  it("shows settings that are right: auditrecv.conf.5", function()
    run(typed(files_first(book.examples "etc/man/auditrecv.conf.5"), all_of_it), session.checkout())
  end)

  it("shows rules and specs that work: auditrecv-rules.7", function()
    local folder = session.checkout()
    trail(folder)
    for _, name in ipairs { "site", "site/rules", "site/spec" } do process.mkdir(folder .. "/" .. name) end
    run(typed(files_first(book.examples "etc/man/auditrecv-rules.7"), all_of_it), folder)
  end)

  it("shows code of the library that compiles: auditrecv-rules.7", function()
    for _, example in ipairs(book.examples "etc/man/auditrecv-rules.7") do
      if example.sketch then assert(load(example.sketch, "=" .. example.at)) end
    end
  end)
end)

describe("etc/doc/delivery.md", function()
  it("shows how dead letters are read", function()
    local folder = session.checkout()
    trail(folder)
    local d = daemon.start {
      rules = { ["broken.lua"] = [[
        return require "auditrecv.rule" {
          name = "broken", about = "fails", phase = "redact", when = { event = "zlogin" },
          apply = function() error "for the spec" end,
        } ]] },
    }
    daemon.run(folder, { "send", "--to", "127.0.0.1:" .. d.port, folder .. "/trail" })
    d:stop()
    assert.equal(1, #d:dead())
    os.execute(("cp -Rp '%s' '%s/dead-letters'"):format(d.dead_directory, folder))
    local steps = typed(book.examples "etc/doc/delivery.md", all_of_it)
    run(steps, folder)
    assert.matches("withheld", table.concat(steps[#steps].lines, "\n"))
    local page = process.read "etc/doc/delivery.md"
    for _, name in ipairs { "time", "reason", "rule", "rules" } do assert.truthy(d:dead()[1][name], name) end
    for name in pairs(d:dead()[1]) do
      local of_note = not ("number sender sender_sequence size record group"):find(name, 1, true)
      assert(not of_note or page:find("`" .. name .. "`", 1, true), "the page does not tell of " .. name)
    end
  end)
end)

describe("etc/doc/kerberos.md", function()
  it("leads from nothing to an authenticated stream", function()
    local folder, port = session.checkout(), session.free_port()
    local realm = kdc.start()
    trail(folder)
    -- The name of the receiver has to resolve here; it is the same all over the page.
    local examples = at_home(book.examples "etc/doc/kerberos.md", { ["receiver.example.net"] = "localhost" })
    local steps = typed(at_home(examples, {
      ["mechanisms"] = ('address = "127.0.0.1", port = %d, mechanisms'):format(port),
      ["--to localhost"] = "--to localhost:" .. port,
    }), all_of_it)
    for _, step in ipairs(steps) do
      for i, line in ipairs(step.prints or {}) do
        step.prints[i] = replaced(line, "receiver.example.net", "localhost")
      end
    end
    for name, value in pairs(realm.env) do
      table.insert(steps, 1, { at = "before", command = ("export %s='%s'"):format(name, value), prints = {} })
    end
    table.insert(steps, 1, { at = "before", command = "PATH=$PATH:/usr/sbin", prints = {} })
    table.insert(steps, { at = "after", command = "kill $!; wait $!", prints = {} })
    run(steps, folder)
    realm:stop()
  end)

  it("tells of errors that there are", function()
    local sources = {}
    local files = { "mech_krb5.c", "mech_krb5_fault.c", "mech_krb5_keys.c", "peer_take.c", "peer_work.c", "wire.c" }
    for _, name in ipairs(files) do
      sources[#sources + 1] = process.read("core/wire/" .. name):gsub('"%s*\n%s*"', ""):gsub('"%s+\\?%s*"', "")
    end
    local all, told = table.concat(sources), 0
    for cell in process.read("etc/doc/kerberos.md"):gmatch "\n| (`[^|]*)|" do
      for text in cell:gmatch "`([^`]+)`" do
        assert(all:find(text, 1, true), "nothing says " .. text)
        told = told + 1
      end
    end
    assert(told > 15)
  end)
end)

describe("etc/doc/triton.md", function()
  it("shows settings that are right, and what comes out", function()
    local folder = session.checkout()
    trail(folder)
    run(typed(book.examples "etc/doc/triton.md", all_of_it), folder)
  end)
end)

describe("etc/doc/migration.md", function()
  it("shows settings that are right", function()
    local folder = session.checkout()
    run(typed(book.examples "etc/doc/migration.md", all_of_it), folder)
  end)
end)

describe("etc/doc/runbook.md", function()
  it("tells of events that there are", function()
    local lines = assert(io.popen "cat core/*/*.c")
    local sources, told = lines:read "a", 0
    lines:close()
    for cell in process.read("etc/doc/runbook.md"):gmatch "\n| ([^|]*`[%l_]+`[^|]*)|" do
      for event in cell:gmatch "`([%l_]+)`" do
        assert(sources:find('"' .. event .. '"', 1, true), "nothing says " .. event)
        told = told + 1
      end
    end
    assert(told > 15)
  end)
end)

describe("commands for audited hosts", function()
  local policies = "ahlt arge argv cnt group path perzone public seq trail windata_down windata_up zonename"
  local forms = {
    { "^auditconfig %-setplugin audit_remote active p_hosts=[%w.-]+:%d*:dummy %d+$" },
    { "^auditconfig %-setplugin audit_remote active p_hosts=[%w.-]+:%d*:kerberos_v5 %d+$" },
    { '^auditconfig %-setplugin audit_remote active "" %d+$' },
    { "^auditconfig %-setpolicy ([+-].+)$", function(list)
      for name in list:gmatch "[^,]+" do
        assert(policies:find("%f[%w_]" .. name:match "^[+-](.*)$" .. "%f[^%w_]"), "no policy is called " .. name)
      end
    end },
    { "^audit %-s$" },
    -- What spec/smf tries on a host.
    { "^for old in " }, { " svc:/[%w/-]+[%w:]*$" }, { "^[mrc][kmp][%w -]* /opt/" }, { "^%./install " },
    { "^auditstat$" },
  }

  local function check(example)
    for _, form in ipairs(forms) do
      local found = example.command:match(form[1])
      if found then return form[2] and form[2](found) end
    end
    error(example.at .. ": what is " .. example.command .. "?", 0)
  end

  for _, page in ipairs(book.pages) do
    it("are of the right form: " .. page, function()
      for _, example in ipairs(book.examples(page)) do if example.host then check(example) end end
    end)
  end
end)
