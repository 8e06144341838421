local core = require "core.bsm"
local build = require "spec.support.bsm_build"
local decode = require "spec.support.bsm_decode"
local vectors = require "spec.fixtures.vectors"

---@return table[] every fixture as { name, bytes, options }
local function fixtures()
  local list = {}
  local origin = { from = "192.0.2.1", host = "h\xFF", principal = "host/h\xFF@R", received = 1, sequence = 2 }
  for name, bytes in pairs(vectors) do
    if name:match "^R" then
      list[#list + 1] = { name, bytes }
      list[#list + 1] = { name .. " cut", bytes:sub(1, -2), { origin = origin } }
      list[#list + 1] = { name .. " twice", bytes .. bytes }
      list[#list + 1] = { name .. " undecodable", "x" .. bytes, { origin = origin } }
    elseif not name:match "^T[123]$" then
      for _, version in ipairs { 2, 11 } do
        list[#list + 1] = { name, build.record { event = 266, version = version, host = "::1", modifier = 0x8001,
          bytes, bytes, bytes } }
      end
    end
  end
  list[#list + 1] = { "arguments", build.record { event = 266,
    build.arg64 { 1, "port", 0x22C81600 }, build.arg32 { 1, "as_success", 3 }, build.arg32 { 1, "mode", 3 },
    build.arg32 { 1, "a", 3 }, build.arg32 { 2, "a", 4 } } }
  list[#list + 1] = { "failure", build.record { event = 6159, build.return32 { 255, 2009 }, build.text "\xFF" } }
  list[#list + 1] = { "pfexec", build.record { event = "pfexec", build.path "/a", build.attr64 {}, build.path "/b",
    build.attr64 {}, build.path "/c", build.attr64 {}, build.upriv { true, "a" }, build.upriv { false, "b" },
    build.upriv { false, "c" }, build.exec_env { "A=1", "A=2", "b" }, build.zonename "a", build.zonename "b",
    build.data { print = "string", bytes = "x" }, build.sockunix { path = "/x" }, build.label {}, build.groups { 1 },
    build.cert_hash { "x" }, build.liaison(1), build.xatom "a", build.xclient { 1 },
    build.ip { source = "192.0.2.1", destination = "192.0.2.1" }, build.exit { 1, 2 } } }
  list[#list + 1] = { "device", build.record { event = 1, build.subject64 { terminal = { major = 24, minor = 3 } } } }
  return list
end

local types = { integer = true, text = true, object = true, mixed = true }
local rows = {}
for _, row in ipairs(core.field_table()) do rows[row.path] = row end

local function type_of(value)
  if math.type(value) == "integer" then return "integer" end
  return type(value) == "string" and "text" or getmetatable(value).kind
end

---Calls found(path) for every named value of a document, after checking it against the table.
local function check(path, value, found, where)
  local row = assert(rows[path], where .. ": no row for " .. path)
  found(path)
  if row.list then
    assert.equal("list", type_of(value), where .. ": " .. path)
    for _, element in ipairs(value) do assert.equal(row.type, type_of(element), where .. ": " .. path) end
  else
    local kind = row.keyed and "object" or row.type
    assert.equal(kind, type_of(value), where .. ": " .. path)
  end
  if row.keyed then
    for _, element in pairs(value) do
      if row.type ~= "mixed" and type_of(element) == "list" then
        for _, one in ipairs(element) do assert.equal(row.type, type_of(one), where .. ": " .. path) end
      elseif row.type ~= "mixed" then
        assert.equal(row.type, type_of(element), where .. ": " .. path)
      end
    end
    return
  end
  for _, object in ipairs(row.list and value or { value }) do
    if type(object) == "table" and type_of(object) == "object" then
      for name, inner in pairs(object) do check(path .. "." .. name, inner, found, where) end
    end
  end
end

describe("the table of fields", function()
  it("has a row for everything that any fixture gives, with its type", function()
    for _, fixture in ipairs(fixtures()) do
      for name, value in pairs(decode.document(fixture[2], fixture[3])) do
        check(name, value, function() end, fixture[1])
      end
    end
  end)

  it("has no row that nothing gives, but for those of rules and outputs", function()
    local seen = { zonealias = true, tags = true, misfit = true }
    for _, fixture in ipairs(fixtures()) do
      for name, value in pairs(decode.document(fixture[2], fixture[3])) do
        check(name, value, function(path) seen[path] = true end, fixture[1])
      end
    end
    -- Two of a terminal's readings are possible of a process as well as of a subject.
    for name in pairs { ip = 1, local_port = 1, remote_port = 1, dev = 1, major = 1, minor = 1, port_id = 1 } do
      if seen["subject.terminal." .. name] then seen["process.terminal." .. name] = true end
    end
    for path in pairs(rows) do assert.truthy(seen[path], path .. " is in the table, and in no document") end
  end)

  it("says all that a person needs", function()
    for path, row in pairs(rows) do
      assert.truthy(types[row.type], path)
      assert.truthy(#row.from > 0, path)
      assert.truthy(#row.about > 0 and #row.about < 80, path)
    end
  end)

  it("has the top-level fields in the order of documents", function()
    local top = {}
    for _, row in ipairs(core.field_table()) do
      if not row.path:find(".", 1, true) then top[#top + 1] = row.path end
    end
    assert.same(core.field_names(), top)
  end)

  it("has every inner name behind its object, and in the order of documents", function()
    local place, known = {}, {}
    for i, row in ipairs(core.field_table()) do
      assert.is_nil(place[row.path], row.path)
      place[row.path] = i
      local parent = row.path:match "^(.*)%."
      if parent then assert.truthy(known[parent], row.path) end
      known[row.path] = true
    end
    local function ordered(path, value, where)
      local meta = type(value) == "table" and getmetatable(value)
      if not meta then return end
      for _, element in ipairs(meta.kind == "list" and value or {}) do ordered(path, element, where) end
      for i, name in ipairs(meta.kind == "object" and meta.order or {}) do
        local before = meta.order[i - 1]
        local inner = path == "" and name or path .. "." .. name
        if path == "more" then inner = name end
        if before then
          local earlier = path == "" and before or path .. "." .. before
          if not (place[earlier] and place[inner]) or path == "more" then
            assert.truthy(before < name, where .. ": " .. inner)
          else
            assert.truthy(place[earlier] < place[inner], where .. ": " .. inner)
          end
        end
        ordered(inner, value[name], where)
      end
    end
    for _, fixture in ipairs(fixtures()) do
      ordered("", decode.document(fixture[2], fixture[3]), fixture[1])
    end
  end)
end)

describe("a field alone", function()
  it("is the same as in its document, for each that the document has", function()
    for _, fixture in ipairs(fixtures()) do
      local doc = decode.document(fixture[2], fixture[3])
      local names, fields = core.fields(fixture[2], fixture[3])
      assert.same(getmetatable(doc).order, names)
      assert.same(doc, fields)
    end
  end)
end)

---Every value at a path, lists looked into: what a probe has to find.
local function values_at(value, steps, i)
  local found = {}
  local meta = type(value) == "table" and getmetatable(value)
  if not meta then return i > #steps and { value } or {} end
  local inner = meta.kind == "list" and value or {}
  if meta.kind == "object" and i <= #steps and value[steps[i]] ~= nil then
    return values_at(value[steps[i]], steps, i + 1)
  end
  for _, element in ipairs(inner) do
    for _, v in ipairs(values_at(element, steps, i)) do found[#found + 1] = v end
  end
  return found
end

describe("a probe", function()
  it("finds at every path of every fixture what the document has there", function()
    local asked = 0
    for _, fixture in ipairs(fixtures()) do
      local doc = decode.document(fixture[2], fixture[3])
      for path in pairs(rows) do
        local steps = {}
        for step in path:gmatch "[^.]+" do steps[#steps + 1] = step end
        local expected = values_at(doc, steps, 1)
        assert.same(expected, core.probe(fixture[2], fixture[3], path), fixture[1] .. ": " .. path)
        asked = asked + #expected
      end
    end
    assert.truthy(asked > 1000)
  end)

  it("finds names from the record, with dots in them too", function()
    local bytes = build.record { event = 266, build.exec_env { "PATH=/bin", "a.b=c" }, build.arg32 { 1, "uid", 7 },
      build.arg32 { 2, "uid", 8 }, build.arg32 { 1, "as_success", 3 }, build.arg64 { 1, "port", 0x22C81600 },
      build.priv { "Limit", "ALL" }, build.path "/1", build.path "/2", build.path "/3", build.process64 { pid = 5 },
      build.process64 { pid = 6 } }
    assert.same({ "/bin" }, core.probe(bytes, nil, "exec_env.PATH"))
    assert.same({ "c" }, core.probe(bytes, nil, "exec_env", "a.b"))
    assert.same({}, core.probe(bytes, nil, "exec_env.NONE"))
    assert.same({ 7, 8 }, core.probe(bytes, nil, "args.uid"))
    assert.same({ "fr", "fw" }, core.probe(bytes, nil, "args.as_success"))
    assert.same({ 22 }, core.probe(bytes, nil, "args.port.local_port"))
    assert.same({}, core.probe(bytes, nil, "args.port"))
    assert.same({ "ALL" }, core.probe(bytes, nil, "privs.Limit"))
    assert.same({ "/3" }, core.probe(bytes, nil, "more.path"))
    assert.same({ 6 }, core.probe(bytes, nil, "more.process.pid"))
  end)

  it("finds names that are spelled", function()
    local bytes = build.record { event = 1, build.arg32 { 1, "n\xFF", 7 }, build.exec_env { "a\xFF=b\xFE" } }
    assert.same({ 7 }, core.probe(bytes, nil, "args.n\\xFF"))
    assert.same({}, core.probe(bytes, nil, "args.n\xFF"))
    assert.same({ "b\\xFE" }, core.probe(bytes, nil, "exec_env.a\\xFF"))
  end)

  it("cannot be made for what no document has", function()
    for _, path in ipairs { "", "nonsense", "subject.nonsense", "path.x", "event.", ".event", "subject.terminal.x",
      "subjec",
      "subject.uid.x", "text.1" } do
      assert.is_nil(core.probe(vectors.R1, nil, path), path)
    end
  end)

  it("can be made for what only rules make", function()
    assert.same({}, core.probe(vectors.R1, nil, "zonealias"))
    assert.same({}, core.probe(vectors.R1, nil, "tags"))
    assert.same({}, core.probe(vectors.R1, nil, "misfit.anything"))
  end)
end)
