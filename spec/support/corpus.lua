-- A corpus of records for specs that want variety: every vector, every token in a record of its own, believable
-- records of
-- all sorts, records cut off and with wrong bytes. The same every time.

local a_record = require "spec.support.a_record"
local bsm = require "spec.support.bsm_build"
local vectors = require "spec.fixtures.vectors"

local corpus = {}

local events = {
  "execve", "open_r", "open_w", "stat", "unlink", "chmod", "rename", "kill", "setppriv", "connect", "su", "passwd",
  "cron_invoke", "zlogin", "smf_disable", "auditon_setkmask", "systemboot", "ssh", "login", "setgroups", "mount",
}

local odd = { "caf\xE9", "a\\b", "\xFF\xFE\\", "\u{1F600}", ("x"):rep(5000), "", "\t\r\n\"\\\x7F" }

local function names_of(map, like)
  local names = {}
  for name in pairs(map) do
    if name:find(like) then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function tokens_of_all_sorts()
  return table.concat {
    bsm.path "/etc/a", bsm.path "/etc/b", bsm.path "/etc/c\xFF", bsm.text "one", bsm.text "two\\", bsm.text "thr\xC3ee",
    bsm.exec_args(odd), bsm.exec_env { "A=1", "B=", "NOEQUALS", "A=2", "C\xFF=caf\xE9", "=x" },
    bsm.arg32 { 1, "a", 7 }, bsm.arg32 { 2, "a", 8 }, bsm.arg64 { 3, "b", -1 },
    bsm.subject64 { pid = 1, terminal = { ip = "192.0.2.1", remote_port = 2, local_port = 22 } },
    bsm.return64 { 0, 9007199254740993 }, bsm.zonename "z1", bsm.zonename "z2",
  }
end

--- The records, as { name, bytes }.
---@return table[]
function corpus.records()
  local all = {}
  local function add(name, bytes) all[#all + 1] = { name, bytes } end
  for _, name in ipairs(names_of(vectors, "^R")) do add("vector " .. name, vectors[name]) end
  for _, name in ipairs(names_of(vectors, "^T")) do
    add("token " .. name, bsm.record { event = "execve", vectors[name], bsm.return64 { 0, 0 } })
    add("token twice " .. name, bsm.record { event = "open_r", vectors[name], vectors[name], bsm.zonename "global" })
  end
  for _, event in ipairs(events) do
    add("a " .. event, a_record.bytes { event = event })
    if event ~= "systemboot" then add("a failed " .. event, a_record.bytes { event = event, outcome = "failure" }) end
  end
  for i, text in ipairs(odd) do
    add("odd text " .. i, a_record.bytes { path = text, text = { text, "plain" }, exec_args = { text, "b\\c" } })
  end
  add("all sorts", bsm.record { event = "execve", tokens_of_all_sorts() })
  for _, name in ipairs(names_of(vectors, "^R")) do
    local bytes = vectors[name]
    for at = 0, #bytes - 1, math.max(1, #bytes // 12) do add(("%s cut at %d"):format(name, at), bytes:sub(1, at)) end
  end
  local state = 12345
  local function random(n)
    state = (state * 1103515245 + 12345) % 2147483648
    return state // 65536 % n
  end
  local whole = bsm.record { event = "execve", tokens_of_all_sorts() }
  for i = 1, 150 do
    local at = random(#whole) + 1
    add("damage " .. i, whole:sub(1, at - 1) .. string.char(random(256)) .. whole:sub(at + 1))
  end
  return all
end

return corpus
