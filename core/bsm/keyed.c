/* keyed: names are spelled where they are no UTF-8, then sorted; few are the rule. */
#include "bsm/keyed.h"

#include <stdlib.h>

#include "base/utf8.h"

static int
order_of(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	int order = str_compare(x->key, y->key);

	return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

/* Few are the rule. */
static void
sort(struct keyed *k, size_t count)
{
	if (count > 16) {
		qsort(k, count, sizeof(*k), order_of);
		return;
	}
	for (size_t i = 1; i < count; i++) {
		struct keyed moving = k[i];
		size_t at = i;

		for (; at > 0 && order_of(&moving, &k[at - 1]) < 0; at--)
			k[at] = k[at - 1];
		k[at] = moving;
	}
}

static bool
make_room(struct record_scratch *scratch, struct keyed **k, size_t *room, size_t count)
{
	struct keyed *more;

	if (count <= *room)
		return true;
	if ((more = realloc(*k, count * sizeof(*more))) == NULL) {
		scratch->no_memory = true;
		return false;
	}
	*k = more;
	*room = count;
	return true;
}

/*
 * Puts the spelling of odd keys in the place of the keys. All of it has room before the first is
 * written, so that it stays where it is.
 */
static bool
spell_keys(struct record_scratch *scratch, struct buf *keys, struct keyed *k, size_t count)
{
	size_t need = 0;

	for (size_t i = 0; i < count; i++)
		if (k[i].odd)
			need += k[i].key.len * 4;
	buf_cut(keys, 0);
	if (need == 0)
		return true;
	if (!buf_need(keys, need)) {
		scratch->no_memory = true;
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		size_t start = keys->len;

		if (!k[i].odd)
			continue;
		utf8_spell(keys, k[i].key.at, k[i].key.len);
		k[i].key = (struct str){ keys->at + start, keys->len - start };
	}
	return true;
}

static void
key_of(const struct token *t, struct keyed *k)
{
	switch (t->kind) {
	case TOKEN_ARGUMENT: k->key = t->argument.name; break;
	case TOKEN_UUID: k->key = t->uuid.name; break;
	default:
		k->key = t->set.name;
		k->value = t->set.value;
		break;
	}
	k->odd = !utf8_valid(k->key.at, k->key.len) || !utf8_valid(k->value.at, k->value.len);
}

size_t
keyed_collect(const struct record *r, enum token_kind kind, struct keyed **out)
{
	struct record_scratch *scratch = r->scratch;
	size_t count = record_number(r, kind);
	uint32_t n = 0;

	if (!make_room(scratch, &scratch->keyed, &scratch->room, count))
		return 0;
	for (const struct token *t = record_first(r, kind); t != NULL; t = record_next(r, t)) {
		scratch->keyed[n] =
		    (struct keyed){ .token = (uint32_t)(t - r->tokens), .order = n };
		key_of(t, &scratch->keyed[n++]);
	}
	if (!spell_keys(scratch, &scratch->keys, scratch->keyed, count))
		return 0;
	sort(scratch->keyed, count);
	*out = scratch->keyed;
	return count;
}

size_t
keyed_run(const struct keyed *k, size_t i, size_t count)
{
	size_t n = 1;

	while (i + n < count && str_equal(k[i].key, k[i + n].key))
		n++;
	return n;
}

static void
split_env(struct record_scratch *scratch, struct str s, uint32_t order)
{
	const char *equals = memchr(s.at, '=', s.len);
	struct keyed *k = &scratch->env[scratch->env_count];

	if (equals == NULL) {
		scratch->env_has_more = true;
		return;
	}
	*k = (struct keyed){ .order = order, .odd = !utf8_valid(s.at, s.len) };
	k->key = (struct str){ s.at, (size_t)(equals - s.at) };
	k->value = (struct str){ equals + 1, s.len - k->key.len - 1 };
	scratch->env_count++;
}

static void
collect_env(const struct record *r, struct record_scratch *scratch)
{
	size_t total = 0;
	uint32_t order = 0;

	scratch->env_count = 0;
	scratch->env_has_more = false;
	for (const struct token *t = record_first(r, TOKEN_EXEC_ENV); t != NULL;
	     t = record_next(r, t))
		total += t->strings.count;
	if (!make_room(scratch, &scratch->env, &scratch->env_room, total))
		return;
	for (const struct token *t = record_first(r, TOKEN_EXEC_ENV); t != NULL;
	     t = record_next(r, t)) {
		struct token_strings strings = t->strings;
		struct str s;

		while (string_next(&strings, &s))
			split_env(scratch, s, order++);
	}
	if (!spell_keys(scratch, &scratch->env_keys, scratch->env, scratch->env_count)) {
		scratch->env_count = 0;
		return;
	}
	sort(scratch->env, scratch->env_count);
	for (size_t i = 1; i < scratch->env_count && !scratch->env_has_more; i++)
		scratch->env_has_more = str_equal(scratch->env[i - 1].key, scratch->env[i].key);
}

size_t
keyed_env(const struct record *r, struct keyed **out)
{
	struct record_scratch *scratch = r->scratch;

	if (!scratch->env_ready) {
		collect_env(r, scratch);
		scratch->env_ready = true;
	}
	*out = scratch->env;
	return scratch->env_count;
}

static int
by_order(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	return (x->order > y->order) - (x->order < y->order);
}

size_t
keyed_env_repeats(const struct record *r, struct keyed **out)
{
	struct record_scratch *scratch = r->scratch;
	struct keyed *env;
	size_t count = keyed_env(r, &env), repeats = 0;

	if (!make_room(scratch, &scratch->keyed, &scratch->room, count))
		return 0;
	for (size_t i = 1; i < count; i++)
		if (str_equal(env[i - 1].key, env[i].key))
			scratch->keyed[repeats++] = env[i];
	if (repeats > 1)
		qsort(scratch->keyed, repeats, sizeof(*scratch->keyed), by_order);
	*out = scratch->keyed;
	return repeats;
}
