-- The module of lookups outside of the program: descriptions are checked, and specs of rules say what is answered.
describe("auditrecv.lookup", function()
  local lookup

  before_each(function()
    package.loaded["auditrecv.lookup"] = nil
    lookup = require "auditrecv.lookup"
  end)

  -- The description of a source that is fine, but for these members.
  local function vm(changes)
    local description = { name = "vm", service = "vmapi", path = "/vms/{key}" }
    for key, value in pairs(changes or {}) do description[key] = value end
    return description
  end

  local function complaint(description)
    local ok, why = pcall(lookup.source, description)
    assert.is_false(ok)
    return (why:gsub("^.-lookup.source: ", ""))
  end

  it("answers in specs what they say", function()
    local ask = lookup.source(vm())
    lookup.answers { vm = { a = { alias = "web" } } }
    assert.same({ alias = "web" }, ask "a")
    assert.same({ alias = "web" }, lookup.vm "a")
    assert.same({ n = 1 }, table.pack(ask "b"))
    assert.same({ n = 1 }, table.pack(ask(nil)))
    lookup.answers {}
    assert.same({ nil, "missing" }, { ask "a" })
  end)

  it("has every service in specs", function()
    assert.is_true(lookup.has "vmapi")
    assert.has_error(function() lookup.has(5) end, "lookup.has wants the name of a service")
  end)

  it("copies an answer, as deep as it goes", function()
    local answer = { a = { b = { 1, 2 } } }
    local copy = lookup.copy(answer)
    copy.a.b[1] = 5
    assert.same({ a = { b = { 1, 2 } } }, answer)
    assert.equal("x", lookup.copy "x")
  end)

  it("takes every member that there is", function()
    assert.is_function(lookup.source(vm {
      key = "uuid", fields = { "alias", "tags.role" }, at = "vm", keep = 1, keep_none = 0, stale = 0,
      none = { 404, { status = 410, code = "Gone" } }, not_ready = { 503 },
      key_field = { "uuid", "sysinfo.Network Interfaces.*.ip4addr" },
      batch = { path = "/names?uuid={keys}", separator = "&uuid=", form = "object", most = 50 },
      preload = { path = "/s?limit={limit}&offset={offset}", page = "offset", form = "list", limit = 100, every = 60 },
    }))
  end)

  for _, case in ipairs {
    { "no table", 5, "a source is a table, not a number" },
    { "nothing", nil, "a source is a table, not a nil" },
    { "no name", { service = "x" }, "a source has a name" },
    { "an unknown member", vm { pth = "x" }, 'vm: a source has no "pth"; did you mean "path"?' },
    { "a name in capitals", vm { name = "VM" },
      "VM: name of a source is lower-case letters, digits and _, at most 40, a letter first" },
    { "a name of the module", vm { name = "has" }, "has: the module has a function of this name" },
    { "a path without key", vm { path = "/vms" }, 'vm: path of a source is a path like "/things/{key}"' },
    { "a path with two keys", vm { path = "/{key}/{key}" }, 'vm: path of a source is a path like "/things/{key}"' },
    { "a path that is a URL", vm { path = "http://x/{key}" }, 'vm: path of a source is a path like "/things/{key}"' },
    { "a path with a blank", vm { path = "/a b/{key}" }, 'vm: path of a source is a path like "/things/{key}"' },
    { "a path with another word", vm { path = "/{keys}/{key}" },
      'vm: path of a source is a path like "/things/{key}"' },
    { "a form of keys that is not known", vm { key = "UUID" },
      'vm: key of a source is one of "uuid", "address", "text"' },
    { "a negative time", vm { keep = -1 }, "vm: keep of a source is a whole number from 1 to 31622400" },
    { "a time that is a text", vm { stale = "5" }, "vm: stale of a source is a whole number from 0 to 31622400" },
    { "fields that are no list", vm { fields = { alias = true } },
      'vm: fields of a source is a list of at most 64 names, { "alias", "owner_uuid" }' },
    { "a field with nothing between dots", vm { fields = { "a..b" } },
      'vm: fields of a source is a path of names parted by dots, "alias" or "tags.role"' },
    { "a status that is none", vm { none = { 4 } }, "vm: none of a source is a list of HTTP statuses, " ..
      '{ 404 } or { { status = 404, code = "NotFound" } }' },
    { "a batch without path", vm { batch = {}, key_field = "x" }, "vm: batch has a path" },
    { "a batch with an unknown member", vm { batch = { path = "/{keys}", mst = 5 } },
      'vm: batch has no "mst"; did you mean "most"?' },
    { "a batch that is a text", vm { batch = "/{keys}" }, "vm: batch is a table, not a string" },
    { "a list without key_field", vm { batch = { path = "/x?{keys}" } },
      "vm: an answer that is a list needs a key_field, which says where its elements have their key" },
    { "nothing to ask with", { name = "vm", service = "x" },
      "vm: a source has a path, a batch or a preload to ask a service, or a key_field for a file" },
    { "markers without marker", vm { key_field = "x", preload = { path = "/x", page = "marker" } },
      "vm: a preload by markers has {marker} in its path, and says in `marker` what one looks like" },
    { "offsets without offset", vm { key_field = "x", preload = { path = "/x", page = "offset" } },
      "vm: a preload by offset has {offset} in its path" },
    { "an offset for one page", vm { key_field = "x", preload = { path = "/x?{offset}" } },
      'vm: the preload is by page = "one", and its path or marker say something else' },
  } do
    it("says what is wrong: " .. case[1], function() assert.equal(case[3], complaint(case[2])) end)
  end

  it("takes the same description again, and no other under its name", function()
    local first = lookup.source(vm { keep = 5 })
    assert.equal(first, lookup.source(vm { keep = 5 }))
    assert.equal("vm: another file declares a source of this name, in other words", complaint(vm { keep = 6 }))
  end)
end)
