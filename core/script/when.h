/*
 * when: the conditions of all rules, compiled, indexed, and asked in C.
 *
 * Words: a "condition" is one path and the test that its values have to pass; a rule matches when
 * all of its conditions hold. A condition holds when any value at its path passes. An "equality" is
 * a condition that a value equals one of some texts or integers; these are looked up, each path
 * once for a record however many rules name it. The others are asked rule by rule.
 */
#ifndef SCRIPT_WHEN_H
#define SCRIPT_WHEN_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "bsm/probe.h"
#include "script/run.h"

struct when;

/* What has been asked so far: for specs and benchmarks that count work instead of time. */
struct when_work {
	uint64_t probes;     /* paths asked of a record or of a doc */
	uint64_t conditions; /* asked rule by rule */
};

/* NULL when memory is out. */
struct when *when_new(size_t rules) MUST_USE;
void when_free(struct when *w);

/*
 * Compiles the `when` at the top of the stack (nil and a function too) for one rule. Raises what a
 * person has to mend. Functions are collected in the table at index functions, as functions[rule +
 * 1] = { function, step, step …, function … }. `mark` is the metatable of matchers; `own` a table
 * whose keys are the fields that rules declare as their own.
 */
void when_compile(struct when *w, lua_State *L, size_t rule, int functions, int mark, int own);
/*
 * After the last rule; raises when memory is out. Pushes the list of names that live questions
 * need.
 */
void when_finish(struct when *w, lua_State *L);

/* The doc of a run, for fields that are made. */
struct when_live {
	lua_State *L;
	int doc, names; /* absolute stack indices */
};

/*
 * Sets in run->wanted the rules from `from` on whose equalities hold, and clears all others.
 * Without live, the record is asked; with it, made fields are asked of the doc (and it may raise).
 */
void when_select(struct when *w, struct run *run, size_t from, const struct when_live *live);
/* Do the other conditions of a rule hold? */
enum when_answer when_ask(
    struct when *w, struct run *run, size_t rule, const struct when_live *live);
/* Does any condition look at a field that is made now, or at one that only rules can set? */
bool when_cares(const struct when *w, const struct run *run);
/* Words of a set of rules. */
size_t when_words(const struct when *w);
const struct when_work *when_work(const struct when *w);

#endif
