-- auditing: auditconfig and audit of a fake host.
local names = { "ahlt", "arge", "argv", "cnt", "group", "path", "perzone", "public", "seq", "trail", "windata_down",
  "windata_up", "zonename" }
local classes = { lo = 0x1000, ex = 0x40000000, ps = 0x100000, fw = 0x2, aa = 0x2000, as = 0x20000, ad = 0x70000,
  pm = 0x200000, no = 0,
  ot = 0x80000000 }
local queue = { qhiwater = "hiwater mark (records)", qlowater = "lowater mark (records)",
  qbufsz = "buffer size (bytes)", qdelay = "delay (ticks)" }
local defaults = { qhiwater = 100, qlowater = 10, qbufsz = 8192, qdelay = 20 }
local AUDITD = "svc:/system/auditd:default"

return function(host)
  local audit = host.state.audit
  local commands, options = {}, {}

  local function list_of(set)
    local on = {}
    for _, name in ipairs(names) do if set[name] then on[#on + 1] = name end end
    return #on == 0 and "none" or #on == #names and "all" or table.concat(on, ",")
  end

  function options.getpolicy()
    host.out("configured audit policies = %s\n", list_of(audit.policy))
    host.out("active audit policies = %s\n", list_of(audit.policy_active))
  end

  function options.setpolicy(text)
    local sign = text:match "^[+-]"
    local set = {}
    for name in text:gsub("^[+-]", ""):gmatch "[^,]+" do
      if not table.concat(names, " "):find("%f[%w_]" .. name .. "%f[^%w_]") then
        host.err("Invalid policy (%s) specified.\n", name)
        host.fail "error: Invalid argument(22)\n"
      end
      set[name] = true
    end
    for _, policy in ipairs { audit.policy, audit.policy_active } do
      if not sign then for name in pairs(policy) do policy[name] = nil end end
      for name in pairs(set) do policy[name] = sign ~= "-" or nil end
    end
  end

  local function mask(text)
    local sum = 0
    for class in text:gmatch "[^,]+" do sum = sum | (classes[class] or 0) end
    return ("%s(0x%x,0x%x)"):format(text, sum, sum)
  end

  local function get_flags(kind, key)
    return function()
      host.out("active %s audit flags = %s\n", kind, mask(audit[key .. "_active"]))
      host.out("configured %s audit flags = %s\n", kind, mask(audit[key]))
    end
  end

  local function set_flags(kind, key)
    return function(text)
      for class in text:gmatch "[^,]+" do
        if not classes[(class:gsub("^[+^-]*", ""))] then
          host.fail("Unknown audit flags and/or prefixes encountered: %s\nerror: Invalid argument(22)\n", class)
        end
      end
      audit[key], audit[key .. "_active"] = text, text
      host.out("%s audit flags = %s\n", kind, mask(text))
    end
  end

  options.getflags, options.setflags = get_flags("user default", "flags"), set_flags("user default", "flags")
  options.getnaflags = get_flags("non-attributable", "naflags")
  options.setnaflags = set_flags("non-attributable", "naflags")

  function options.getqctrl()
    for _, where in ipairs { "configured", "active" } do
      for _, key in ipairs { "qhiwater", "qlowater", "qbufsz", "qdelay" } do
        local value = audit.queue[key]
        if where == "configured" and value == 0 then
          host.out("no configured audit queue %s\n", (queue[key]:gsub(" %(.*", "")))
        else
          host.out("%s audit queue %s = %d\n", where, queue[key], value ~= 0 and value or defaults[key])
        end
      end
    end
  end

  local function set_queue(key, least, most)
    options["set" .. key] = function(text)
      local n = math.tointeger(tonumber(text))
      if n ~= 0 and (n < least() or n > most()) then
        host.out("Specified audit queue %s is outside of allowed boundaries.\n", (queue[key]:gsub(" %(.*", "")))
        host.fail "Could not store configuration value.\n"
      end
      audit.queue[key] = n
    end
  end
  local function now(key) return audit.queue[key] ~= 0 and audit.queue[key] or defaults[key] end
  set_queue("qhiwater", function() return now "qlowater" + 1 end, function() return audit.highest end)
  set_queue("qlowater", function() return 1 end, function() return now "qhiwater" - 1 end)
  set_queue("qbufsz", function() return 8192 end, function() return 1048576 end)
  set_queue("qdelay", function() return 1 end, function() return 20000 end)

  local function attributes_of(plugin)
    local keys, text = {}, {}
    for key in pairs(plugin.attributes) do keys[#keys + 1] = key end
    table.sort(keys)
    for _, key in ipairs(keys) do text[#text + 1] = key .. "=" .. plugin.attributes[key] .. ";" end
    return table.concat(text)
  end

  local function print_plugin(name)
    local plugin = audit.plugins[name]
    if name == "audit_remote" and #plugin.attributes.p_hosts > 96 then
      host.fail("Too long attribute string: %s\n", attributes_of(plugin))
    end
    host.out("Plugin: %s (%s)\n", name, plugin.active and "active" or "inactive")
    host.out("\tAttributes: %s\n", attributes_of(plugin))
    if plugin.qsize ~= 0 then host.out("\tQueue size: %d \n", plugin.qsize) end
    host.out "\n"
  end

  function options.getplugin(name)
    if name and not audit.plugins[name] then
      host.fail("No such plugin configured: %s\nerror: entity not found\n", name)
    end
    for _, each in ipairs { "audit_binfile", "audit_remote", "audit_syslog" } do
      if not name or name == each then print_plugin(each) end
    end
  end

  function options.setplugin(name, word, attributes, qsize)
    local plugin = audit.plugins[name]
    if not plugin then host.fail("No such plugin configured: %s\nerror: entity not found\n", name) end
    if word ~= "active" and word ~= "inactive" then host.fail "usage: auditconfig -setplugin name active|inactive\n" end
    for entry in (attributes or ""):gsub("%s", ""):gmatch "[^;]+" do
      local key, value = entry:match "^([%w_]+)=(.*)$"
      if key ~= "active" and key ~= "path" and key ~= "qsize" then
        if not plugin.attributes[key] then host.fail("Could not get configuration for attribute: %s\n", key) end
        plugin.attributes[key] = value
      end
    end
    plugin.active = word == "active"
    if qsize then plugin.qsize = math.tointeger(tonumber(qsize)) end
  end

  local function events()
    local list = {}
    for line in io.lines(host.root .. "/etc/security/audit_event") do
      local number, name, text, class = line:match "^(%d+):([^:]+):(.*):([^:]*)$"
      if number then list[#list + 1] = { number = number, name = name, text = text, class = class } end
    end
    return list
  end

  function options.lsevent()
    for _, e in ipairs(events()) do
      host.out("%-30s %5d %s %s\n", e.name, math.tointeger(tonumber(e.number)), e.class, e.text)
    end
  end

  local function load_events()
    audit.kernel = {}
    for _, e in ipairs(events()) do audit.kernel[e.name] = e.class end
  end

  function options.conf()
    load_events()
    local count = 0
    for _ in pairs(audit.kernel) do count = count + 1 end
    host.out("Configured %d kernel events.\n", count)
  end

  function options.getcond()
    host.out("audit condition = %s\n", host.state.services[AUDITD].state == "online" and audit.condition or "noaudit")
  end

  -- The shell that becomes this command has its number, so that it has the classes that were set for it.
  local function own_pid()
    local file = assert(io.open "/proc/self/stat")
    local pid = file:read "n"
    file:close()
    return pid
  end

  function options.setpmask(pid, text)
    if not classes[text] then host.fail("Unknown audit flags and/or prefixes encountered: %s\n", text) end
    audit.pmask = { pid = math.tointeger(tonumber(pid)), classes = text }
  end

  -- Says nothing where it writes nothing, and where the kernel's queue is full.
  function options.audit(name, _, _, text)
    local class
    for _, e in ipairs(events()) do if e.name == name then class = e.class end end
    if not class then host.fail("Could not get audit event %s\n", name) end
    local mask_is = audit.pmask and audit.pmask.pid == own_pid() and audit.pmask.classes
    if class ~= mask_is or audit.condition ~= "auditing" then return end
    local stat = audit.stat
    stat.aud = stat.aud + 1
    if audit.crowded then
      stat.drop = stat.drop + audit.crowded
    else
      table.insert(audit.written, text)
    end
  end

  function commands.auditstat()
    local stat = audit.stat
    if stat.says then host.fail("%s", stat.says) end
    if stat.prints then host.out("%s", stat.prints) return end
    host.out(" gen nona kern  aud  ctl  enq wrtn wblk rblk %4s  tot  mem\n", "drop")
    host.out("%4d    0  900 %4d    0  100  100    0   41 %4d 1036    0 \n", stat.aud + 900, stat.aud, stat.drop)
  end

  function commands.auditconfig(words)
    local option = options[(words[1] or ""):sub(2)]
    if not option then host.fail("auditconfig: unknown option %s\n", words[1]) end
    if words[1] == audit.deaf then return end -- says yes, and does nothing
    option(table.unpack(words, 2))
  end

  --- auditd reads its configuration; a restart gives back the libraries that it had mapped.
  local function load(restart)
    local remote = audit.plugins.audit_remote
    load_events()
    if restart then audit.mapped = nil end
    audit.loaded = remote.active and { hosts = remote.attributes.p_hosts, qsize = remote.qsize } or nil
    local mech = remote.active and remote.attributes.p_hosts:match ":([%w_]+)$"
    for line in io.lines(host.root .. "/etc/gss/mech") do
      local name, library = line:match "^(%S+)%s+%S+%s+(%S+)"
      local file = name == mech and io.open(host.root .. "/usr/lib/gss/" .. library)
      if file then
        audit.mapped = audit.mapped or file:read "a"
        file:close()
      end
    end
  end
  host.load_auditd = load

  --- What keeps auditd from running, or nil.
  function host.auditd_fault()
    local any = false
    for _, plugin in pairs(audit.plugins) do any = any or plugin.active end
    if not any then return "audit: no active plugin found" end
    if #audit.plugins.audit_remote.attributes.p_hosts > 96 then return "audit: too long attribute string" end
  end

  function commands.audit(words)
    if words[1] ~= "-s" then host.fail "usage: audit -s\n" end
    local fault = host.auditd_fault()
    if fault then host.fail("%s\n", fault) end
    if audit.nobody_answers then os.execute "exec /bin/sleep 20" end
    host.state.services[AUDITD].state = "online"
    load(false)
  end

  return commands
end
