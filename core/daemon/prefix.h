/*
 * prefix: which places of the journal have a fate, and up to where all of them do: that is where
 * the cursor goes. A bit for each place beyond.
 */
#ifndef DAEMON_PREFIX_H
#define DAEMON_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* Places beyond the first without a fate: 8 MiB of bits. */
#define PREFIX_MOST (UINT64_C(1) << 26)

struct prefix {
	uint64_t base;  /* the first place without a fate */
	uint64_t *bits; /* a ring: the bit of place n is n modulo room */
	uint64_t room;  /* bits; a power of two, or 0 */
	uint64_t ahead; /* places beyond the base that have a fate */
};

void prefix_init(struct prefix *p, uint64_t base);
void prefix_fini(struct prefix *p);
/*
 * Makes room to settle every place up to this one. False: it lies too far beyond the base, or
 * memory is out; it may be asked for again.
 */
bool prefix_reserve(struct prefix *p, uint64_t place) MUST_USE;
/* This place, for which there is room, has a fate. Those below the base have one already. */
void prefix_settle(struct prefix *p, uint64_t place);

#endif
