#include "daemon/asker.h"

static struct err *
declare(void *ctx, struct str json, unsigned *id)
{
	return lookup_declare(ctx, json, id);
}

static enum ask_answer
ask(void *ctx, unsigned id, struct str key, void *waiter, void (*told)(void *waiter),
    struct ask_value *out)
{
	struct lookup_value value = { 0 };

	switch (lookup_ask(ctx, id, key, waiter, told, &value)) {
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
	lookup_forget(ctx, waiter);
}

static bool
has(void *ctx, struct str service)
{
	return lookup_has(ctx, service);
}

struct script_asker
asker_make(struct lookup *lookup)
{
	return (struct script_asker){
		.declare = declare, .ask = ask, .has = has, .forget = forget, .ctx = lookup
	};
}
