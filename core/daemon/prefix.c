/* prefix: a ring of bits that moves along. */
#include "daemon/prefix.h"

#include <stdlib.h>

#define WORD       64
#define LEAST_ROOM UINT64_C(4096)

void
prefix_init(struct prefix *p, uint64_t base)
{
	*p = (struct prefix){ .base = base };
}

void
prefix_fini(struct prefix *p)
{
	free(p->bits);
	prefix_init(p, p->base);
}

static uint64_t *
word_of(const struct prefix *p, uint64_t place)
{
	return &p->bits[place % p->room / WORD];
}

static uint64_t
bit_of(uint64_t place)
{
	return UINT64_C(1) << place % WORD;
}

bool
prefix_reserve(struct prefix *p, uint64_t place)
{
	struct prefix more = { .base = p->base, .room = p->room, .ahead = p->ahead };

	if (place < p->base || place - p->base < p->room)
		return true;
	if (place - p->base >= PREFIX_MOST)
		return false;
	if (more.room == 0)
		more.room = LEAST_ROOM;
	while (place - p->base >= more.room)
		more.room *= 2;
	if ((more.bits = calloc(more.room / WORD, sizeof(*more.bits))) == NULL)
		return false;
	for (uint64_t i = p->base; i < p->base + p->room; i++)
		if ((*word_of(p, i) & bit_of(i)) != 0)
			*word_of(&more, i) |= bit_of(i);
	free(p->bits);
	*p = more;
	return true;
}

void
prefix_settle(struct prefix *p, uint64_t place)
{
	if (place < p->base || (*word_of(p, place) & bit_of(place)) != 0)
		return;
	*word_of(p, place) |= bit_of(place);
	p->ahead++;
	while ((*word_of(p, p->base) & bit_of(p->base)) != 0) {
		*word_of(p, p->base) &= ~bit_of(p->base);
		p->base++;
		p->ahead--;
	}
}
