/* document: the walk over the fields, the whole or some of them. */
#include "bsm/document.h"

#include "bsm/fields.h"
#include "bsm/keyed.h"
#include "bsm/parts.h"
#include "bsm/walk.h"

static void
put_each(struct walk *w, const struct part *p)
{
	const struct token *t;

	open_list(w);
	for (t = record_first(w->r, p->kind); t != NULL; t = record_next(w->r, t))
		p->token(w, t);
	close_list(w);
}

static void
put_field(struct walk *w, enum field f)
{
	const struct part *p = &parts[f];

	switch (p->from) {
	case FROM_RECORD: p->record(w); break;
	case FROM_FIRST: p->token(w, record_first(w->r, p->kind)); break;
	case FROM_LAST: p->token(w, record_last(w->r, p->kind)); break;
	case FROM_EACH: put_each(w, p); break;
	}
}

void
walk_fields_of(const struct walk *w, uint64_t fields[RECORD_FIELDS / 64])
{
	const struct origin *o = w->o;

	memcpy(fields, w->r->fields, sizeof(w->r->fields));
	if (o->present) {
		fields_add(fields, FIELD_TIME);
		fields_add(fields, FIELD_RECEIVED);
		fields_add(fields, FIELD_SENDER_SEQUENCE);
		if (o->from.len > 0)
			fields_add(fields, FIELD_FROM);
		if (o->host.len > 0)
			fields_add(fields, FIELD_HOST);
		if (o->principal.len > 0)
			fields_add(fields, FIELD_PRINCIPAL);
	}
}

/*
 * Two fields are told only by looking: repeats in the environment, and whether a text was spelled
 * on the way here.
 */
static bool
is_there(struct walk *w, enum field f)
{
	struct keyed *k;

	if (f == FIELD_EXEC_ENV_MORE) {
		keyed_env(w->r, &k);
		return w->scratch->env_has_more;
	}
	return f != FIELD_ESCAPED || w->spelled;
}

void
walk_fields(struct walk *w, const uint64_t fields[RECORD_FIELDS / 64])
{
	for (unsigned i = 0; i < RECORD_FIELDS / 64; i++)
		for (uint64_t left = fields[i]; left != 0; left &= left - 1) {
			enum field f = (enum field)(i * 64 + (unsigned)__builtin_ctzll(left));

			if (!is_there(w, f))
				continue;
			put_key(w, (enum key)f);
			put_field(w, f);
		}
}

static struct walk
begin(const struct record *r, const struct origin *o, const struct sink_ops *ops, void *sink)
{
	r->scratch->no_memory = false;
	return (struct walk){ ops, sink, r, o, r->scratch, false, NULL };
}

bool
document_walk(
    const struct record *r, const struct origin *o, const struct sink_ops *ops, void *sink)
{
	struct walk w = begin(r, o, ops, sink);
	uint64_t fields[RECORD_FIELDS / 64];

	walk_fields_of(&w, fields);
	open_object(&w);
	walk_fields(&w, fields);
	close_object(&w);
	return !r->scratch->no_memory;
}

bool
document_has(const struct record *r, const struct origin *o, enum field field)
{
	struct walk w = begin(r, o, NULL, NULL);
	uint64_t fields[RECORD_FIELDS / 64];

	if (field >= FIELDS)
		return false;
	walk_fields_of(&w, fields);
	if (!fields_have(fields, field))
		return false;
	return field == FIELD_ESCAPED ? escaped_look(&w) : is_there(&w, field);
}

bool
document_field(const struct record *r, const struct origin *o, enum field field,
    const struct sink_ops *ops, void *sink)
{
	struct walk w = begin(r, o, ops, sink);

	put_field(&w, field);
	return !r->scratch->no_memory;
}

void
document_set(const struct record *r, const struct origin *o, uint64_t set[FIELD_SET_WORDS])
{
	struct walk w = { .r = r, .o = o };

	walk_fields_of(&w, set);
}

bool
document_some(const struct record *r, const struct origin *o, const uint64_t set[FIELD_SET_WORDS],
    const struct sink_ops *ops, void *sink, bool *spelled)
{
	struct walk w = begin(r, o, ops, sink);

	walk_fields(&w, set);
	if (w.spelled)
		*spelled = true;
	return !r->scratch->no_memory;
}

enum field
document_field_named(struct str name)
{
	enum field f = 0;

	while (f < FIELDS && !str_equal(key_names[f], name))
		f++;
	return f;
}
