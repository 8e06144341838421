-- audit-setup when something fails, or when it is cut off: nothing is lost of what was there before, and another run
-- mends it.
local fake_host = require "spec.support.smf.fake_host"
local unlucky = require "spec.smf.unlucky"

-- What auditd has in memory is its own affair.
local function forget(host)
  host:change(function(state) state.audit.kernel, state.audit.mapped = {}, nil end)
end

local function picture(host)
  forget(host)
  return host:picture()
end

local function a_host()
  local host = fake_host.new(function(state)
    state.services["svc:/system/auditd:default"] = { state = "disabled", enabled = false }
  end)
  host:set("audit-setup", { hosts = "recv-a.example.net", event_classes = "AUE_OPEN_R=fr,ex", local_trail = "off",
    qlowater = 50 })
  return host
end

describe("audit-setup", function()
  local start, stop = {}, {}

  lazy_setup(function()
    local host = a_host()
    start.host, start.service, start.verb = host, "audit-setup", "start"
    start.before = picture(host)
    host:keep()
    assert.equal(0, (host:run("audit-setup", "start")))
    start.wanted = picture(host)

    local other = a_host()
    stop.host, stop.service, stop.verb = other, "audit-setup", "stop"
    stop.before = picture(other)
    other:run("audit-setup", "start")
    other:disable "audit-setup"
    other:keep()
  end)

  local function mended(n, line, host)
    local status, said = host:run("audit-setup", "start")
    assert.equal(0, status, said)
    forget(host)
    host:is_like(start.wanted, ("after call %d: %s"):format(n, line))
  end

  local function put_back(n, line, host, before)
    host:disable "audit-setup"
    local status, said = host:run("audit-setup", "stop")
    assert.equal(0, status, said)
    forget(host)
    host:is_like(before, ("after call %d: %s"):format(n, line))
    assert.equal("", host:read "/var/auditrecv/audit-setup.found")
  end

  it("says which command failed in a start; the next start does all of it", function()
    local failed = 0
    unlucky.each_command(start, "fail_at", function(n, line, status, said)
      if status == 0 then
        forget(start.host)
        start.host:is_like(start.wanted, line)
      else
        failed = failed + 1
        assert.matches("audit%-setup: [^\n]+\n$", said)
        assert.truthy(said:find("made to fail", 1, true) or line:find "^file", ("%s: %s"):format(line, said))
        if not unlucky.looks_only(line) then mended(n, line, start.host) end
      end
    end)
    assert(failed > 20)
  end)

  it("is put back by a stop after half a start", function()
    unlucky.each_change(start, "fail_at", function(n, line, status)
      if status ~= 0 then put_back(n, line, start.host, start.before) end
    end)
  end)

  it("goes on where it was killed", function()
    unlucky.each_change(start, "kill_at", function(n, line, status)
      assert.not_equal(0, status, line)
      mended(n, line, start.host)
    end)
  end)

  it("is put back by a stop after a start that was killed", function()
    unlucky.each_change(start, "kill_at", function(n, line) put_back(n, line, start.host, start.before) end)
  end)

  it("says which command failed in a stop; the next stop does the rest", function()
    unlucky.each_command(stop, "fail_at", function(n, line, status, said)
      if status ~= 0 then assert.truthy(said:find("made to fail", 1, true), said) end
      if status == 0 or not unlucky.looks_only(line) then put_back(n, line, stop.host, stop.before) end
    end)
  end)

  it("goes on with a stop that was killed", function()
    unlucky.each_change(stop, "kill_at", function(n, line) put_back(n, line, stop.host, stop.before) end)
  end)
end)
