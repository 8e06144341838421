/* places: room for more bits, and the way from one to the next. */
#include "daemon/places.h"

#include <stdlib.h>

#define LEAST_ROOM UINT64_C(4096)

void
places_fini(struct places *p)
{
	free(p->bits);
	*p = (struct places){ 0 };
}

/* Whole words where all their places are of the old ring; the first and the last one bit by bit. */
static void
copy(struct places *to, const struct places *from, uint64_t base)
{
	uint64_t end = base + from->room;

	for (uint64_t i = base; i < end;) {
		if (i % 64 == 0 && end - i >= 64) {
			*places_word(to, i) = *places_word(from, i);
			i += 64;
			continue;
		}
		if (places_has(from, i))
			places_add(to, i);
		i++;
	}
}

bool
places_reserve(struct places *p, uint64_t base, uint64_t place)
{
	struct places more = { .room = p->room };

	if (place < base || place - base < p->room)
		return true;
	if (place - base >= PLACES_MOST)
		return false;
	if (more.room == 0)
		more.room = LEAST_ROOM;
	while (place - base >= more.room)
		more.room *= 2;
	if ((more.bits = calloc(more.room / 64, sizeof(*more.bits))) == NULL)
		return false;
	copy(&more, p, base);
	free(p->bits);
	*p = more;
	return true;
}

uint64_t
places_next(const struct places *p, uint64_t from, uint64_t to)
{
	if (p->room == 0)
		return to;
	while (from < to) {
		if (from % 64 == 0 && *places_word(p, from) == 0)
			from += 64;
		else if (places_has(p, from))
			return from;
		else
			from++;
	}
	return to;
}
