/*
 * watchdog: ends rules that run too long, at no cost to those that do not.
 *
 * A timer that ticks only while the process uses CPU raises SIGPROF. The handler looks whether the
 * rules of one record have used more than their time, and only then arms a hook in their state,
 * which raises an error at the next instruction, and again at each one after it until the door is
 * left, so that no pcall can swallow it. C functions that may take long ask watchdog_expired()
 * themselves.
 *
 * One per process, for the one thread that runs rules: a tick that reaches another thread is
 * passed on.
 */
#ifndef SCRIPT_WATCHDOG_H
#define SCRIPT_WATCHDOG_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct lua_State;

/* Starts the timer for the calling thread, or notes one more user of it. */
void watchdog_start(void);
/* The last user stops the timer. */
void watchdog_stop(void);

/*
 * From here to watchdog_leave() the state L may use `limit` milliseconds of its thread's CPU
 * time.
 */
void watchdog_enter(struct lua_State *L, unsigned limit);
/* The same for rules that have used so many nanoseconds of their time before. */
void watchdog_enter_again(struct lua_State *L, unsigned limit, uint64_t used);
/*
 * Nanoseconds of CPU time used so far, those before watchdog_enter_again() included. What is
 * shorter than a tick may count as none, after watchdog_enter().
 */
uint64_t watchdog_used(void);
/* Disarms; true when the time had run out. */
bool watchdog_leave(struct lua_State *L);

extern volatile sig_atomic_t watchdog_flag;

/* The time of what runs now is over: raise. */
static inline bool
watchdog_expired(void)
{
	return watchdog_flag != 0;
}

/* Raises the error that the hook raises. */
void watchdog_raise(struct lua_State *L) __attribute__((noreturn));

#endif
