/* pledge: a queue in one piece of memory. */
#include "daemon/pledge.h"

#include <stdlib.h>

#define LEAST_ROOM 256

void
pledges_fini(struct pledges *p)
{
	free(p->ring);
	*p = (struct pledges){ 0 };
}

bool
pledges_reserve(struct pledges *p)
{
	size_t count = pledges_count(p), room = p->room == 0 ? LEAST_ROOM : p->room * 2;
	struct pledge *ring;

	if (count < p->room)
		return true;
	if ((ring = calloc(room, sizeof(*ring))) == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		ring[i] = p->ring[(p->first + i) & (p->room - 1)];
	free(p->ring);
	*p = (struct pledges){ .ring = ring, .room = room, .next = count };
	return true;
}

void
pledges_add(struct pledges *p, const struct pledge *pledge)
{
	p->ring[p->next++ & (p->room - 1)] = *pledge;
}

bool
pledges_take(struct pledges *p, uint64_t below, struct pledge *out)
{
	if (p->first == p->next || p->ring[p->first & (p->room - 1)].place >= below)
		return false;
	*out = p->ring[p->first++ & (p->room - 1)];
	return true;
}
