/* prefix: settled places, and a base that moves over them. */
#include "daemon/prefix.h"

void
prefix_init(struct prefix *p, uint64_t base)
{
	*p = (struct prefix){ .base = base };
}

void
prefix_fini(struct prefix *p)
{
	places_fini(&p->settled);
	prefix_init(p, p->base);
}

bool
prefix_reserve(struct prefix *p, uint64_t place)
{
	return places_reserve(&p->settled, p->base, place);
}

void
prefix_settle(struct prefix *p, uint64_t place)
{
	if (place < p->base || places_has(&p->settled, place))
		return;
	places_add(&p->settled, place);
	p->ahead++;
	while (places_has(&p->settled, p->base)) {
		places_remove(&p->settled, p->base);
		p->base++;
		p->ahead--;
	}
}
