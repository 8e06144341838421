/*
 * pool: a few threads for what would block the loop: fsync, compression, cryptography.
 *
 * A job is part of its owner's struct. work() runs on some thread, in the order of submission but
 * side by side with other jobs; done() runs later in the loop's thread, many in one turn. Between
 * pool_submit() and done() the job and what work() touches belong to the pool. Work that needs an
 * order among itself (one connection, one file) is its owner's to keep: submit the next when the
 * last is done.
 *
 * Threads start with the first job, take no signals, and do not survive a fork(): fork before the
 * first job, or only to exec.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/err.h"

struct ev_loop;
struct pool;

struct pool_job {
	void (*work)(struct pool_job *job); /* on a thread: no loop, no log, no Lua */
	void (*done)(struct pool_job *job); /* in the loop; may submit again */
	/* the pool's own */
	struct pool_job *next;
	int state;
};

/* threads is at least 1. The loop has to outlive the pool. */
struct err *pool_open(struct pool **out, struct ev_loop *loop, unsigned threads) MUST_USE;

/*
 * Puts a job in the queue. When no thread can be started at all, work() is done at once, here;
 * done() still comes from the loop.
 */
void pool_submit(struct pool *p, struct pool_job *job);

/*
 * Takes a job back: out of the queue, or by waiting for its work() to end. True when work() has
 * run; done() is not called. A job that was never submitted, or whose done() was called, is fine
 * too (false).
 */
bool pool_cancel(struct pool *p, struct pool_job *job);

/*
 * Takes a job back that no thread has begun; never waits. False: it runs, has run, or was not
 * submitted, and nothing has changed.
 */
bool pool_withdraw(struct pool *p, struct pool_job *job);

/* Jobs whose done() has not been called. */
unsigned pool_busy(const struct pool *p);

/*
 * Waits for the work that runs, forgets what is queued and what is done, calls nothing back. NULL
 * is fine.
 */
void pool_close(struct pool *p);
/*
 * The same for work that may hang: waits so many seconds at most. False: some still runs; its job
 * and all that it touches must stay for good, with the pool's own memory. No done() comes any
 * more.
 */
bool pool_close_within(struct pool *p, double seconds) MUST_USE;

#endif
