/*
 * senders: everybody who has sent to us since the start: who is connected, what became of their
 * records, whose turn it is.
 *
 * A sender outlives its connections. Its waiting records form a queue; the senders with waiting
 * records form a ring, and take turns.
 */
#ifndef DAEMON_SENDERS_H
#define DAEMON_SENDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "daemon/kernel_drops.h"
#include "daemon/ledger.h"
#include "daemon/resends.h"
#include "daemon/sequences.h"

struct item;
struct source;

#define SENDERS_ALARMS 100 /* in one call of senders_missing(); the others come with the next */

struct sender {
	struct sender *next_hash;
	struct sender *next_turn, *previous_turn; /* in the ring; NULL when nothing waits */
	struct item *first, *last; /* records that wait for their turn, in the order of arrival */
	char *name;
	char *from;           /* the address that it came from last */
	unsigned served;      /* records taken in this turn */
	unsigned connections; /* at this moment */
	int64_t left;         /* when the last one went, clock_steady(); 0 while connected */
	bool alarmed;
	struct source *sources; /* source.h */
	uint64_t owed;          /* records whose acknowledgement is owed */
	struct ledger ledger;
	struct sequences sequences;
	struct sequences recovered; /* of what the journal held at the start */
	struct kernel_drops kernel_drops;
	struct resends resends;
};

struct senders {
	struct sender **buckets;
	size_t bucket_count, count;
	struct sender *turn;  /* the one whose turn is next; NULL when nothing waits */
	struct ledger ledger; /* of all; its reasons are in `reasons` */
	struct reasons reasons;
	struct resends_budget resends;
};

void senders_init(struct senders *all);
/* Frees the senders; queues have to be empty. */
void senders_fini(struct senders *all);
/* Finds or makes the sender of that name; NULL when memory is out. */
struct sender *senders_named(struct senders *all, struct str name);
/* A connection has come from an address, or gone. */
void sender_arrived(struct sender *s, const char *from);
void sender_left(struct sender *s);
/* Puts a record, whose source has a sender, at the end of its sender's queue. */
void senders_queue(struct senders *all, struct sender *s, struct item *item);
/*
 * Takes the next record of the sender whose turn it is; after `quantum` records in a row the turn
 * moves on. NULL when none waits.
 */
struct item *senders_next(struct senders *all, unsigned quantum);
/* A record has come, or has a fate now, for this reason (NULL: there is none to tell). */
void senders_received(struct senders *all, struct sender *s);
void senders_count(struct senders *all, struct sender *s, enum fate fate, struct reason *reason);
/* What was read back from the journal ended: the numbers of before and of now are joined. */
void senders_join(struct senders *all);
/*
 * Calls alarm, at most SENDERS_ALARMS times, for each sender that went longer ago than `after`
 * seconds and has not been named yet.
 */
void senders_missing(
    struct senders *all, double after, void (*alarm)(const struct sender *s, double away));
/*
 * Forgets those that are gone, were named in an alarm and have nothing waiting, when there are more
 * than `most`: who changes its address for each connection must not fill our memory. Returns how
 * many.
 */
size_t senders_forget(struct senders *all, size_t most);
/* Calls each for every sender. */
void senders_each(struct senders *all, void (*each)(const struct sender *s));
/* Says in the log that records are missing, and where they may be. */
void sender_tell_missing(const struct sender *s, uint64_t missing, uint64_t before);
void sender_tell_kernel_missing(const struct sender *s, uint64_t missing, uint64_t before);
void sender_tell_kernel_dropped(const struct sender *s, uint64_t dropped, uint64_t at);

#endif
