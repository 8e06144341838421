/* asking: opens lookups that answer before they return. */
#include "cmd/asking.h"

struct err *
asking_open(struct asking *a, const struct settings *s)
{
	struct err *e = build_lookup(&a->parts, s);

	if (e != NULL)
		return e;
	a->parts.config.blocking = true;
	a->parts.config.cache_file = NULL;
	if ((e = lookup_open(&a->lookup, NULL, &a->parts.config)) != NULL)
		return e;
	asker_init(&a->asker, a->lookup);
	return NULL;
}

void
asking_close(struct asking *a)
{
	asker_fini(&a->asker);
	lookup_close(a->lookup);
	build_lookup_free(&a->parts);
}
