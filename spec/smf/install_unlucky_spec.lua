-- The installer when something fails, or when it is cut off: it never leaves half of anything without saying so, and
-- another run mends it.
local bare_host = require "spec.support.smf.bare_host"
local unlucky = require "spec.smf.unlucky"

local install = bare_host.install
local MARK = "/opt/auditrecv/gz-smf/unfinished"
local SETTINGS = "smartos audit-setup/hosts=recv-a.example.net zone-names/interval=30"

-- What auditd has in memory is its own affair.
local function forget(host)
  host:change(function(state) state.audit.kernel, state.audit.mapped = {}, nil end)
end

local function services(host)
  local list = {}
  for name, service in pairs(host:state().services) do list[#list + 1] = name .. " is " .. service.state end
  table.sort(list)
  return table.concat(list, "\n")
end

-- What it is like: the services with their states, each file by its name, the settings of the system.
local function seen(host)
  forget(host)
  return { services = services(host), files = bare_host.files(host), picture = host:picture() }
end

local function is(host, wanted, at)
  forget(host)
  assert.equal(wanted.services, services(host), at)
  assert.equal(wanted.files, bare_host.files(host), at)
  host:is_like(wanted.picture, at)
end

-- What methods do when --undo has them put everything back is tried in their own specs.
local function of_a_method(line)
  return line:find "^auditconfig" or line:find("/var/auditrecv/", 1, true)
end

local function a_run(host, arguments)
  return { host = host, service = "install", verb = "--system", one_round = true, skips = of_a_method,
    options = { path = host.folder .. "/source/install", arguments = arguments, by_hand = true } }
end

-- The methods have specs of their own, and do not run when their services start.
local function a_host()
  local host = bare_host.new("smartos", true)
  host:change(function(state) state.runs_methods = nil end)
  return host
end

-- A host without the services, how it is with them; and one that has them, which is to lose them again.
local function stories()
  local host, other = a_host(), a_host()
  local start, undo = a_run(host, SETTINGS), a_run(other, "smartos --undo")
  start.before, undo.before = seen(host), seen(other)
  host:keep()
  assert.equal(0, (install(host, SETTINGS)))
  assert.equal(0, (install(other, SETTINGS)))
  start.wanted, undo.wanted = seen(host), seen(other)
  other:keep()
  return start, undo
end

describe("the installer without luck", function()
  local start, undo

  lazy_setup(function() start, undo = stories() end)

  -- Either way has to lead on from anywhere: to all of it, and to nothing of it.
  local function led_on(story, n, at)
    local forth = n % 2 == 0
    local status, said = install(story.host, forth and SETTINGS or "smartos --undo")
    assert.equal(0, status, at .. said)
    is(story.host, forth and story.wanted or story.before, at)
  end

  -- While files are replaced or removed, nothing of them starts.
  local function tells_of_half_a_run(host, at)
    if host:read(MARK) == "" then return 0 end
    for _, name in ipairs(bare_host.services) do
      if host:read("/opt/auditrecv/gz-smf/" .. name) ~= "" then
        local status, said = host:run(name, "start", { fmri = "svc:/system/auditd:default" })
        assert.equal(96, status, at .. said)
        assert.matches("the installer was cut off here: run it again", said)
        return 1
      end
    end
    return 0
  end

  for what, case in pairs {
    ["an install"] = { function() return start end, "wanted" },
    ["an --undo"] = { function() return undo end, "before" },
  } do
    it("says which command of " .. what .. " failed; another run leads on", function()
      local story, failed = case[1](), 0
      unlucky.each_command(story, "fail_at", function(n, line, status, said)
        local at = ("call %d: %s: "):format(n, line)
        if status == 0 then
          is(story.host, story[case[2]], at)
        else
          failed = failed + 1
          assert.matches("install: [^\n]+\n$", said, at)
          if not unlucky.looks_only(line) then led_on(story, failed, at) end
        end
      end)
      assert(failed > 10)
    end)

    it("leads on from " .. what .. " that was killed; what is half there does not start", function()
      local story, told, turn = case[1](), 0, 0
      unlucky.each_change(story, "kill_at", function(n, line, status)
        local at = ("call %d: %s: "):format(n, line)
        assert.not_equal(0, status, at)
        told = told + tells_of_half_a_run(story.host, at)
        turn = turn + 1
        led_on(story, turn, at)
      end)
      assert(told > 0)
    end)
  end

  it("changes nothing when a disk is full: what it installs is complete before anything is replaced", function()
    start.host:reset()
    for _ = 1, 2 do assert.equal(0, (install(start.host, SETTINGS))) end
    local had, copying = seen(start.host), nil
    for n, line in ipairs(start.host:all_calls()) do copying = copying or line:find "^cp " and n end
    local status, said = install(start.host, SETTINGS, { fail_at = copying })
    assert.equal(1, status)
    assert.matches("cp in %S+/source failed: cp: made to fail", said)
    assert.equal("", start.host:read(MARK))
    is(start.host, had, "after a copy that failed")
  end)
end)
