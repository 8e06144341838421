/*
 * prefix: which places of the journal have a fate, and up to where all of them do: that is where
 * the cursor goes.
 */
#ifndef DAEMON_PREFIX_H
#define DAEMON_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "daemon/places.h"

struct prefix {
	uint64_t base;         /* the first place without a fate */
	struct places settled; /* those beyond the base that have a fate … */
	uint64_t ahead;        /* … and how many */
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
