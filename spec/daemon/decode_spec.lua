-- Stories of `auditrecv decode`: trails in, documents out, damage told.
local a_record = require "spec.support.a_record"
local bsm = require "spec.support.bsm_build"
local cjson = require "cjson"
local daemon = require "spec.support.daemon"
local process = require "spec.support.process"

local execve = a_record.bytes { event = "execve" }
local ssh = a_record.bytes { event = "ssh" }
local rename = a_record.bytes { event = "rename" }

local drop_ssh = [[
  local rule = require "auditrecv.rule"
  return rule { name = "no_ssh", about = "drops", when = { event = "ssh" },
    apply = function() return rule.drop "seen enough" end }]]

local folder

-- A file of these bytes.
local function file_of(bytes) return process.write(folder .. "/trail" .. math.random(1, 1 << 30), bytes) end

local function decode(...) return daemon.run(folder, { "decode", ... }) end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  return lines
end

local function events(p)
  local seen = {}
  for i, line in ipairs(lines_of(p:stdout())) do seen[i] = cjson.decode(line).event end
  return seen
end

-- The values of `key` in the lines of the log that name an event, in their order.
local function told(p, event, key)
  local values = {}
  for line in p:stderr():gmatch "[^\n]+" do
    if line:find("event=" .. event .. " ", 1, true) then
      local value = line:match(" " .. key .. "=(%S+)")
      values[#values + 1] = math.tointeger(value) or value
    end
  end
  return values
end

before_each(function() folder = process.folder() end)
after_each(process.clean)

describe("decode", function()
  it("makes a line of JSON of each record of a closed trail, and says nothing", function()
    local p = decode(file_of(bsm.trail { execve, ssh, rename }))
    assert.equal(0, p.status)
    assert.equal("", p:stderr())
    assert.same({ "execve", "ssh", "rename" }, events(p))
  end)

  for _, case in ipairs {
    { "still open", bsm.trail { execve, ssh, next = false } },
    { "of records only, as OpenBSM writes it", execve .. ssh },
    { "with 64-bit file tokens", bsm.trail { execve, ssh, form = "file64" } },
    { "that were put behind each other", bsm.trail { execve } .. bsm.trail { ssh } },
  } do
    it("takes a trail " .. case[1], function()
      local p = decode(file_of(case[2]))
      assert.equal(0, p.status, p:stderr())
      assert.same({ "execve", "ssh" }, events(p))
    end)
  end

  it("takes an empty file, /dev/null and empty standard input for trails without records", function()
    for _, name in ipairs { file_of "", "/dev/null", "-" } do
      local p = decode(name)
      assert.equal(0, p.status, name)
      assert.equal("", p:stdout() .. p:stderr())
    end
  end)

  it("reads several files in their order", function()
    local p = decode(file_of(bsm.trail { execve }), file_of(bsm.trail { ssh, next = false }), file_of(rename))
    assert.equal(0, p.status, p:stderr())
    assert.same({ "execve", "ssh", "rename" }, events(p))
  end)

  it("reads standard input, named or not, also between files", function()
    local options = { stdin = bsm.trail { ssh } }
    assert.same({ "ssh" }, events(daemon.run(folder, { "decode" }, options)))
    assert.same({ "ssh" }, events(daemon.run(folder, { "decode", "-" }, options)))
    assert.same({ "execve", "ssh", "rename" },
      events(daemon.run(folder, { "decode", file_of(execve), "-", file_of(rename) }, options)))
  end)

  it("reads a trail that arrives in small pieces", function()
    local trail = bsm.trail { execve, ssh, rename }
    local p = process.start(folder, "pieces", { "/bin/sh", "-c",
      ("unset LD_PRELOAD; dd bs=7 if=%s 2>/dev/null | %s decode"):format(file_of(trail), daemon.program) })
    assert.equal(0, p:wait(), p:stderr())
    assert.same({ "execve", "ssh", "rename" }, events(p))
  end)

  it("goes on with the other files when one cannot be read, and names it", function()
    local p = decode(file_of(execve), folder .. "/missing", folder, file_of(ssh))
    assert.equal(1, p.status)
    assert.same({ "execve", "ssh" }, events(p))
    assert.matches(folder .. "/missing: No such file", p:stderr(), 1, true)
    assert.matches(folder .. ": Is a directory", p:stderr(), 1, true)
  end)
end)

describe("damage", function()
  it("at the end of a file that was cut off is told with its offset, at every byte", function()
    local whole = bsm.trail { execve, previous = false, next = false }
    for cut = 1, #ssh - 1, 7 do
      local p = decode(file_of(whole .. ssh:sub(1, cut)))
      assert.equal(1, p.status, cut)
      assert.same({ #execve }, told(p, "trail_cut", "offset"), cut)
      assert.same({ cut }, told(p, "trail_cut", "bytes"), cut)
      assert.equal("execve", events(p)[1], cut)
    end
  end)

  it("in the middle costs only its own bytes; each place is told in bytes from the file's start", function()
    local garbage = ("\xEE"):rep(100)
    local p = decode(file_of(execve .. garbage .. ssh .. garbage .. rename))
    assert.equal(1, p.status)
    assert.same({ #execve, #execve + 100 + #ssh }, told(p, "trail_damaged", "offset"))
    assert.same({ 100, 100 }, told(p, "trail_damaged", "bytes"))
    local seen = events(p)
    assert.same({ "execve", "ssh", "rename" }, { seen[1], seen[3], seen[5] })
    local kept = cjson.decode(lines_of(p:stdout())[2])
    assert.equal("undecodable", kept.event)
    assert.equal(bsm.hex(garbage), kept.undecoded_hex)
  end)

  it("counts its offset anew in each file", function()
    local garbage = ("\xEE"):rep(50)
    local p = decode(file_of(execve .. garbage), file_of(ssh .. garbage))
    assert.same({ #execve, #ssh }, told(p, "trail_damaged", "offset"))
    assert.equal(2, #told(p, "trail_damaged", "file"))
  end)

  it("far into a large file is told where it is", function()
    local records = execve:rep(20000)
    local p = decode(file_of(records .. ("\xEE"):rep(64) .. ssh))
    assert.same({ #records }, told(p, "trail_damaged", "offset"))
    assert.equal(20002, #lines_of(p:stdout()))
  end)

  it("of a length that lies leaves the records behind it alone", function()
    local p = decode(file_of(execve .. bsm.with_length(ssh, #ssh + 3) .. rename .. execve))
    assert.equal(1, p.status)
    local seen = events(p)
    assert.equal("execve", seen[1])
    assert.equal("execve", seen[#seen])
    assert.same({ #execve }, told(p, "trail_damaged", "offset"))
  end)

  it("inside a record leaves a document that tells of it", function()
    local unknown = bsm.record { event = "stat", bsm.path "/tmp/a", "\x03\x01\x02" }
    local p = decode(file_of(bsm.trail { unknown, ssh }))
    assert.same({ "stat", "ssh" }, events(p))
    local document = cjson.decode(lines_of(p:stdout())[1])
    assert.equal(3, document.unknown_token)
    assert.equal("030102", document.unknown_hex)
    assert.equal("/tmp/a", document.path)
  end)
end)

describe("decode with rules", function()
  local rules

  before_each(function()
    rules = folder .. "/rules"
    process.mkdir(rules)
    process.write(rules .. "/no_ssh.lua", drop_ssh)
  end)

  it("runs those of --rules, or of the settings; none by default and with --no-rules", function()
    local trail = file_of(bsm.trail { execve, ssh })
    local settings = process.write(folder .. "/settings.lua", ("return { rules = { directory = %q } }"):format(rules))
    assert.same({ "execve" }, events(decode("--rules", rules, trail)))
    assert.same({ "execve" }, events(decode("-c", settings, trail)))
    assert.same({ "execve" }, events(decode("--set", ("rules.directory=%q"):format(rules), trail)))
    assert.same({ "execve", "ssh" }, events(decode(trail)))
    assert.same({ "execve", "ssh" }, events(decode("-c", settings, "--no-rules", trail)))
  end)

  it("ends with the rule's file and line when one does not load, before it reads a trail", function()
    process.write(rules .. "/bad.lua", "return {\n  nonsense")
    local p = decode("--rules", rules, file_of(execve))
    assert.equal(1, p.status)
    assert.equal("", p:stdout())
    assert.matches("bad.lua:2:", p:stderr(), 1, true)
  end)

  for _, case in ipairs {
    { "both of --rules and --no-rules", "--rules", ".", "--no-rules" },
    { "an option that is not there", "--ugly" },
    { "an option without its value", "--rules" },
  } do
    it("refuses " .. case[1] .. " with status 2", function()
      local p = decode(table.unpack(case, 2))
      assert.equal(2, p.status)
      assert.equal("", p:stdout())
      assert.matches("auditrecv decode --help", p:stderr(), 1, true)
    end)
  end
end)

describe("decode --pretty", function()
  -- Blanks and line ends outside of texts taken away.
  local function squeezed(json)
    local out, at = {}, 1
    while at <= #json do
      local blank = json:match("^[ \n]+", at)
      local text = json:match('^"[^"\\]*"', at)
      if not text and json:sub(at, at) == '"' then
        local stop = at + 1
        while json:sub(stop, stop) ~= '"' do stop = stop + (json:sub(stop, stop) == "\\" and 2 or 1) end
        text = json:sub(at, stop)
      end
      if blank then at = at + #blank
      else
        out[#out + 1] = text or json:sub(at, at)
        at = at + #out[#out]
      end
    end
    return table.concat(out)
  end

  it("writes the same JSON over several lines, odd texts and empty lists included", function()
    local odd = bsm.record { event = "execve", bsm.path '/tmp/"a\\ {b} [c], d: \\"',
      bsm.exec_args { "", "{}", "[\\\\", '"', "a: b", "\1\n\xFF" }, bsm.exec_env {}, bsm.return64 { 0, 0 } }
    local trail = file_of(bsm.trail { odd, execve, ssh, rename })
    local plain, pretty = decode(trail), decode("--pretty", trail)
    assert.equal(0, pretty.status)
    assert.equal((plain:stdout():gsub("\n", "")), squeezed(pretty:stdout()))
    assert.is_true(#lines_of(pretty:stdout()) > 4 * 10)
    assert.equal("{", lines_of(pretty:stdout())[1])
  end)
end)

describe("the output of decode", function()
  local function shell(command)
    local p = process.start(folder, "shell" .. math.random(1, 1 << 30), { "/bin/sh", "-c",
      command:gsub("DECODE", daemon.program .. " decode") })
    p:wait()
    return p
  end

  it("ends quietly when its reader goes away", function()
    local p = shell("{ DECODE " .. file_of(execve:rep(20000)) .. "; echo status $? >&2; } | head -n 1")
    assert.equal(1, #lines_of(p:stdout()))
    assert.equal("status 0\n", p:stderr())
  end)

  it("that cannot be written ends it at once, told once", function()
    local trail = file_of(execve:rep(2000))
    for _, to in ipairs { ">/dev/full", ">&-" } do
      local p = shell(("DECODE %s %s %s; echo status $? >&2"):format(trail, trail, to))
      local lines = lines_of(p:stderr())
      assert.equal(2, #lines, p:stderr())
      assert.matches("^auditrecv decode: standard output: ", lines[1])
      assert.equal("status 1", lines[2])
    end
  end)

  it("is never written into a file that took the place of a closed descriptor", function()
    local trail = file_of(execve .. ("\xEE"):rep(50))
    local before = process.read(trail)
    local p = shell(("DECODE %s 2>&-; echo status $? >&2"):format(trail))
    assert.equal("status 1\n", p:stderr())
    assert.same({ "execve", "undecodable" }, events(p))
    assert.equal(before, process.read(trail))
  end)
end)

describe("a document of decode", function()
  it("is the one that the daemon writes, without what only a stream knows", function()
    local names = { "execve", "open_r", "unlink", "chmod", "rename", "kill", "setppriv", "connect", "su", "passwd",
      "cron_invoke", "zlogin", "smf_disable", "auditon_setkmask", "systemboot", "ssh" }
    local records = {}
    for i, name in ipairs(names) do records[i] = a_record.bytes { event = name } end
    records[#records + 1] = bsm.record { event = "stat", bsm.path "/odd\xFF", "\x03\x01" }
    local trail = file_of(bsm.trail(records))
    local d = daemon.start()
    local sent = daemon.run(d.folder, { "send", "--to", "127.0.0.1:" .. d.port, trail })
    assert.equal(0, sent.status, sent:stderr())
    local decoded, written = lines_of(decode(trail):stdout()), d:documents()
    assert.equal(#records, #decoded)
    assert.equal(#records, #written)
    for i, line in ipairs(written) do
      local stripped = line:gsub(',"from":"127%.0%.0%.1"', ""):gsub(',"received":"[^"]*"', "")
        :gsub(',"sender_sequence":%d+', "")
      assert.not_equal(line, stripped)
      assert.equal(decoded[i], stripped)
    end
    d:stop()
  end)
end)
