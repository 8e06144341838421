-- The skeleton of a pkgsrc package: that it says what the program needs, and lists what is installed.
local process = require "spec.support.process"
local shell = require "spec.support.shell"

local makefile = process.read "etc/pkgsrc/Makefile"
local flavor = os.getenv "FLAVOR" or "plain"

local function variable(name)
  local values = {}
  for value in makefile:gmatch("\n" .. name:gsub("%p", "%%%0") .. "%+?=%s*([^\n]*)") do values[#values + 1] = value end
  return table.concat(values, " ")
end

-- Installs as pkgsrc would, and answers with the folder that becomes its prefix.
local function staged()
  local root = process.folder()
  local values = { DESTDIR = root, PREFIX = "/opt/local", PKGMANDIR = "man", VARBASE = "/var" }
  local flags = variable "INSTALL_MAKE_FLAGS":gsub("%${([%u_]+)}", function(name) return assert(values[name], name) end)
  shell.must(("make -s install FLAVOR=%s %s"):format(flavor, flags))
  return root .. "/opt/local"
end

describe("the pkgsrc package", function()
  it("has the version of the program", function()
    local version = process.read "core/cmd/cmd.h":match 'AUDITRECV_VERSION "([^"]+)"'
    assert.equal("auditrecv-" .. version, variable "DISTNAME")
  end)

  it("depends on every library that the program is linked with", function()
    local packages = { ["libcurl"] = "www/curl", ["libcrypto"] = "security/openssl", ["zlib"] = "devel/zlib",
      ["krb5-gssapi"] = "security/mit-krb5", ["krb5"] = "security/mit-krb5", ["$(LUA_PKG)"] = "lang/lua" }
    local seen = 0
    for library in process.read "Makefile":match "\nPKGS\t= ([^\n]*)":gmatch "%S+" do
      seen = seen + 1
      local path = assert(packages[library], "what does pkgsrc call " .. library .. "?")
      assert(makefile:find('"../../' .. path .. '/buildlink3.mk"', 1, true), path .. " is missing")
    end
    assert(seen >= 5)
    assert(makefile:find('"../../devel/libev/buildlink3.mk"', 1, true))
    assert.matches("mk/bsd%.pkg%.mk\"\n$", makefile)
  end)

  it("lists what is installed, and nothing else", function()
    local prefix = staged()
    local wanted = {}
    for path in process.read "etc/pkgsrc/PLIST":gmatch "\n([^@\n][^\n]*)" do wanted[#wanted + 1] = path end
    local trees = makefile:match "{FIND} ([^\\\n]-) %-type f"
    local found = shell.must(("cd '%s' && find . -type f | sed 's,^./,,' | LC_ALL=C sort"):format(prefix))
    for path in shell.must(("cd '%s' && find %s -type f"):format(prefix, trees)):gmatch "[^\n]+" do
      wanted[#wanted + 1] = path
    end
    table.sort(wanted)
    assert.equal(table.concat(wanted, "\n"), found)
  end)

  it("copies every rule and the settings to where a person changes them", function()
    local prefix = staged()
    local examples = shell.must(("cd '%s/share/examples/auditrecv' && find . -type f | sed 's,^./,,'"):format(prefix))
    local conf = variable "CONF_FILES"
    for path in examples:gmatch "[^\n]+" do
      assert(conf:find("${EGDIR}/" .. path .. " ${PKG_SYSCONFDIR}/" .. path, 1, true), path .. " is not in CONF_FILES")
    end
  end)

  it("has the manifest and the method of the service", function()
    for _, name in ipairs { variable "SMF_MANIFEST", variable "SMF_METHOD_SRC.auditrecv":match "[^/]+$" } do
      assert.not_equal("", process.read("etc/smf/" .. name), name .. " is not there")
    end
  end)
end)
