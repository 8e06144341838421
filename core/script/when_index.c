/* when_index: the compiled conditions of all rules, from their beginning to their end. */
#include <lauxlib.h>
#include <stdlib.h>

#include "script/when_in.h"

void
when_test_free(struct test *t)
{
	for (size_t i = 0; i < t->count; i++)
		when_test_free(&t->inner[i]);
	needles_free(t->needles);
	free(t->inner);
	free((char *)(uintptr_t)t->text.at);
}

/* Order by path, kind, value, rule: equal values side by side. */
static int
equality_order(const void *left, const void *right)
{
	const struct equality *a = left, *b = right;
	int order;

	if (a->path != b->path)
		return a->path < b->path ? -1 : 1;
	if (a->is_text != b->is_text)
		return a->is_text ? 1 : -1;
	if (a->is_text) {
		if ((order = str_compare(a->text, b->text)) != 0)
			return order;
	} else if (a->integer != b->integer)
		return a->integer < b->integer ? -1 : 1;
	return (a->rule > b->rule) - (a->rule < b->rule);
}

/* Paths with equalities to the front, the event's first: it parts the rules best. */
static void
order_paths(struct when *w, lua_State *L)
{
	uint32_t *place = calloc(w->path_count + 1, sizeof(*place));
	struct when_path *ordered = calloc(w->path_count + 1, sizeof(*ordered));
	uint32_t n = 0;

	if (place == NULL || ordered == NULL) {
		free(place);
		free(ordered);
		luaL_error(L, "not enough memory");
		return;
	}
	for (int turn = 0; turn < 3; turn++) {
		for (size_t i = 0; i < w->path_count; i++) {
			const struct when_path *p = &w->paths[i];
			bool event = !p->own && p->probe.field == FIELD_EVENT;

			if (turn == (p->rules == NULL ? 2 : event ? 0 : 1)) {
				place[i] = n;
				ordered[n++] = *p;
			}
		}
		if (turn == 1)
			w->equal_paths = n;
	}
	for (size_t i = 0; i < w->equality_count; i++)
		w->equalities[i].path = place[w->equalities[i].path];
	for (size_t i = 0; i < w->condition_count; i++)
		w->conditions[i].path = place[w->conditions[i].path];
	free(w->paths);
	free(place);
	w->paths = ordered;
}

void
when_finish(struct when *w, lua_State *L)
{
	size_t slots = 4;
	lua_Integer name = 0;

	order_paths(w, L);
	if (w->equality_count > 0)
		qsort(w->equalities, w->equality_count, sizeof(*w->equalities), equality_order);
	while (slots < w->equality_count * 2)
		slots *= 2;
	if ((w->slots = calloc(slots, sizeof(*w->slots))) == NULL)
		luaL_error(L, "not enough memory");
	w->slot_mask = (uint32_t)slots - 1;
	for (size_t i = 0; i < w->equality_count; i++) {
		uint32_t slot = equality_hash(&w->equalities[i]) & w->slot_mask;

		if (i > 0 && equality_same(&w->equalities[i - 1], &w->equalities[i]))
			continue;
		while (w->slots[slot] != 0)
			slot = (slot + 1) & w->slot_mask;
		w->slots[slot] = (uint32_t)i + 1;
	}
	lua_newtable(L);
	for (size_t i = 0; i < w->path_count; i++) {
		struct when_path *p = &w->paths[i];
		const char *at = p->text;

		p->name = name + 1;
		for (unsigned k = 0; k <= p->steps; k++) {
			lua_pushlstring(L, at, strlen(at));
			lua_rawseti(L, -2, ++name);
			at += strlen(at) + 1;
		}
	}
}

struct when *
when_new(size_t rules)
{
	struct when *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->rule_count = rules;
	w->words = (rules + 63) / 64;
	w->rules = calloc(rules + 1, sizeof(*w->rules));
	w->all = calloc(w->words + 1, sizeof(*w->all));
	w->hits = calloc(w->words + 1, sizeof(*w->hits));
	if (w->rules == NULL || w->all == NULL || w->hits == NULL) {
		when_free(w);
		return NULL;
	}
	for (size_t i = 0; i < rules; i++)
		w->all[i / 64] |= UINT64_C(1) << (i % 64);
	return w;
}

void
when_free(struct when *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->path_count; i++) {
		free(w->paths[i].text);
		free(w->paths[i].rules);
	}
	for (size_t i = 0; i < w->condition_count; i++)
		when_test_free(&w->conditions[i].test);
	for (size_t i = 0; i < w->equality_count; i++)
		free((char *)(uintptr_t)w->equalities[i].text.at);
	free(w->paths);
	free(w->conditions);
	free(w->equalities);
	free(w->slots);
	free(w->rules);
	free(w->all);
	free(w->hits);
	free(w);
}
