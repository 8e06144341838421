-- Portability: every source of the program, read as a compiler of illumos would read it. Its own headers are imagined
-- (spec/support/illumos); those of this system answer for the rest.

local shell = require "spec.support.shell"

local PACKAGES = "lua5.4 libcurl libcrypto zlib krb5-gssapi krb5"
-- Headers and calls that illumos does not have.
local HEADERS = {
  "sys/prctl.h", "sys/epoll.h", "sys/signalfd.h", "sys/inotify.h", "sys/auxv.h", "sys/timerfd.h", "sys/capability.h",
  "sys/sysinfo.h", "error.h", "byteswap.h", "linux/filter.h", "linux/seccomp.h", "linux/capability.h",
}
local CALLS = {
  "prctl", "epoll_create1", "epoll_ctl", "epoll_wait", "signalfd", "inotify_init1", "timerfd_create", "getauxval",
  "syscall", "sync_file_range", "renameat2", "statx", "qsort_r", "mempcpy", "rawmemchr", "gettid", "secure_getenv",
  "pthread_setaffinity_np", "sched_setaffinity", "setresuid", "setresgid", "capset",
}

describe("a build for illumos", function()
  local folder, compile

  setup(function()
    folder = shell.must "mktemp -d"
    for _, header in ipairs(HEADERS) do
      shell.must(("mkdir -p %s/$(dirname %s)"):format(folder, header))
      local file <close> = assert(io.open(folder .. "/" .. header, "w"))
      file:write(("#error \"illumos has no <%s>\"\n"):format(header))
    end
    compile = ("gcc -std=gnu11 -D_GNU_SOURCE -D__EXTENSIONS__ -U__linux__ -U__linux -Ulinux -U__gnu_linux__ "
      .. "-D__sun -D__illumos__ -Wall -Wextra -Werror -Wno-deprecated-declarations -I%s -Icore "
      .. "-I.build/gen $(pkg-config --cflags %s) -idirafter spec/support/illumos "
      .. "-DAUDITRECV_SYSCONFDIR='\"/etc/auditrecv\"'"):format(folder, PACKAGES)
  end)

  teardown(function() shell.must("rm -rf " .. folder) end)

  -- What of the calls above is left in our own lines when the conditions of illumos have been heeded.
  local function calls_in(files)
    local own = [[awk '/^# [0-9]+ "/ { ours = ($3 !~ /^"(\/usr|<)/) } ours && /(^|[^A-Za-z0-9_])(%s) *\(/']]
    return shell.said(("for f in %s; do %s -E $f | %s | sed \"s|^|$f: |\"; done"):format(files, compile,
      own:format(table.concat(CALLS, "|"))))
  end

  local function one(text)
    local file <close> = assert(io.open(folder .. "/one.c", "w"))
    file:write(text)
    return folder .. "/one.c"
  end

  it("compiles, with nothing but what illumos has", function()
    local said, status = shell.said("ls core/*/*.c | xargs -P2 -n12 " .. compile .. " -fsyntax-only")
    assert.equal("", said)
    assert.equal(0, status)
  end)

  it("calls nothing that Linux alone has", function() assert.equal("", (calls_in "core/*/*.c")) end)

  it("would be refused a header of Linux", function()
    local said, status = shell.said(compile .. " -fsyntax-only " .. one "#include <sys/epoll.h>\n")
    assert.is_true(status ~= 0)
    assert.matches("illumos has no <sys/epoll.h>", said, 1, true)
  end)

  it("would be refused a call of Linux, but not behind a condition", function()
    assert.matches("prctl", (calls_in(one "int prctl(int);\nint f(void) { return prctl(1); }\n")))
    assert.equal("", (calls_in(one "#ifdef __linux__\nint f(void) { return prctl(1); }\n#endif\n")))
  end)
end)
