/*
 * kernel_drops: records that a sender's kernel threw away before it numbered them, so that no gap
 * tells of them. The host tells of them itself: its service kernel-drops (gz-smf) asks auditstat
 * and has auditconfig write a record, whose text says
 *
 *	auditrecv kernel-drops lost=12 total=40 since=1763860000
 *
 * total: so many since `since`, when the kernel's count began; lost: the last so many of these,
 * which no report before it that is known to have been written told of. A report that may have
 * been lost is told again, with a larger total.
 *
 * Whoever may write records in a zone could write such a text, too. Therefore only a record is
 * believed that has nothing but what auditconfig writes as root, and behind it what the kernel
 * adds: the zone, which has to be the global one, a number, a trailer. In this form no byte is left
 * for a token that could hide what the kernel added. Where the policy `zonename` is not set, it
 * adds no zone, and zones cannot be told apart.
 */
#ifndef DAEMON_KERNEL_DROPS_H
#define DAEMON_KERNEL_DROPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "bsm/record.h"

/* AUE_smserverd: its program is no longer there, and no other event can carry another's text. */
#define KERNEL_DROPS_EVENT 6220

struct kernel_report {
	uint64_t lost, total, since;
};

/* What one sender's reports have told of: the drops numbered from `low` to `high` of this count. */
struct kernel_drops {
	uint64_t since;  /* 0: none has come */
	uint64_t before; /* that of the count before this one */
	uint64_t low, high;
	uint64_t dropped; /* in all counts together */
};

/* May it be a report? Costs a comparison. */
static inline bool
kernel_drops_may(const struct record *r)
{
	return r->header.event == KERNEL_DROPS_EVENT && r->decodable;
}

/* False: it is none, or one that a zone may have made. */
bool kernel_drops_read(const struct record *r, struct kernel_report *out) MUST_USE;

/* Notes a report. Returns how many drops it tells of that were not known before. */
uint64_t kernel_drops_note(struct kernel_drops *k, const struct kernel_report *report);

#endif
