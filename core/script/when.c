/* when: which rules come into question, by their equalities, then condition by condition. */
#include "script/when.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "script/when_in.h"

/* Asking. Compiling is in when_compile.c, what one test says of one value in when_test.c. */

static inline void
set_bit(uint64_t *set, size_t i)
{
	set[i / 64] |= UINT64_C(1) << (i % 64);
}

size_t
when_words(const struct when *w)
{
	return w->words;
}

const struct when_work *
when_work(const struct when *w)
{
	return &w->work;
}

bool
when_cares(const struct when *w, const struct run *run)
{
	for (size_t i = 0; i < FIELD_WORDS; i++)
		if ((run->made[i] & w->fields[i]) != 0)
			return true;
	return run->own && w->has_own;
}

struct lookup {
	struct when *w;
	size_t path;
};

/* Marks the rules whose equality this value is; asks for the next value. */
static bool
look_up(void *context, const struct probe_value *value)
{
	struct lookup *l = context;
	struct when *w = l->w;
	struct equality key = { .path = (uint32_t)l->path, .is_text = value->is_text };
	uint32_t slot;

	if (value->is_text)
		key.text = value->text;
	else
		key.integer = value->integer;
	for (slot = equality_hash(&key) & w->slot_mask; w->slots[slot] != 0;
	     slot = (slot + 1) & w->slot_mask) {
		const struct equality *e = &w->equalities[w->slots[slot] - 1];

		if (equality_same(e, &key)) {
			for (; e < w->equalities + w->equality_count && equality_same(e, &key); e++)
				set_bit(w->hits, e->rule);
			break;
		}
	}
	return false;
}

static bool
is_live(const struct when_path *p, const struct run *run, const struct when_live *live)
{
	return live != NULL && (p->own || run_is_made(run, p->probe.field));
}

/*
 * Feeds the values at a path to match, from the doc where the field is made, else from the
 * record.
 */
static bool
any_value(struct when *w, const struct when_path *p, struct run *run, const struct when_live *live,
    bool (*match)(void *, const struct probe_value *), void *context)
{
	w->work.probes++;
	if (is_live(p, run, live))
		return when_live_any(p, live, match, context);
	if (p->own)
		return false;
	return probe_any(&p->probe, run->record, run->origin, match, context);
}

void
when_select(struct when *w, struct run *run, size_t from, const struct when_live *live)
{
	struct lookup l = { w, 0 };

	for (size_t i = 0; i < w->words; i++)
		run->wanted[i] = i < from / 64 ? 0 : w->all[i];
	if (from / 64 < w->words)
		run->wanted[from / 64] &= ~UINT64_C(0) << (from % 64);
	for (; l.path < w->equal_paths; l.path++) {
		const struct when_path *p = &w->paths[l.path];
		uint64_t asked = 0, left = 0;

		for (size_t i = 0; i < w->words; i++)
			asked |= p->rules[i] & run->wanted[i];
		if (asked == 0)
			continue;
		memset(w->hits, 0, w->words * sizeof(w->hits[0]));
		any_value(w, p, run, live, look_up, &l);
		for (size_t i = 0; i < w->words; i++)
			left |= run->wanted[i] &= ~p->rules[i] | w->hits[i];
		if (left == 0)
			break;
	}
}

static bool
passes(void *context, const struct probe_value *value)
{
	const struct test *t = context;
	struct test_value v = { .kind = value->is_text ? TEST_TEXT : TEST_INTEGER,
		.integer = value->integer,
		.text = value->text };

	return when_test(t, &v);
}

static bool
holds(struct when *w, const struct when_path *p, const struct test *t, struct run *run,
    const struct when_live *live)
{
	switch (t->kind) {
	case TEST_NO: return !holds(w, p, t->inner, run, live);
	case TEST_ABSENT: return !when_present(p, run, live);
	case TEST_PRESENT: return when_present(p, run, live);
	case TEST_ANY:
		if (t->of_values)
			break;
		for (size_t i = 0; i < t->count; i++)
			if (holds(w, p, &t->inner[i], run, live))
				return true;
		return false;
	default: break;
	}
	if (is_live(p, run, live))
		return when_live_test(p, live, t);
	return any_value(w, p, run, live, passes, (void *)(uintptr_t)t);
}

enum when_answer
when_ask(struct when *w, struct run *run, size_t rule, const struct when_live *live)
{
	const struct when_rule *r = &w->rules[rule];

	for (size_t i = 0; i < r->count; i++) {
		const struct condition *c = &w->conditions[r->first + i];

		w->work.conditions++;
		if (!holds(w, &w->paths[c->path], &c->test, run, live))
			return WHEN_NO;
	}
	return r->functions > 0 ? WHEN_ASK : WHEN_YES;
}
