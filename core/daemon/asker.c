/* asker: a set of declarations is tried, then kept or taken back as a whole. */
#include "daemon/asker.h"

#include <stdlib.h>

#include "base/jsonread.h"

/* A source, as it was declared. */
struct declared {
	struct declared *next;
	struct str name; /* in json, as it is written there */
	size_t len;
	char json[];
};

/* The member "name" of an object; empty when it has none, which the lookup complains about. */
static struct str
name_of(struct str json)
{
	struct jsonread r;

	jsonread_init(&r, json);
	if (jsonread_next(&r) != JSONREAD_OBJECT)
		return (struct str){ 0 };
	while (jsonread_next(&r) == JSONREAD_KEY) {
		bool is_name = jsonread_is(&r, STR("name"));

		if (!jsonread_skip(&r))
			break;
		if (is_name)
			return r.text;
	}
	return (struct str){ 0 };
}

static const struct declared *
find(const struct declared *list, struct str name)
{
	while (list != NULL && !str_equal(list->name, name))
		list = list->next;
	return list;
}

static void
forget_all(struct declared **list)
{
	struct declared *d;

	while ((d = *list) != NULL) {
		*list = d->next;
		free(d);
	}
}

static struct err *
remember(struct asker *a, struct str json)
{
	struct declared *d = malloc(sizeof(*d) + json.len);

	if (d == NULL)
		return err_sys("lookups");
	memcpy(d->json, json.at, json.len);
	d->len = json.len;
	d->name = name_of((struct str){ d->json, d->len });
	d->next = a->fresh;
	a->fresh = d;
	return NULL;
}

static struct err *
declare(void *ctx, struct str json, unsigned *id)
{
	struct asker *a = ctx;
	struct str name = name_of(json);
	const struct declared *before = find(a->fresh, name);
	struct err *e;

	if (before != NULL && !str_equal((struct str){ before->json, before->len }, json))
		return err_new("the source %.*s is declared differently by another file of rules; "
			       "give one of the two another name",
		    (int)name.len, name.at);
	if ((e = lookup_declare(a->lookup, json, id)) != NULL || before != NULL)
		return e;
	return remember(a, json);
}

static enum ask_answer
ask(void *ctx, unsigned id, struct str key, struct ask_waiter waiter, struct ask_value *out)
{
	struct asker *a = ctx;
	struct lookup_value value = { 0 };

	switch (lookup_ask(a->lookup, id, key,
	    (struct lookup_waiter){ waiter.waiter, waiter.question, waiter.told }, &value)) {
	case LOOKUP_FOUND: *out = (struct ask_value){ value.json, value.version }; return ASK_FOUND;
	case LOOKUP_NOTHING: return ASK_NOTHING;
	case LOOKUP_MISSING: return ASK_MISSING;
	case LOOKUP_WAIT: return ASK_WAIT;
	}
	return ASK_MISSING;
}

static void
forget(void *ctx, void *waiter)
{
	lookup_forget(((struct asker *)ctx)->lookup, waiter);
}

static bool
has(void *ctx, struct str service)
{
	return lookup_has(((struct asker *)ctx)->lookup, service);
}

void
asker_init(struct asker *a, struct lookup *lookup)
{
	*a = (struct asker){
		.door = { .declare = declare, .ask = ask, .has = has, .forget = forget, .ctx = a },
		.lookup = lookup,
	};
}

void
asker_begin(struct asker *a)
{
	a->in_force = a->fresh;
	a->fresh = NULL;
}

/* What one set has and the other has not is not asked any more. */
static void
withdraw(struct asker *a, const struct declared *set, const struct declared *stays)
{
	for (; set != NULL; set = set->next)
		if (set->name.len > 2 && find(stays, set->name) == NULL)
			lookup_withdraw(a->lookup,
			    (struct str){ set->name.at + 1, set->name.len - 2 }); /* quotes */
}

void
asker_end(struct asker *a, bool taken)
{
	struct err *e;
	unsigned id;

	if (taken) {
		withdraw(a, a->in_force, a->fresh);
		forget_all(&a->in_force);
		return;
	}
	withdraw(a, a->fresh, a->in_force);
	forget_all(&a->fresh);
	a->fresh = a->in_force;
	a->in_force = NULL;
	for (const struct declared *d = a->fresh; d != NULL; d = d->next) {
		e = lookup_declare(a->lookup, (struct str){ d->json, d->len }, &id);
		err_free(e); /* it was good before */
	}
}

void
asker_fini(struct asker *a)
{
	forget_all(&a->fresh);
	forget_all(&a->in_force);
}
