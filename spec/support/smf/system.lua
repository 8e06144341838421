-- system: mount, umount, the commands for zones, and a few more of a fake host.
return function(host)
  local state = host.state
  local commands = {}

  local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

  local function real(name)
    return function(words)
      local list = {}
      for i, word in ipairs(words) do list[i] = quoted(word) end
      local _, _, status = os.execute(("PATH=/usr/bin:/bin %s %s"):format(name, table.concat(list, " ")))
      if status ~= 0 then host.finish(status) end
    end
  end
  for _, name in ipairs { "cp", "mv", "mkdir", "chmod", "rm", "rmdir", "cat" } do commands[name] = real(name) end

  local function write_mnttab()
    local file = assert(io.open(host.root .. "/etc/mnttab", "w"))
    file:write("rpool/ROOT\t", host.root, "/\tzfs\trw,dev=1\t1\n")
    file:write("/devices/ramdisk:a\t", host.root, "/usr\tufs\t", state.usr, ",dev=2\t1\n")
    for _, m in ipairs(state.mounts) do file:write(m.from, "\t", m.on, "\tlofs\tdev=3\t2\n") end
    file:close()
  end

  -- What was there is moved aside, and a link stands for the mount.
  function commands.mount(words)
    local over = words[3] == "-O"
    local from, on = words[over and 4 or 3], words[over and 5 or 4]
    for _, m in ipairs(state.mounts) do
      if m.on == on and not over then
        host.err("mount: %s: Device busy\n", from)
        host.finish(111)
      end
    end
    local under = ("%s.under%d"):format(on, #state.mounts)
    assert(os.rename(on, under))
    assert(os.execute(("ln -s %s %s"):format(quoted(from), quoted(on))))
    table.insert(state.mounts, { from = from, on = on, under = under })
    write_mnttab()
  end

  function commands.umount(words)
    for i = #state.mounts, 1, -1 do
      local m = state.mounts[i]
      if m.on == words[1] then
        if state.busy or state.audit.mapped and m.on:find("/usr/lib/gss", 1, true) then
          host.fail("umount: %s busy\n", m.on)
        end
        os.remove(m.on)
        os.rename(m.under, m.on)
        table.remove(state.mounts, i)
        write_mnttab()
        return
      end
    end
    host.fail("umount: warning: %s not in mnttab\numount: %s not mounted\n", words[1], words[1])
  end

  -- Prints a file of the fake host, or fails where there is none.
  local function show(name)
    local file = io.open(host.folder .. "/" .. name)
    if not file then return false end
    host.out("%s", file:read "a")
    file:close()
    return true
  end

  function commands.vmadm() if not show "vmadm" then host.fail "vmadm: cannot reach vmadmd\n" end end
  function commands.zoneadm() if not show "zoneadm" then host.fail "zoneadm: failed to get zone list\n" end end
  function commands.zonecfg(words)
    if not state.zones[words[2]] then host.fail("%s: No such zone configured\n", words[2]) end
    host.out("%s", state.zones[words[2]])
  end

  function commands.getent(words)
    if state.unresolved[words[2]] then host.finish(2) end
    host.out("192.0.2.7\t%s\n", words[2])
  end

  function commands.file(words) host.out("%s:\tELF %s-bit LSB executable\n", words[1], state.bits) end
  function commands.zonename() host.out("%s\n", state.zone) end
  function commands.uname(words) host.out("%s\n", state.uname[words[1]]) end
  function commands.id() host.out "0\n" end

  return commands
end
