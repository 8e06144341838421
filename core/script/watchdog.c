/* watchdog: the timer, its signal, and the hook. */
#include "script/watchdog.h"

#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <pthread.h>
#include <sys/time.h>
#include <time.h>

#include "base/compiler.h"

#define TICK_MS 5

volatile sig_atomic_t watchdog_flag;

/*
 * What the handler reads. It runs in the thread that writes these, between two of its instructions,
 * so order is all that matters: `guarded` is set last and cleared first.
 */
static struct lua_State *volatile guarded;
static volatile sig_atomic_t ticked; /* `since` is set */
static volatile uint64_t since;      /* CPU time at the first tick of this run, nanoseconds */
static volatile uint64_t allowed;
static volatile unsigned limit_ms;

static pthread_t owner;
static unsigned users;
static struct sigaction before;

static uint64_t
cpu_time(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void
hook(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	watchdog_raise(L);
}

/*
 * Only calls that are safe in a signal handler; lua_sethook() is made for it, in the thread that
 * runs the state.
 */
static void
on_tick(int signal)
{
	int saved = errno;
	uint64_t now;

	if (!pthread_equal(pthread_self(), owner))
		pthread_kill(owner, signal);
	else if (guarded != NULL && !watchdog_flag) {
		now = cpu_time();
		if (!ticked) {
			since = now;
			ticked = 1;
		} else if (now - since >= allowed) {
			watchdog_flag = 1;
			lua_sethook(guarded, hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
		}
	}
	errno = saved;
}

void
watchdog_start(void)
{
	struct itimerval tick = { { 0, TICK_MS * 1000 }, { 0, TICK_MS * 1000 } };
	struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };

	if (users++ > 0)
		return;
	owner = pthread_self();
	sigemptyset(&action.sa_mask);
	sigaction(SIGPROF, &action, &before);
	setitimer(ITIMER_PROF, &tick, NULL);
}

void
watchdog_stop(void)
{
	struct itimerval none = { 0 };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (users == 0 || --users > 0)
		return;
	setitimer(ITIMER_PROF, &none, NULL);
	/* A tick may be on its way still, and SIGPROF ends a process that does not expect it. */
	sigaction(SIGPROF, before.sa_handler == SIG_DFL ? &ignore : &before, NULL);
}

void
watchdog_enter(lua_State *L, unsigned limit)
{
	ticked = 0;
	allowed = (uint64_t)limit * 1000000u;
	limit_ms = limit;
	guarded = L;
}

void
watchdog_enter_again(lua_State *L, unsigned limit, uint64_t used)
{
	watchdog_enter(NULL, limit);
	since = cpu_time() - used;
	ticked = 1;
	guarded = L;
	if (used >= allowed) {
		watchdog_flag = 1;
		lua_sethook(L, hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
	}
}

uint64_t
watchdog_used(void)
{
	return ticked ? cpu_time() - since : 0;
}

bool
watchdog_leave(lua_State *L)
{
	guarded = NULL;
	if (LIKELY(!watchdog_flag))
		return false;
	lua_sethook(L, NULL, 0, 0);
	watchdog_flag = 0;
	return true;
}

void
watchdog_raise(lua_State *L)
{
	luaL_error(
	    L, "used more than the %d ms that the rules of a record may take", (int)limit_ms);
	__builtin_unreachable();
}
