/*
 * ledger: what became of records. Every record that came ends in exactly one fate, so that at any
 * moment received = the sum of the fates + waiting.
 */
#ifndef DAEMON_LEDGER_H
#define DAEMON_LEDGER_H

#include <stdint.h>

enum fate {
	FATE_INDEXED, /* stored by the output */
	FATE_EXISTS,  /* it was stored before: a resend */
	FATE_DROPPED, /* by a named rule */
	FATE_DEAD,    /* in the dead letters, with a reason */
	FATE_COUNT,
};

struct ledger {
	uint64_t received;
	uint64_t fates[FATE_COUNT];
};

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
	return l->received - ledger_settled(l);
}

#endif
