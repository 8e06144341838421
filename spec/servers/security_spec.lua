-- Basic authentication over TLS, and what an operator sees when something about it is wrong.
local documents = require "spec.servers.documents"
local receiver = require "spec.servers.receiver"
local server = require "spec.servers.server"
local shell = require "spec.servers.shell"

if server.name ~= "elasticsearch-8" then return end

local COUNT = 300
local PASSWORD = "correct horse battery"

describe("a server with TLS and users", function()
  local node, r, trail
  local index = "audit-spec-secure"

  setup(function()
    node = server.node {
      name = "secure",
      users = {
        admin = { password = "admin's own secret", roles = "superuser" },
        writer = { password = PASSWORD, roles = "audit_writer" },
        reader = { password = PASSWORD, roles = "audit_reader" },
      },
      -- The least that a receiver needs: documents and their indices; the template is an administrator's.
      roles = [[
audit_writer:
  cluster: [ monitor, manage_index_templates ]
  indices: [ { names: [ 'audit-*' ], privileges: [ create_doc, auto_configure ] } ]
audit_reader:
  indices: [ { names: [ 'audit-*' ], privileges: [ read ] } ]
]],
    }
    node:start()
    trail = receiver.generate(COUNT, 3)
  end)

  teardown(function()
    node:stop()
    os.remove(trail)
  end)

  local function new(user, password, ca)
    r = receiver.new { index = index, output = {
      urls = { node:url() }, username = user, ca_file = ca or node.access.ca,
    } }
    r.output.password_file = r:secret("password", password .. "\n")
    r:write_settings()
    return r
  end

  after_each(function()
    r:remove()
    node:ask("DELETE", "/" .. index)
  end)

  -- Nothing is acknowledged, nothing lost, and the sender stays connected: the records wait.
  local function assert_waits(sending)
    assert.is_false(sending:ended())
    local counts = r:counts()
    assert.is_true(counts.received > 0)
    assert.are.equal(counts.received, counts.waiting)
    assert.are.equal(0, counts.acknowledged)
    assert.are.same({}, r:dead_letters())
    assert.are.equal(0, documents.count_so_far(node, index))
  end

  it("takes documents of a user with the least rights, with gzip too", function()
    new("writer", PASSWORD)
    r.output.gzip = true
    r:write_settings()
    local printed, status = r:run("template", "install")
    assert.are.equal(0, status, printed)
    r:start()
    r:send(trail)
    assert.is_nil(documents.problem_with_sequences(node, index, COUNT))
    assert.are.equal(COUNT, r:stop().indexed)
    assert.is_nil(r:log_text():find(PASSWORD, 1, true))
  end)

  it("with a wrong password gets nothing, until the file holds the right one", function()
    new("writer", "wrong " .. PASSWORD):start()
    local sending = r:begin_send(trail, 100)
    assert.is_true(r:says "401", r:log_text())
    assert_waits(sending)
    assert.is_nil(r:log_text():find(PASSWORD, 1, true))
    r:secret("password", PASSWORD .. "\n")
    local status, printed = sending:finish(120)
    assert.are.equal(0, status, printed .. r:log_text())
    assert.is_nil(documents.problem_with_sequences(node, index, COUNT))
  end)

  it("is not spoken to when it shows a certificate of an unknown CA", function()
    local folder = shell.must "mktemp -d":match "%S+"
    server.make_certificates(folder) -- another CA of the same name
    new("writer", PASSWORD, folder .. "/ca.crt"):start()
    local sending = r:begin_send(trail, 100)
    assert.is_true(r:says "certificate", r:log_text())
    assert_waits(sending)
    shell.end_group(sending.group, 5)
    sending:finish(5)
    shell.must("rm -rf " .. folder)
  end)

  it("is not spoken to without TLS", function()
    new("writer", PASSWORD)
    r.output.urls = { (node:url():gsub("^https", "http")) }
    r:write_settings()
    local printed, status = r:run "check"
    if status == 0 then
      r:start()
      local sending = r:begin_send(trail, 100)
      assert.is_true(r:says "level=", 5)
      shell.wait(3, function() return sending:ended() end)
      assert_waits(sending)
      shell.end_group(sending.group, 5)
      sending:finish(5)
    else
      assert.is_truthy(printed:find("https", 1, true), printed)
    end
  end)

  it("lets a user without the right to write change nothing, and the log says which rights are missing", function()
    new("reader", PASSWORD):start()
    local sending = r:begin_send(trail, 100)
    assert.is_true(r:says "create_doc", r:log_text())
    assert_waits(sending)
    shell.end_group(sending.group, 5)
    sending:finish(5)
  end)

  it("is not tried with a password that others can read", function()
    new("writer", PASSWORD)
    shell.must("chmod 644 " .. r.folder .. "/password")
    local printed, status = r:run "check"
    assert.are.equal(1, status)
    assert.is_truthy(printed:find("password", 1, true), printed)
    assert.is_nil(printed:find(PASSWORD, 1, true))
  end)
end)
