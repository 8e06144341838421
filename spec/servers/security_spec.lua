-- Basic authentication over TLS, and what an operator sees when something about it is wrong.
local documents = require "spec.servers.documents"
local process = require "spec.support.process"
local receiver = require "spec.servers.receiver"
local server = require "spec.servers.server"

if server.name ~= "elasticsearch-8" then return end

local COUNT = 300
local PASSWORD = "correct horse battery"

-- The least that a receiver needs: documents, their indices, and for `template install` its template.
local ROLES = [[
audit_writer:
  cluster: [ monitor, manage_index_templates ]
  indices: [ { names: [ 'audit-*' ], privileges: [ create_doc, auto_configure ] } ]
audit_reader:
  indices: [ { names: [ 'audit-*' ], privileges: [ read ] } ]
]]

describe("a server with TLS and users", function()
  local node, d, trail
  local index = "audit-spec-secure"

  setup(function()
    node = server.node {
      name = "secure", roles = ROLES,
      users = {
        admin = { password = "admin's own secret", roles = "superuser" },
        writer = { password = PASSWORD, roles = "audit_writer" },
        reader = { password = PASSWORD, roles = "audit_reader" },
      },
    }
    node:start()
    trail = receiver.generate(COUNT, 3)
  end)

  teardown(function() node:stop() end)

  after_each(function()
    receiver.give_up(d)
    node:ask("DELETE", "/" .. index)
  end)

  -- A file that only we can read.
  local function secret(password)
    local path = process.write(process.folder() .. "/password", password .. "\n")
    process.chmod(path, 384)
    return path
  end

  local function start(user, password, more)
    local output = {
      urls = { node:url() }, username = user, password_file = secret(password), ca_file = node.access.ca,
    }
    for key, value in pairs(more or {}) do output[key] = value end
    d = receiver.start { index = index, output = output }
    return output.password_file
  end

  -- Nothing is acknowledged, nothing lost, and the sender stays connected: the records wait.
  local function assert_waits(sending)
    local counts = receiver.counts(d)
    assert.is_true(counts.received > 0)
    assert.are.equal(counts.received, counts.waiting)
    assert.are.equal(0, counts.acknowledged)
    assert.is_nil(sending:poll())
    assert.are.same({}, d:dead())
    assert.are.equal(0, documents.count_so_far(node, index))
  end

  it("takes documents of a user with the least rights, with gzip too", function()
    start("writer", PASSWORD, { gzip = true })
    receiver.install_template(d)
    receiver.send(d, trail)
    assert.is_nil(documents.problem_with_sequences(node, index, COUNT))
    local status, counts = d:stop()
    assert.are.equal(0, status)
    assert.are.equal(COUNT, counts.indexed)
    assert.is_nil(d:log():find(PASSWORD, 1, true))
  end)

  it("with a wrong password gets nothing, until the file holds the right one", function()
    local file = start("writer", "wrong " .. PASSWORD)
    local sending = receiver.begin_send(d, trail, 100)
    d:logged "401"
    assert_waits(sending)
    process.write(file, PASSWORD .. "\n")
    receiver.finish_send(d, sending)
    assert.is_nil(documents.problem_with_sequences(node, index, COUNT))
    assert.is_nil(d:log():find(PASSWORD, 1, true))
  end)

  it("is not spoken to when it shows a certificate of an unknown CA", function()
    local folder = process.folder()
    server.make_certificates(folder) -- another CA of the same name
    start("writer", PASSWORD, { ca_file = folder .. "/ca.crt" })
    local sending = receiver.begin_send(d, trail, 100)
    d:logged "certificate"
    assert_waits(sending)
  end)

  it("lets a user without the right to write change nothing, and the log says which rights are missing", function()
    start("reader", PASSWORD)
    local sending = receiver.begin_send(d, trail, 100)
    d:logged "create_doc"
    assert_waits(sending)
  end)

  it("is not tried with a password that others can read", function()
    local file = start("writer", PASSWORD)
    process.chmod(file, 420)
    local printed, status = receiver.run(d, "check")
    assert.are.equal(1, status, printed)
    assert.is_truthy(printed:find(file, 1, true), printed)
    assert.is_nil(printed:find(PASSWORD, 1, true))
  end)
end)
