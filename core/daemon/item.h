/* item: a record that was received and has no fate yet. */
#ifndef DAEMON_ITEM_H
#define DAEMON_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/ledger.h"

struct peer;
struct pipeline;
struct sender;

struct item {
	struct item *next;        /* in its sender's queue, then among those in hand */
	struct item *previous;    /* in hand */
	struct item *next_letter; /* in the queue for the dead letters */
	const char *letter;       /* the reason, while it is in that queue; else NULL */
	struct pipeline *pipeline;
	struct sender *sender;
	struct peer *peer; /* where its acknowledgement goes; NULL: it gets none */
	uint64_t receipt;  /* owed to peer_settle() */
	uint64_t sequence;
	uint64_t full_size; /* bytes as it came; more than len when its head only was kept */
	int64_t received;   /* nanoseconds since 1970 */
	uint32_t len;
	uint8_t waits_for; /* settlements that are still out: a withheld record has two */
	uint8_t fate;      /* enum fate: the graver of those that came in */
	char bytes[];
};

/* What a waiting record takes beside its bytes, the allocator's share included. */
#define ITEM_COST (sizeof(struct item) + 16)

#endif
