/*
 * wait: the records of a script whose rules wait for a lookup.
 *
 * A record that waits leaves the policy with its coroutine, its doc and all that is known of it,
 * and the next one finds an idle set of the same things in their place: the two are swapped, and
 * swapped back when it goes on. When the Lua state is thrown away meanwhile, the record begins anew
 * on the next one.
 *
 * A question is known to who answers it by the wait and a number. No number comes twice at one
 * wait, so an answer to an older question is told from the one that is waited for, and is not heard.
 */
#ifndef SCRIPT_WAIT_H
#define SCRIPT_WAIT_H

#include <lua.h>

#include "script/run.h"
#include "script/script.h"

struct policy;
struct waits;

#define WAITS_EACH 16 /* times that one record may wait; from then on, what is missing is missing */

/* What a record has of the Lua state for itself, while it is on its way. */
struct seat {
	lua_State *thread; /* NULL: none yet */
	int thread_ref;    /* registry */
	int doc_ref;       /* registry: the doc of the run, false when there is none */
};

enum wait_state {
	WAIT_FREE,
	WAIT_ASKED, /* for an answer */
	WAIT_TOLD,  /* for its owner to go on with it */
	WAIT_RUNS,  /* its rules run again */
};

struct wait {
	struct script_wait face;
	struct waits *waits;
	struct wait *next;     /* free ones */
	struct wait *next_all; /* all that were made */
	enum wait_state state;
	uint64_t question; /* counts */
	uint64_t of;       /* waits->states, when the seat was made */
	unsigned left;     /* times that the record may wait still */
	uint64_t used;     /* nanoseconds of CPU time that the rule under way has used */
	/* Of the record that waits, or idle ones. */
	struct seat seat;
	struct run run;
	struct buf tags;
	const struct record *record;
	const struct origin *origin;
};

struct waits {
	struct script_asker asker; /* ask NULL: there is none */
	void (*wake)(void *ctx, struct script_wait *wait);
	void *ctx;
	size_t most;          /* records that wait at a time */
	size_t words;         /* of the sets of rules in a run */
	struct wait *all;     /* until waits_fini() */
	struct wait *free;    /* the first one is offered to questions of a new record */
	size_t idle_seats;    /* of free ones */
	struct wait *current; /* of the record under way, when it has waited before */
	struct wait *asked;   /* it waits from now on: by a question, for the door to be seen */
	size_t waiting;
	uint64_t states;            /* Lua states so far */
	uint64_t waited, restarted; /* struct script_work */
};

void waits_init(struct waits *ws, const struct script_config *config);
/* Forgets all that waits, and gives the memory back. After the policy. Zeroed is fine. */
void waits_fini(struct waits *ws);
/* The Lua state is another one from here on. */
void waits_new_state(struct waits *ws);

/*
 * Who waits if a question of the record under way has no answer yet, to be put into waits->asked;
 * its `question` is the number of this one. NULL: it must not wait. May raise.
 */
struct wait *waits_place(struct waits *ws, lua_State *L, const struct policy *p);
/* told() of struct ask_waiter. */
void waits_told(void *waiter, uint64_t question);

/* Swaps what is the record's, in the policy, with the wait's. */
void wait_swap(struct wait *w, struct policy *p);
/* The record of waits->asked has left its coroutine. */
struct wait *waits_park(struct waits *ws, struct policy *p, uint64_t used);
/* Makes a seat where there is none. May raise. */
void seat_fill(lua_State *L, struct seat *seat);
/* Of this wait no more is wanted. */
void wait_end(struct wait *w, struct policy *p);
/* The seats of free ones go. */
void waits_trim(struct waits *ws, struct policy *p);

/* Is its coroutine of the present state? */
static inline bool
wait_is_current(const struct wait *w)
{
	return w->of == w->waits->states;
}

#endif
