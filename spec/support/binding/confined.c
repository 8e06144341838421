/*
 * confined: what the kernel answers to system calls behind our filter. Each is tried in a process
 * of its own, which never comes out of it again.
 */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/seccomp_filter.h"

int luaopen_core_confined(lua_State *L);

#define UNHEARD 255 /* the child said nothing */

static long
try_execve(void)
{
	char *const argv[] = { (char *)(uintptr_t) "true", NULL };

	return execve("/bin/true", argv, NULL);
}

static long
try_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long
try_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid;
}

static long
try_process_memory(void)
{
	return syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

static long
try_kill(void)
{
	return kill(getppid(), 0);
}

static long
try_raw_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static long
try_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		   0) == MAP_FAILED
		   ? -1
		   : 0;
}

static long
try_code_later(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? 0 : mprotect(at, 4096, PROT_READ | PROT_EXEC);
}

static long
try_dump(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static long
try_limit(void)
{
	struct rlimit limit = { 0, 0 };

	return setrlimit(RLIMIT_CORE, &limit);
}

static long
try_chown(void)
{
	return chown("/nowhere", 0, 0);
}

static long
try_unknown(void)
{
	return syscall(SYS_clone3, NULL, 0);
}

static void *
idle(void *arg)
{
	return arg;
}

static long
try_thread(void)
{
	pthread_t t;

	if ((errno = pthread_create(&t, NULL, idle, NULL)) != 0)
		return -1;
	pthread_join(t, NULL);
	return 0;
}

static long
try_file(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static long
try_waiting_bytes(void)
{
	int ends[2], n;

	return pipe(ends) < 0 ? -1 : ioctl(ends[0], FIONREAD, &n);
}

static long
try_terminal_input(void)
{
	return ioctl(0, TIOCSTI, "x");
}

static long
try_timer(void)
{
	struct itimerval never = { { 0 }, { 0 } };

	return setitimer(ITIMER_PROF, &never, NULL);
}

static long
try_tcp(void)
{
	return socket(AF_INET6, SOCK_STREAM, 0);
}

static const struct {
	const char *name;
	long (*call)(void);
} calls[] = {
	{ "execve", try_execve },
	{ "ptrace", try_ptrace },
	{ "fork", try_fork },
	{ "process_vm_readv", try_process_memory },
	{ "kill", try_kill },
	{ "socket of packets", try_raw_socket },
	{ "mmap of code", try_code },
	{ "mprotect to code", try_code_later },
	{ "prctl of core dumps", try_dump },
	{ "setrlimit", try_limit },
	{ "chown", try_chown },
	{ "clone3", try_unknown },
	{ "thread", try_thread },
	{ "file", try_file },
	{ "socket of TCP", try_tcp },
	{ "timer", try_timer },
	{ "bytes that wait", try_waiting_bytes },
	{ "ioctl of a terminal", try_terminal_input },
};

/* The child's life: errno of the call, or 0, as its last word. */
static void
child(size_t which, bool confine, int to)
{
	unsigned char answer;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (confine && seccomp_filter_enter() != NULL)
		_exit(1);
	errno = 0;
	answer = calls[which].call() < 0 ? (unsigned char)errno : 0;
	if (write(to, &answer, 1) != 1)
		_exit(1);
	_exit(0);
}

/* try(name, confine) -> errno of the call, 0 when it did what it was asked for */
static int
l_try(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	bool confine = lua_toboolean(L, 2);
	unsigned char answer = UNHEARD;
	size_t which = 0;
	int ends[2];
	pid_t pid;

	while (which < ARRAY_LEN(calls) && strcmp(calls[which].name, name) != 0)
		which++;
	luaL_argcheck(L, which < ARRAY_LEN(calls), 1, "no such call");
	if (pipe(ends) < 0 || (pid = fork()) < 0)
		return luaL_error(L, "%s: %s", name, strerror(errno));
	if (pid == 0)
		child(which, confine, ends[1]);
	close(ends[1]);
	if (read(ends[0], &answer, 1) != 1)
		answer = UNHEARD;
	close(ends[0]);
	waitpid(pid, NULL, 0);
	lua_pushinteger(L, answer);
	return 1;
}

/* built_in() -> was the program built with the filter? */
static int
l_built_in(lua_State *L)
{
	lua_pushboolean(L, seccomp_filter_is_built_in());
	return 1;
}

static const luaL_Reg functions[] = {
	{ "try", l_try },
	{ "built_in", l_built_in },
	{ NULL, NULL },
};

int
luaopen_core_confined(lua_State *L)
{
	luaL_newlib(L, functions);
	lua_pushinteger(L, EPERM);
	lua_setfield(L, -2, "EPERM");
	lua_pushinteger(L, ENOSYS);
	lua_setfield(L, -2, "ENOSYS");
	return 1;
}
