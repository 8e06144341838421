/*
 * process: starting, watching and ending programs, for specs; the Lua packages of Debian have none
 * for Lua 5.4.
 */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define ARGUMENTS_MOST 256

int luaopen_core_process(lua_State *L);

static int
fail(lua_State *L, const char *what)
{
	return luaL_error(L, "%s: %s", what, strerror(errno));
}

static void
redirect(const char *path, int flags, int to)
{
	int fd = open(path, flags, 0600);

	if (fd < 0 || dup2(fd, to) < 0)
		_exit(126);
	close(fd);
}

/* The texts of the list at a stack index, NULL-terminated, into out. */
static void
texts(lua_State *L, int index, const char *out[ARGUMENTS_MOST])
{
	lua_Integer n = luaL_len(L, index);

	luaL_argcheck(L, n < ARGUMENTS_MOST, index, "too many");
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, index, i);
		out[i - 1] = luaL_checkstring(L, -1);
		lua_pop(L, 1); /* the list keeps it alive */
	}
	out[n] = NULL;
}

/* start(argv, stdin, stdout, stderr, { "NAME=value", … }) -> pid */
static int
l_start(lua_State *L)
{
	const char *argv[ARGUMENTS_MOST], *environment[ARGUMENTS_MOST];
	const char *in = luaL_checkstring(L, 2), *out = luaL_checkstring(L, 3),
		   *err = luaL_checkstring(L, 4);
	pid_t pid;

	texts(L, 1, argv);
	texts(L, 5, environment);
	if ((pid = fork()) < 0)
		return fail(L, "fork");
	if (pid == 0) {
		redirect(in, O_RDONLY, STDIN_FILENO);
		redirect(out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
		redirect(err, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
		for (int fd = STDERR_FILENO + 1; fd < 1024; fd++)
			close(fd);
		for (const char **e = environment; *e != NULL; e++)
			putenv((char *)(uintptr_t)*e);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	lua_pushinteger(L, pid);
	return 1;
}

/* ended(pid) -> exit status, or 128 + signal; nil while it runs */
static int
l_ended(lua_State *L)
{
	int status;
	pid_t pid = (pid_t)luaL_checkinteger(L, 1), answer = waitpid(pid, &status, WNOHANG);

	if (answer < 0)
		return fail(L, "waitpid");
	if (answer == 0)
		return 0;
	lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 1;
}

static int
l_kill(lua_State *L)
{
	lua_pushboolean(L, kill((pid_t)luaL_checkinteger(L, 1), (int)luaL_checkinteger(L, 2)) == 0);
	return 1;
}

static int
l_sleep(lua_State *L)
{
	lua_Number seconds = luaL_checknumber(L, 1);
	struct timespec ts = { (time_t)seconds,
		(long)((seconds - (lua_Number)(time_t)seconds) * 1e9) };

	nanosleep(&ts, NULL);
	return 0;
}

static int
l_now(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)clock_steady() / (lua_Number)CLOCK_SECOND);
	return 1;
}

static int
l_folder(lua_State *L)
{
	char path[512];
	const char *base = getenv("TMPDIR");

	lua_pushfstring(L, "%s/auditrecv-spec-XXXXXX", base != NULL ? base : "/tmp");
	if (lua_rawlen(L, -1) >= sizeof(path))
		return luaL_error(L, "TMPDIR is too long");
	strcpy(path, lua_tostring(L, -1));
	if (mkdtemp(path) == NULL)
		return fail(L, "mkdtemp");
	lua_pushstring(L, path);
	return 1;
}

static int
l_mkdir(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);

	if (mkdir(path, 0700) < 0)
		return fail(L, path);
	return 0;
}

static int
l_chmod(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);

	if (chmod(path, (mode_t)luaL_checkinteger(L, 2)) < 0)
		return fail(L, path);
	return 0;
}

static const luaL_Reg functions[] = {
	{ "start", l_start },
	{ "ended", l_ended },
	{ "kill", l_kill },
	{ "sleep", l_sleep },
	{ "now", l_now },
	{ "folder", l_folder },
	{ "mkdir", l_mkdir },
	{ "chmod", l_chmod },
	{ NULL, NULL },
};

int
luaopen_core_process(lua_State *L)
{
	luaL_newlib(L, functions);
	lua_pushinteger(L, SIGKILL);
	lua_setfield(L, -2, "SIGKILL");
	lua_pushinteger(L, SIGTERM);
	lua_setfield(L, -2, "SIGTERM");
	lua_pushinteger(L, SIGINT);
	lua_setfield(L, -2, "SIGINT");
	lua_pushinteger(L, SIGHUP);
	lua_setfield(L, -2, "SIGHUP");
	lua_pushinteger(L, SIGUSR1);
	lua_setfield(L, -2, "SIGUSR1");
	lua_pushinteger(L, SIGSTOP);
	lua_setfield(L, -2, "SIGSTOP");
	lua_pushinteger(L, SIGCONT);
	lua_setfield(L, -2, "SIGCONT");
	return 1;
}
