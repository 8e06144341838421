/*
 * places: a set of places of the journal, as bits in a ring that moves along with the first place
 * that anybody asks for.
 */
#ifndef DAEMON_PLACES_H
#define DAEMON_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

/* Places from the first one on: 8 MiB of bits. */
#define PLACES_MOST (UINT64_C(1) << 26)

struct places {
	uint64_t *bits; /* the bit of place n is n modulo room */
	uint64_t room;  /* bits; a power of two, or 0 */
};

void places_fini(struct places *p);
/*
 * Makes room for every place from base up to this one; none below base may be in the set. False:
 * it lies too far beyond, or memory is out; it may be asked for again.
 */
bool places_reserve(struct places *p, uint64_t base, uint64_t place) MUST_USE;

/* For places that there is room for. */
static inline uint64_t
places_bit(uint64_t place)
{
	return UINT64_C(1) << place % 64;
}

static inline uint64_t *
places_word(const struct places *p, uint64_t place)
{
	return &p->bits[place % p->room / 64];
}

static inline bool
places_has(const struct places *p, uint64_t place)
{
	return (*places_word(p, place) & places_bit(place)) != 0;
}

static inline void
places_add(struct places *p, uint64_t place)
{
	*places_word(p, place) |= places_bit(place);
}

static inline void
places_remove(struct places *p, uint64_t place)
{
	*places_word(p, place) &= ~places_bit(place);
}

/* The first place of the set from `from` on; `to` when there is none below. */
uint64_t places_next(const struct places *p, uint64_t from, uint64_t to);

#endif
