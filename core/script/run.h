/*
 * run: one record on its way through the rules, as the files of this room share it.
 *
 * Words: a field is "made" when its value stands in the rule's table (made on first access, set, or
 * removed); what is not made still stands in the record only. The table of a run is its "doc".
 */
#ifndef SCRIPT_RUN_H
#define SCRIPT_RUN_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/json.h"
#include "bsm/document.h"

#define FIELD_WORDS FIELD_SET_WORDS

struct interned;

enum run_stage {
	RUN_ENTER, /* making the doc: nobody's fault */
	RUN_ASK,   /* a function in the `when` of run.rule */
	RUN_APPLY, /* the rule itself */
	RUN_WRITE, /* writing the document that the rules left behind */
};

enum when_answer {
	WHEN_NO,
	WHEN_YES,
	WHEN_ASK /* all hold but the functions, which only Lua can ask */
};

struct run {
	const struct record *record; /* NULL: no record is under way */
	const struct origin *origin;
	const struct interned *names; /* shape.h */
	uint64_t has[FIELD_WORDS];    /* document_set() of the record, once has_doc */
	uint64_t made[FIELD_WORDS];
	bool all_made;   /* every field of the record was made */
	bool spelled;    /* some made field has bytes in their spelling */
	bool own;        /* the doc has, or had, keys that are no fields */
	bool has_doc;    /* the doc exists: registry[seat.doc_ref] */
	bool incomplete; /* a lookup was missing */
	const void *doc; /* address of the doc, to tell it from that of a record that waits */

	enum run_stage stage;
	size_t next; /* the first rule that has not had its turn */
	size_t rule; /* whose turn it is, in RUN_ASK and RUN_APPLY */
	bool asked;  /* the conditions of the rule `next` were asked already: `answer` */
	enum when_answer answer;
	bool careful;   /* check after each rule that what it left can be written */
	bool own_words; /* the rule called error() or assert(): the message may quote the record */
	uint64_t *wanted;  /* bit i: rule i may match */
	uint64_t *applied; /* bit i: rule i matched and was run */
	uint64_t *failed;  /* bit i: rule i failed on this record */
};

/* The sets of rules, in one piece; false when memory is out. */
static inline bool MUST_USE
run_init(struct run *run, size_t words)
{
	if ((run->wanted = calloc(3 * (words + 1), sizeof(uint64_t))) == NULL)
		return false;
	run->applied = run->wanted + words + 1;
	run->failed = run->applied + words + 1;
	return true;
}

static inline void
run_fini(struct run *run)
{
	free(run->wanted);
}

static inline bool
run_is_made(const struct run *run, enum field field)
{
	return (run->made[field / 64] >> (field % 64) & 1) != 0;
}

static inline bool
run_has(const struct run *run, enum field field)
{
	return (run->has[field / 64] >> (field % 64) & 1) != 0;
}

static inline void
run_set_made(struct run *run, enum field field)
{
	run->made[field / 64] |= UINT64_C(1) << (field % 64);
}

#endif
