/*
 * The parts of a document whose names come from the record: exec_env, privs, secflags, uuids. Args
 * have a file of their own.
 */
#include "bsm/keyed.h"
#include "bsm/walk.h"

/* The name of something that the record names. */
static void
put_data_key(struct walk *w, const struct keyed *k)
{
	w->ops->data_key(w->sink, k->key.at, k->key.len);
	if (k->odd)
		w->spelled = true;
	if (w->escapes != NULL)
		escaped_note(w, k->key, k->odd);
}

void
put_exec_env(struct walk *w)
{
	struct keyed *k;
	size_t count = keyed_env(w->r, &k);

	open_object(w);
	for (size_t i = 0; i < count; i += keyed_run(k, i, count)) {
		put_data_key(w, &k[i]);
		put_text_odd(w, k[i].value, k[i].odd);
	}
	close_object(w);
}

/* What found no place among the names, as it came, in its order. */
void
put_exec_env_more(struct walk *w)
{
	const struct record *r = w->r;
	struct keyed *repeats;
	size_t count = keyed_env_repeats(r, &repeats), i = 0;
	uint32_t order = 0;

	open_list(w);
	for (const struct token *t = record_first(r, TOKEN_EXEC_ENV); t != NULL;
	     t = record_next(r, t)) {
		struct token_strings strings = t->strings;
		struct str s;

		for (; string_next(&strings, &s); order++) {
			bool repeat = i < count && repeats[i].order == order;

			i += repeat;
			if (repeat || memchr(s.at, '=', s.len) == NULL)
				put_text(w, s);
		}
	}
	close_list(w);
}

void
put_sets(struct walk *w, enum token_kind kind, bool before)
{
	struct keyed *k;
	size_t count = keyed_collect(w->r, kind, &k);

	open_object(w);
	for (size_t i = 0, run; i < count; i += run) {
		const struct keyed *shown;

		run = keyed_run(k, i, count);
		if (before && run == 1)
			continue;
		shown = before ? &k[i] : &k[i + run - 1];
		put_data_key(w, shown);
		put_text_odd(w, shown->value, shown->odd);
	}
	close_object(w);
}

void
put_sets_between(struct walk *w, enum token_kind kind, enum key value)
{
	struct keyed *k;
	size_t count = keyed_collect(w->r, kind, &k);

	open_list(w);
	for (size_t i = 0, run; i < count; i += run) {
		run = keyed_run(k, i, count);
		for (size_t j = i + 1; j + 1 < i + run; j++) {
			const struct token *t = &w->r->tokens[k[j].token];

			open_object(w);
			put_text_pair(w, value, t->set.value);
			put_text_pair(w, KEY_SET, t->set.name);
			close_object(w);
		}
	}
	close_list(w);
}

static void
put_uuid(struct walk *w, const struct token *t)
{
	static const char hex[] = "0123456789abcdef";
	char text[36], *p = text;

	for (unsigned i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[t->uuid.at[i] >> 4];
		*p++ = hex[t->uuid.at[i] & 15];
	}
	put_word(w, (struct str){ text, sizeof(text) });
}

void
put_by_name(struct walk *w, enum token_kind kind, void (*put)(struct walk *, const struct token *))
{
	struct keyed *k;
	size_t count = keyed_collect(w->r, kind, &k);

	open_object(w);
	for (size_t i = 0, run; i < count; i += run) {
		run = keyed_run(k, i, count);
		put_data_key(w, &k[i]);
		if (run > 1)
			open_list(w);
		for (size_t j = i; j < i + run; j++)
			put(w, &w->r->tokens[k[j].token]);
		if (run > 1)
			close_list(w);
	}
	close_object(w);
}

void
put_uuids(struct walk *w)
{
	put_by_name(w, TOKEN_UUID, put_uuid);
}
