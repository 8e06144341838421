-- Real trails of macOS and FreeBSD and OpenBSM's own reference records, compared with what OpenBSM's praudit printed of
-- them. They are no part of the project; without them there is nothing to compare.

local core = require "core.bsm"
local build = require "spec.support.bsm_build"
local decode = require "spec.support.bsm_decode"

local SAMPLES = "../shared/samples/"

local function read(path)
  local file = io.open(SAMPLES .. path, "rb")
  if not file then return nil end
  local bytes = file:read "a"
  file:close()
  return bytes
end

local trails = {
  "macos/plaso-apple-part1.bsm", "freebsd/jvdh-startup-20211014-090822.trail",
  "freebsd/jvdh-session-20211014-132440.trail", "freebsd/openbsm-execve-long-args.trail",
}
for _, name in ipairs {
  "E2BIG", "EBADF", "ECHILD", "EEXIST", "EFBIG", "EINVAL", "EISDIR", "EMLINK", "ENODEV", "ENOEXEC", "ENOSPC", "ENOTDIR",
  "ENXIO", "EPIPE", "ESPIPE", "ETXTBSY", "arg32", "data", "ip", "iport", "path", "process32ex", "process64",
    "process64ex",
  "return32", "socketex", "subject32ex",
} do
  local suffix = name:match "^process%d+ex$" and "_record-IPv4.bin" or "_record.bin"
  trails[#trails + 1] = "openbsm/reference/" .. name .. suffix
end

---The records that praudit printed: each a list of { id, field, … }.
local function printed(path)
  local records = {}
  for line in read("expect/" .. path .. ".praudit-rn.txt"):gmatch "[^\n]+" do
    local id, rest = line:match "^(%d+),(.*)$"
    local token = { id = tonumber(id), rest = rest }
    for field in (rest .. ","):gmatch "([^,]*)," do token[#token + 1] = field end
    if token.id == 20 then records[#records + 1] = {} end
    table.insert(records[#records], token)
  end
  return records
end

local function same_id(expected, shown, what)
  assert.equal(tonumber(expected) & 0xFFFFFFFF, shown & 0xFFFFFFFF, what)
end

---Takes the next of a list in a document.
local function taker()
  local taken = {}
  return function(name, list)
    taken[name] = (taken[name] or 0) + 1
    return list[taken[name]]
  end
end

local function who(doc, token, object)
  for i, name in ipairs { "audit_id", "uid", "gid", "ruid", "rgid", "pid", "session_id" } do
    same_id(token[i], object[name], name)
  end
  local port, ip = tonumber(token[8]), token[9]
  if ip ~= "0.0.0.0" then assert.equal(ip, object.terminal.ip) end
  if object.terminal.remote_port then
    assert.equal(port, object.terminal.remote_port)
  elseif object.terminal.port_id then
    assert.equal(port, tonumber(object.terminal.port_id, 16))
  else
    assert.equal(0, port)
  end
  return doc
end

local check = {
  [20] = function(doc, t)
    assert.equal(tonumber(t[2]), doc.version)
    assert.equal(tonumber(t[3]), doc.event_id)
    assert.equal(os.date("!%Y-%m-%dT%H:%M:%S.", tonumber(t[5])) .. ("%03d000000Z"):format(tonumber(t[6])), doc.time)
  end,
  [35] = function(doc, t) assert.equal(t.rest, doc.path) end,
  [36] = function(doc, t) who(doc, t, doc.subject) end,
  [122] = function(doc, t) who(doc, t, doc.subject) end,
  [119] = function(doc, t) who(doc, t, doc.process) end,
  [123] = function(doc, t) who(doc, t, doc.process) end,
  [125] = function(doc, t) who(doc, t, doc.process) end,
  [39] = function(doc, t)
    assert.equal(tonumber(t[1]) == 0 and "success" or "failure", doc.outcome)
    assert.equal(t[1] == "0" and "0" or t[1] == "255" and "failure" or core.errno_name(tonumber(t[1]), true), doc.errno)
    same_id(t[2], doc["return"], "return")
  end,
  [40] = function(doc, t, take) assert.equal(t.rest, take("text", doc.text)) end,
  [45] = function(doc, t)
    if math.type(doc.args[t[3]]) == "integer" then same_id(t[2], doc.args[t[3]], t[3]) end
    assert.truthy(doc.args[t[3]] ~= nil)
  end,
  [60] = function(doc, t) assert.equal(t.rest, table.concat(doc.exec_args, ",")) end,
  [62] = function(doc, t)
    local a = doc.attributes
    assert.equal(t[1], a.mode_octal:sub(-#t[1]))
    assert.same({ tonumber(t[2]), tonumber(t[3]), tonumber(t[4]) }, { a.uid, a.gid, a.fsid })
    assert.equal(tonumber(t[5]), tonumber(a.inode_hex, 16))
    assert.equal(t[6], a.devid)
  end,
  [33] = function(doc, t)
    assert.same({ t[1], t[2] }, { doc.data[1].print, doc.data[1].unit })
    assert.equal(t[4], doc.data[1].text)
  end,
  [43] = function(doc, t) assert.truthy(doc.ip.source == t[9] and doc.ip.destination == t[10]) end,
  [44] = function(doc, t) assert.equal(tonumber(t[1]), doc.iport[1]) end,
  [127] = function(doc, t)
    assert.same({ tonumber(t[3]), t[4], tonumber(t[5]), t[6] },
      { doc.socket.local_port, doc.socket.local_ip, doc.socket.remote_port, doc.socket.remote_ip })
  end,
  [19] = function(doc) assert.is_nil(doc.damaged) end,
}
check[113] = check[45]

describe("a real trail", function()
  for _, path in ipairs(trails) do
    it(path .. " is what praudit printed", function()
      local bytes = read(path)
      if not bytes then return pending "no samples here" end
      local expected = printed(path)
      local items = core.trail(bytes, 1000)
      assert.equal(#expected, #items)
      for i, item in ipairs(items) do
        assert.equal("record", item.status)
        local doc, take = decode.document(item.bytes), taker()
        assert.is_nil(doc.unknown_token)
        for _, token in ipairs(expected[i]) do
          assert(check[token.id], "token " .. token.id)(doc, token, take)
        end
      end
    end)
  end
end)

describe("a single token of OpenBSM's own", function()
  for name, expected in pairs {
    arg_uuid_token = { uuids = {} }, in_addr_token = { addr = {} }, ipc_token = { ipc = {} },
    opaque_token = { opaque = {} }, process32_token = { process = {} }, ["process32ex_token-IPv4"] = { process = {} },
    ["process64ex_token-IPv4"] = { process = {} }, ret_uuid_token = { uuids = {} },
      seq_token = { sequence = 0x12345678 },
    subject32_token = { subject = {} }, ["subject32ex_token-IPv4"] = { subject = {} },
    text_token = { text = { "This is a test." } }, zonename_token = { zonename = "testzone" },
  } do
    it(name .. " is read whole", function()
      local bytes = read("openbsm/reference/" .. name .. ".bin")
      if not bytes then return pending "no samples here" end
      local doc = decode.token(bytes, 11)
      assert.is_nil(doc.unknown_token)
      local field, value = next(expected)
      if type(value) == "table" and next(value) == nil then
        assert.equal("table", type(doc[field]))
      else
        assert.same(value, doc[field])
      end
    end)
  end

  it("of the development tree that used another id for UUIDs is read, too", function()
    local bytes = read "openbsm/reference-old/arg_uuid_record.2017-01-06.bin"
    if not bytes then return pending "no samples here" end
    local doc = decode.document(bytes)
    assert.is_nil(doc.unknown_token)
    assert.equal("5a62ea53-d41c-11e6-c8a3-25009d4bb49c", select(2, next(doc.uuids)))
  end)

  it("with a made-up length is no record", function()
    local bytes = read "openbsm/reference/header32_token.bin"
    if not bytes then return pending "no samples here" end
    assert.equal("undecodable", decode.document(bytes).event)
    assert.equal(build.hex(bytes), decode.document(bytes).undecoded_hex)
  end)
end)
