-- services: svcprop, svccfg, svcadm and svcs of a fake host.
local AUDITD = "svc:/system/auditd:default"

return function(host)
  local state = host.state
  local commands = {}
  require "auditing"(host)

  local function instance(pattern, command)
    local fmri = pattern:gsub("^([^s])", "svc:/%1")
    if state.services[fmri] then return fmri, state.services[fmri] end
    host.fail("%s: Pattern '%s' doesn't match any instances\n", command, pattern)
  end

  local function quoted(value)
    return value == "" and '""' or (value:gsub("[;&()|^<> \t\n\\\"'`]", "\\%0"))
  end

  local function values(property)
    local list = {}
    for i, value in ipairs(property.values) do list[i] = quoted(value) end
    return table.concat(list, " ")
  end

  function commands.svcprop(words)
    local i, wanted = 1, nil
    while words[i] and words[i]:find "^%-" do
      if words[i] == "-p" then wanted, i = words[i + 1], i + 1 end
      i = i + 1
    end
    local fmri, service = instance(words[i], "svcprop")
    local keys = {}
    for key in pairs(service.properties or {}) do keys[#keys + 1] = key end
    table.sort(keys)
    if wanted == "general/enabled" then
      host.out("%s\n", tostring(service.enabled))
    elseif wanted == "general_ovr/enabled" and service.enabled_now ~= nil then
      host.out("%s\n", tostring(service.enabled_now))
    elseif wanted:find "/" then
      local property = (service.properties or {})[wanted]
      if not property then host.fail("svcprop: Couldn't find property `%s' for instance `%s'.\n", wanted, fmri) end
      host.out("%s\n", values(property))
    else
      local any = false
      for _, key in ipairs(keys) do
        if key:match "^[^/]+" == wanted then
          any = true
          host.out("%s %s %s\n", key, service.properties[key].type, values(service.properties[key]))
        end
      end
      if not any then host.fail("svcprop: Couldn't find property group `%s' for instance `%s'.\n", wanted, fmri) end
    end
  end

  function commands.svcs(words)
    local _, service = instance(words[#words], "svcs")
    host.out("%-14s\n", service.state .. (service.moving and "*" or ""))
  end

  local function read(path)
    local file = assert(io.open(path))
    local text = file:read "a"
    file:close()
    return text
  end

  local function plain(text) return (text:gsub("&lt;", "<"):gsub("&quot;", '"'):gsub("&amp;", "&")) end

  local function validate(path)
    local command = "grep -v '^<!DOCTYPE' '%s' | xmllint --noout --nonet --dtdvalid '%s/service_bundle.dtd' - 2>&1"
    local lint = assert(io.popen(command:format(path, host.library)))
    local said = lint:read "a"
    if not lint:close() then host.fail("%ssvccfg: Validation failed.\n", said) end
  end

  local function import(path)
    local text = read(path)
    local service, name = text:match '<service name="([^"]+)"', text:match '<instance name="([^"]+)"'
    local fmri = ("svc:/%s:%s"):format(service, name)
    local old = state.services[fmri]
    local enabled = text:match '<instance name="[^"]+" enabled="(%a+)"' == "true"
    local new = { properties = {}, state = old and old.state or enabled and "offline" or "disabled",
      method = text:match 'name="stop" exec="(/%S+) %%m"' }
    new.enabled = enabled
    if old then new.enabled = old.enabled end -- an import keeps what it finds
    for group, inside in text:gmatch '<property_group name="([^"]+)"[^>]*>(.-)</property_group>' do
      for key, kind, value in inside:gmatch '<propval name="([^"]+)" type="([^"]+)" value="([^"]*)"/>' do
        local path_of = group .. "/" .. key
        if value:find "^/" then value = host.root .. value end -- a place of the host
        new.properties[path_of] = old and old.changed and old.changed[path_of] and old.properties[path_of]
          or { type = kind, values = { plain(value) } }
      end
    end
    -- Methods belong to the service, and are not to be seen from its instance.
    new.service = { properties = {} }
    for attributes in text:gmatch "<exec_method(.-)/>" do
      local path_of = attributes:match 'name="(%a+)"' .. "/timeout_seconds"
      new.service.properties[path_of] = { type = "count", values = { attributes:match 'timeout_seconds="(%d+)"' } }
    end
    new.changed = old and old.changed
    state.services[fmri] = new
  end

  local function set_property(fmri, command)
    local own = fmri:find "/.*:" ~= nil
    local service = select(2, instance(own and fmri or fmri .. ":default", "svccfg"))
    if not own then service = service.service end
    local key, kind, value = command:match "^setprop (%S+) = (%a+): (.*)$"
    if not key then host.fail "svccfg: Syntax error.\n" end
    local list = {}
    for item in value:gmatch '"([^"]*)"' do list[#list + 1] = item end
    if #list == 0 then list[1] = value end
    if kind == "count" and list[1]:find "%D" then host.fail('svccfg: Invalid "count" value "%s".\n', list[1]) end
    if not service.properties[key] then host.fail('svccfg: No such property group "%s".\n', key:match "^[^/]+") end
    service.properties[key] = { type = kind, values = list }
    service.changed = service.changed or {}
    service.changed[key] = true
  end

  function commands.svccfg(words)
    if words[1] == "validate" then
      validate(words[2])
    elseif words[1] == "import" then
      import(words[2])
    elseif words[1] == "delete" then
      local pattern = words[#words]
      for fmri, service in pairs(state.services) do
        if fmri:find(pattern, 1, true) == 1 then
          if words[2] ~= "-f" and service.state == "online" then
            host.fail("svccfg: Instance %s may be running.  Use delete -f if it is not.\n", fmri)
          end
          state.services[fmri] = nil
          return
        end
      end
      host.fail("svccfg: Pattern '%s' doesn't match any instances or services\n", pattern)
    elseif words[1] == "-s" then
      set_property(words[2], table.concat(words, " ", 3))
    end
  end

  -- The service's own method, as its restarter would run it. It calls other commands, so our state is put down before.
  local function run_method(fmri, service, verb)
    if not service.method or not service.runs_methods and not state.runs_methods then return end
    require "store".save(host.folder, state)
    local line = ("SMF_FMRI=%s $HOST_SHELL '%s%s' %s >>'%s/log' 2>&1"):format(fmri, host.root, service.method, verb,
      host.folder)
    local fine = os.execute(line)
    local after = require "store".load(host.folder)
    for key in pairs(state) do state[key] = nil end
    for key, value in pairs(after) do state[key] = value end
    if not fine then state.services[fmri].state = "maintenance" end
  end

  local actions = {}

  function actions.enable(fmri, service, temporary, wait)
    if temporary then service.enabled_now = true else service.enabled, service.enabled_now = true, nil end
    if fmri == AUDITD then
      local fault = host.auditd_fault()
      if fault or service.state == "maintenance" then
        service.state = "maintenance"
        if wait then
          host.err("svcadm: Instance \"%s\" is in maintenance state.\n", fmri)
          host.finish(3)
        end
        return
      end
      if service.state ~= "online" then host.load_auditd(true) end
    end
    if service.state == "online" or service.state == "maintenance" then return end
    service.state = "online"
    run_method(fmri, service, "start")
  end

  function actions.disable(fmri, service, temporary)
    if temporary then service.enabled_now = false else service.enabled, service.enabled_now = false, nil end
    local was = service.state
    service.state = "disabled"
    if fmri == AUDITD then state.audit.mapped, state.audit.loaded = nil, nil end
    if was == "online" then run_method(fmri, service, "stop") end
  end

  function actions.refresh(fmri, service)
    if fmri == AUDITD and service.state == "online" then host.load_auditd(false) end
    if service.state == "online" then run_method(fmri, service, "refresh") end
  end

  function actions.restart(fmri, service)
    if service.state == "online" and fmri == AUDITD then
      host.load_auditd(true)
      if host.auditd_fault() then service.state = "maintenance" end
    end
  end

  function actions.clear(fmri, service)
    if service.state ~= "maintenance" then
      host.fail("svcadm: Instance \"%s\" is not in a maintenance or degraded state.\n", fmri)
    end
    service.state = "disabled"
    if service.enabled then actions.enable(fmri, service) end
  end

  function commands.svcadm(words)
    local i, options = 2, ""
    while words[i] and words[i]:find "^%-" do options, i = options .. words[i], i + 1 end
    local fmri, service = instance(words[i], "svcadm")
    actions[words[1]](fmri, service, options:find "t" ~= nil, options:find "s" ~= nil)
  end

  return commands
end
