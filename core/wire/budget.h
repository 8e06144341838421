/*
 * budget: when reading stops for want of memory, and when it goes on. Numbers only.
 *
 * Below 7/8 of the cap everybody reads. From there to the cap (until it falls under 3/4) only
 * those do that hold less than their fair share; at the cap (until it falls under 15/16) nobody
 * does. A connection that holds its own cap stops by itself and goes on at three quarters of
 * that.
 */
#ifndef WIRE_BUDGET_H
#define WIRE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum budget_level { BUDGET_FREE, BUDGET_TIGHT, BUDGET_FULL };

struct budget {
	uint64_t cap;        /* bytes in all */
	uint64_t cap_sender; /* bytes of one connection's records and acknowledgements */
	uint64_t total;      /* bytes that all connections hold */
	enum budget_level level;
};

/*
 * Counts a change of what a connection holds; true when the level has fallen, so that others may
 * go on.
 */
bool budget_count(struct budget *b, uint64_t before, uint64_t after);

/*
 * May a connection read? records: its records and acknowledgements; held: these and its buffers;
 * senders: the connections that share the cap; stopped: it was told no the last time.
 */
bool budget_may_read(
    const struct budget *b, uint64_t records, uint64_t held, unsigned senders, bool stopped);

#endif
