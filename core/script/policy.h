/*
 * policy: one Lua state with its rules, built from sources; thrown away and built again when its
 * heap was breached.
 *
 * Nothing outside keeps a pointer into a policy across records.
 */
#ifndef SCRIPT_POLICY_H
#define SCRIPT_POLICY_H

#include <lua.h>

#include "base/err.h"
#include "script/encode.h"
#include "script/heap.h"
#include "script/run.h"
#include "script/sources.h"
#include "script/wait.h"
#include "script/when.h"

enum phase { PHASE_SHAPE, PHASE_ENRICH, PHASE_REDACT, PHASE_ROUTE, PHASES };
extern const char *const phase_names[PHASES];

struct rule {
	char *name, *about;
	char *file; /* with its directory */
	enum phase phase;
};

struct policy {
	struct heap heap;
	lua_State *L;
	struct sources *sources;
	struct rule *rules; /* in the order in which they run */
	size_t rule_count;
	struct when *when;
	struct run run;   /* the record under way; the doc's metatable points here */
	struct seat seat; /* of the record under way, or of the next one */
	struct waits *waits;
	struct encoder encoder;
	/* Addresses of metatables, to tell our tables from others. */
	const void *doc_mark, *list_mark;
	int entry;       /* registry: the function that the door calls */
	size_t mirrored; /* bytes, about, of answers that stand in the state */
	size_t heap_after_load;
	bool loading; /* require may read files */
};

/* The policy of a state, or of any of its coroutines. */
static inline struct policy *
policy_of(lua_State *L)
{
	struct policy *p;

	memcpy(&p, lua_getextraspace(L), sizeof(p));
	return p;
}

/*
 * Builds a state and loads all rules. `entry` is what the door will call; its upvalues are 1 keys,
 * 2 mark of lists, 3 metatable of docs, 4 list of the rules' `apply`, 5 list of functions in `when`
 * (when.h), 6 names for live questions.
 */
struct err *policy_open(struct policy **out, struct sources *sources, struct waits *waits,
    size_t max_heap, lua_CFunction entry) MUST_USE;
/* NULL is fine. */
void policy_close(struct policy *p);

#endif
