/* item: a record that was received and has no fate yet. */
#ifndef DAEMON_ITEM_H
#define DAEMON_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "bsm/document.h"
#include "bsm/record.h"
#include "daemon/identity.h"
#include "daemon/ledger.h"

struct late;
struct peer;
struct pipeline;
struct script;
struct script_wait;
struct source;

/* Where a record is worked on; one that waits for a lookup keeps its own. */
struct desk {
	struct desk *next;
	struct record record;
	struct origin origin;
	struct script *script;
	struct script_wait *wait; /* while it waits */
};

/* A resend that came while the first copy had no fate: it is acknowledged with it. */
struct follower {
	struct follower *next;
	struct peer *peer;
	uint64_t receipt;
};

struct item {
	struct item *next;        /* in its sender's queue, then among those in hand */
	struct item *previous;    /* in hand */
	struct item *next_letter; /* in the queue for the dead letters, or of those woken */
	const char *letter;       /* the reason, while it is in that queue; else NULL */
	struct pipeline *pipeline;
	struct source *source; /* a reference */
	struct peer *peer;     /* where its acknowledgement goes; NULL: it gets none, or had it */
	uint64_t receipt;      /* owed to peer_settle() */
	struct follower *followers;
	struct desk *desk;     /* while it waits for a lookup */
	struct late *late;     /* it may be completed later, late.h */
	struct reason *reason; /* why it was dropped or set aside */
	uint64_t place;        /* in the journal; 0: it is not there */
	uint64_t sequence;
	uint64_t full_size; /* bytes as it came; more than len when its head only was kept */
	int64_t received;   /* nanoseconds since 1970 */
	uint8_t digest[IDENTITY_DIGEST];
	uint32_t len;
	uint8_t waits_for; /* settlements that are still out: a withheld record has two */
	uint8_t fate;      /* enum fate: the graver of those that came in */
	bool has_letter;   /* it is a dead letter, or will be: one will do */
	bool returned;     /* it was in hand before, and had to go back to the journal */
	char bytes[];
};

/* What a waiting record takes beside its bytes, the allocator's share included. */
#define ITEM_COST (sizeof(struct item) + 16)

#endif
