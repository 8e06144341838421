-- The receiver as an SMF service: its method, with the tools of SMF around it.
local daemon = require "spec.support.daemon"
local fake_host = require "spec.support.smf.fake_host"
local process = require "spec.support.process"

local manifest = process.read "etc/smf/auditrecv.xml"
local FMRI = "svc:/network/auditrecv:default"

-- `program` is what stands in for auditrecv: a script, or the real one.
local function zone(program)
  local timeout = manifest:match 'name="stop" exec=":kill" timeout_seconds="(%d+)"'
  local host = fake_host.new(function(state)
    state.services[FMRI] = { state = "offline", enabled = true,
      properties = { ["stop/timeout_seconds"] = { type = "count", values = { timeout } } } }
  end)
  host.method = process.write(host.folder .. "/method", (process.read "etc/smf/auditrecv"
    :gsub("/lib/svc/share/smf_include.sh", os.getenv "PWD" .. "/spec/support/smf/smf_include.sh")))
  host.program, host.settings = program, host.folder .. "/auditrecv.lua"
  if not program then
    host.program = process.write(host.folder .. "/auditrecv", "#!/bin/sh\n"
      .. 'echo "$*" >>"$HOST/ran"\n[ "$1" != check ] || { cat "$HOST/check.out"; cat "$HOST/check.err" >&2; }\n'
      .. 'exit "$(cat "$HOST/$1.status")"\n')
    process.chmod(host.program, 493) -- 0755
    for _, name in ipairs { "check", "serve" } do process.write(host.folder .. "/" .. name .. ".status", "0") end
    process.write(host.folder .. "/check.out", "return {\n\tstop = {\n\t\ttime_limit = 45,\n\t\tlinger = 5,\n\t},\n}\n")
    process.write(host.folder .. "/check.err", "")
    process.write(host.settings, "return {}\n")
  end
  return host
end

local function start(host, shell)
  return host:run("auditrecv", "start", { path = host.method, shell = shell,
    arguments = ("'%s' '%s'"):format(host.program, host.settings), fmri = FMRI })
end

describe("the receiver's method", function()
  for _, shell in ipairs { "dash", "mksh", "ksh93" } do
    it("checks, then starts: " .. shell, function()
      local host = zone()
      local status, said = start(host, shell)
      assert.equal(0, status, said)
      assert.equal("", said)
      assert.equal(("check -c %s\nserve --background -c %s\n"):format(host.settings, host.settings),
        process.read(host.folder .. "/ran"))
    end)

    it("asks for maintenance, with the reason, when the settings are not right: " .. shell, function()
      local host = zone()
      process.write(host.folder .. "/check.status", "1")
      process.write(host.folder .. "/check.out", "")
      process.write(host.folder .. "/check.err", "auditrecv.lua:7: unknown setting 'indexx'; did you mean 'index'?\n")
      local status, said = start(host, shell)
      assert.equal(96, status)
      assert.equal(("auditrecv: %s is not right; correct it, then svcadm clear %s: "):format(host.settings, FMRI)
        .. "auditrecv.lua:7: unknown setting 'indexx'; did you mean 'index'?\n", said)
      assert.is_nil(process.read(host.folder .. "/ran"):find "serve")
    end)
  end

  it("fails as the program does, so that SMF tries again", function()
    local host = zone()
    process.write(host.folder .. "/serve.status", "1")
    assert.equal(1, (start(host)))
  end)

  it("does not try again with a program that does not know its options", function()
    local host = zone()
    process.write(host.folder .. "/serve.status", "2")
    local status, said = start(host)
    assert.equal(96, status)
    assert.matches("another version than this method", said)
  end)

  it("says what is missing", function()
    local host = zone()
    local settings, program = host.settings, host.program
    host.settings = "/nowhere/auditrecv.lua"
    local status, said = start(host)
    assert.equal(96, status)
    assert.matches("cannot read the settings file /nowhere/auditrecv.lua %(config/settings%) as ", said)
    host.settings, host.program = settings, "/nowhere/auditrecv"
    status, said = start(host)
    assert.equal(96, status)
    assert.matches("no program /nowhere/auditrecv %(config/program%)", said)
    host.program = program
    assert.equal(0, (start(host)))
  end)

  it("warns when SMF would cut off a stop", function()
    local host = zone()
    process.write(host.folder .. "/check.out", "return {\n\trules = {\n\t\ttime_limit = 1000,\n\t},\n\tstop = {\n"
      .. "\t\ttime_limit = 300.5,\n\t\tlinger = 5,\n\t},\n\tlog = {\n\t\tlinger = 9999,\n\t},\n}\n")
    local status, said = start(host)
    assert.equal(0, status)
    assert.matches("a stop may take 307 s, and SMF allows 90 s", said)
    assert.matches("setprop stop/timeout_seconds = count: 322", said, 1, true)
  end)

  it("leaves a reason for svcs -x where the system can keep one", function()
    local host = zone()
    process.write(host.method, (process.read(host.method):gsub("(smf_include.sh[^\n]*\n)",
      '%1smf_method_exit() { echo "kept: $1 $2 $3"; exit "$1"; }\n', 1)))
    process.write(host.folder .. "/check.status", "1")
    local status, said = start(host)
    assert.equal(96, status)
    assert.matches("kept: 96 bad_settings .* is not right", said)
  end)

  it("knows no other verb", function()
    local host = zone()
    local status = host:run("auditrecv", "stop", { path = host.method })
    assert.equal(2, status)
  end)
end)

describe("the receiver's manifest", function()
  it("gives a stop more time than the settings do", function()
    local folder = process.folder()
    local p = daemon.run(folder, { "check", "--set", 'listen={{mechanisms={"dummy"},dummy_from={"::1"}}}' })
    local stop = p:stdout():match "stop = (%b{})"
    local needed = tonumber(stop:match "time_limit = ([%d.]+)") + tonumber(stop:match "linger = ([%d.]+)")
    assert(tonumber(manifest:match 'exec=":kill" timeout_seconds="(%d+)"') > needed)
  end)

  it("holds no privilege beyond the basic ones", function()
    for set in manifest:gmatch 'privileges="([^"]*)"' do
      for word in set:gmatch "[^,]+" do assert.truthy(word == "basic" or word:find "^!", word) end
    end
    assert.truthy(manifest:find '<method_credential user="auditrecv" group="auditrecv"')
  end)
end)

describe("the receiver under its method", function()
  local last

  local function settings_of(host, more)
    last = host
    process.mkdir(host.folder .. "/rules")
    process.write(host.settings, ([[return {
      listen = { { address = "127.0.0.1", port = 0, mechanisms = { "dummy" }, dummy_from = { "127.0.0.0/8" } } },
      rules = { directory = "%s/rules" }, output = { type = "file", path = "%s/documents" }, %s
    }]]):format(host.folder, host.folder, more or ""))
  end

  -- The process that the method left behind: the one that holds our folder's log.
  local function pid_of(host)
    local p = assert(io.popen(("exec pgrep -f -- '-c %s'"):format(host.settings)))
    local pid = tonumber(p:read "l")
    p:close()
    return pid
  end

  -- Nothing outlives a spec that failed.
  after_each(function()
    local pid = pid_of(last)
    if pid then process.signal.kill(pid, process.signal.SIGKILL) end
  end)

  local function log_has(host, text)
    return process.until_true(text, function() return process.read(host.folder .. "/said"):find(text, 1, true) end)
  end

  it("is online once it listens, keeps its rules over a bad reload, and stops", function()
    local host = zone(daemon.program)
    settings_of(host)
    local status, said = start(host)
    assert.equal(0, status, said)
    assert.matches("event=ready", said)
    local pid = assert(pid_of(host))
    local port = tonumber(said:match "event=listening.-port=(%d+)")
    local socket = assert(require "socket".connect("127.0.0.1", port))
    socket:close()
    process.write(host.folder .. "/rules/broken.lua", "return {")
    process.signal.kill(pid, process.signal.SIGHUP)
    log_has(host, "event=reload")
    assert.matches("broken.lua", process.read(host.folder .. "/said"), 1, true)
    assert(require "socket".connect("127.0.0.1", port)):close()
    process.signal.kill(pid, process.signal.SIGTERM)
    log_has(host, "event=stopped")
    process.until_true("its end", function() return not pid_of(host) end)
  end)

  it("does not become online when its port is taken", function()
    local host = zone(daemon.program)
    settings_of(host)
    local listener = assert(require "socket".bind("127.0.0.1", 0))
    local _, port = listener:getsockname()
    process.write(host.settings, (process.read(host.settings):gsub("port = 0", "port = " .. port)))
    local status, said = start(host)
    listener:close()
    assert.equal(1, status, said)
    assert.matches("event=failed", said)
    assert.is_nil(pid_of(host))
  end)

  it("does not become online with rules that do not load", function()
    local host = zone(daemon.program)
    settings_of(host)
    process.write(host.folder .. "/rules/broken.lua", "return {")
    local status, said = start(host)
    assert.equal(96, status)
    assert.matches("broken.lua:1", said)
    assert.is_nil(pid_of(host))
  end)
end)
