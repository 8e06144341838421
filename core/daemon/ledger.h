/*
 * ledger: what became of records. Every record that came ends in exactly one fate, so that at any
 * moment
 *
 *	received + recovered = the sum of the fates + waiting
 *
 * for each sender and for all together. received: over the wire, since the start; recovered: found
 * in the journal at the start, beyond its cursor.
 */
#ifndef DAEMON_LEDGER_H
#define DAEMON_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum fate {
	FATE_INDEXED, /* stored by the output */
	FATE_EXISTS,  /* it was stored before: a resend */
	FATE_DROPPED, /* by a named rule, or shed while the journal took nothing */
	FATE_DEAD,    /* in the dead letters, with a reason */
	FATE_RESENT,  /* recognised as a resend: it has the fate of its first copy */
	FATE_DAMAGED, /* the journal's bytes were damaged: set aside by its recovery */
	FATE_COUNT,
};

/* Why records were dropped or set aside; each pair of words once. */
struct reason {
	struct reason *next;
	enum fate fate;
	const char *rule; /* "" when no rule has to do with it */
	const char *words;
	uint64_t count;
};

/* All reasons; rules make their words up, so there is a limit beyond which they count as others. */
#define REASONS_MOST 1024

struct reasons {
	struct reason *first;
	size_t count;
};

/* What one sender has of a reason. */
struct ledger_reason {
	struct reason *reason;
	uint64_t count;
};

struct ledger {
	uint64_t received, recovered;
	uint64_t fates[FATE_COUNT];
	struct ledger_reason *reasons;
	size_t reason_count, reason_room;
};

/* The reason of these words, made if it is new; NULL only when memory is out. */
struct reason *reasons_get(
    struct reasons *all, enum fate fate, const char *rule, const char *words) MUST_USE;
void reasons_fini(struct reasons *all);

void ledger_fini(struct ledger *l);
/* Counts a reason beside its fate, in a sender's ledger; NULL counts nothing. */
void ledger_reason(struct ledger *l, struct reason *reason);

static inline uint64_t
ledger_settled(const struct ledger *l)
{
	uint64_t sum = 0;

	for (int i = 0; i < FATE_COUNT; i++)
		sum += l->fates[i];
	return sum;
}

static inline uint64_t
ledger_waiting(const struct ledger *l)
{
	return l->received + l->recovered - ledger_settled(l);
}

#endif
