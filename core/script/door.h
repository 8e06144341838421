/*
 * door: the one place where Lua is called for a record.
 *
 * door_call() runs the rules from run->next on and writes the document, in one protected call. When
 * a rule raises, the call ends, its fault is told, and the caller calls again behind it. All that a
 * call needs to go on stands in struct door and struct run, and the rules are called with a
 * continuation, so the same can be done in a coroutine that waits.
 */
#ifndef SCRIPT_DOOR_H
#define SCRIPT_DOOR_H

#include "script/policy.h"

enum door_answer {
	DOOR_DONE,  /* dropped, or written to out */
	DOOR_WAITS, /* for a lookup: waits->asked says who; `used` how long it took so far */
	DOOR_FAULT, /* run->stage and run->rule say where, message what */
};

struct door {
	struct policy *policy;
	struct buf *out;
	size_t start; /* where the document begins in out */
	bool eager;
	uint64_t used; /* nanoseconds of CPU time, of a call that waits */
	/* verdicts */
	bool dropped, routed;
	size_t by;          /* the rule that did it */
	struct buf *reason; /* of the drop, with a NUL that is not counted */
	struct buf *index;  /* of the route */
	/* after DOOR_FAULT; NULL: the error was no text. Valid until the next call */
	const char *message;
};

/*
 * Begins a record anew: nothing made, no verdict. Which rules it wants (run->wanted, next, asked)
 * is the caller's to say.
 */
void door_reset(struct door *d);
/* The first rule from run->next on that run->wanted has, or the number of rules. */
size_t door_next(const struct policy *p);
/* `limit` in milliseconds of CPU time. */
enum door_answer door_call(struct door *d, unsigned limit) MUST_USE;
/* Goes on with a call that waited: d->used is the time that it has used before. */
enum door_answer door_resume(struct door *d, unsigned limit) MUST_USE;
/*
 * The record is over: its table, should a rule have kept it, is cut off from it. Also drops the
 * message.
 */
void door_end(struct door *d);
/* The same for a record that waits, and never goes on. */
void door_cut_off(struct policy *p, const struct seat *seat, struct run *run);

/* What policy_open() has to be given as entry. */
int door_enter(lua_State *L);

#endif
