/*
 * pipeline: the way of a record, from the wire to its fate.
 *
 *	wire → journal → acknowledged
 *	         └ queue of its sender → decode → rules → output → settled → cursor moves on
 *	                                    └ dropped ┴ set aside ┘
 *
 * With ack = "journaled" a record is acknowledged when it is on disk; it goes on from memory as
 * long as there is room, else it is read again from the journal later (backlog.h). With ack =
 * "indexed" it does not touch the journal, and is acknowledged when its fate is safe: stored by the
 * output, or on disk as a dead letter, or dropped by a named rule. The pipeline is the one place
 * that knows all rooms; each of them hands on and forgets.
 */
#ifndef DAEMON_PIPELINE_H
#define DAEMON_PIPELINE_H

#include "base/err.h"
#include "daemon/dead.h"
#include "daemon/group.h"
#include "daemon/late.h"
#include "daemon/senders.h"
#include "journal/journal.h"
#include "output/output.h"
#include "script/script.h"
#include "wire/wire.h"

struct ev_loop;
struct pipeline;

struct pipeline_config {
	unsigned quantum;  /* records of one sender in a row */
	unsigned budget;   /* records in one turn of the loop */
	size_t max_memory; /* bytes of records that are in the journal and in memory too */
	/*
	 * Events that are dropped, acknowledged and counted while the journal takes nothing
	 * (journal.when_full = "shed"); borrowed. Count 0: none is.
	 */
	const char *const *shed;
	size_t shed_count;
	/*
	 * Documents that went on without an answer are completed when it comes within so many
	 * seconds (0: they are not); at most so many at a time.
	 */
	double complete_within;
	size_t late_most;
	/* The output can never take anything again. */
	void (*broken)(void *ctx, const char *reason);
	void *ctx;
};

/* What it works with; borrowed. */
struct pipeline_rooms {
	struct groups *groups;
	struct wire *wire;
	struct output *output;
	struct dead *dead;
	struct journal *journal; /* NULL: there is none; then no group may be journaled */
};

struct err *pipeline_new(
    struct pipeline **out, struct ev_loop *loop, const struct pipeline_config *config) MUST_USE;
/* What groups_open() takes as wake: a record that waited for a lookup can go on. */
void pipeline_wake(void *pipeline, struct script_wait *wait);
/*
 * The handlers to open the wire, the output and the journal with, and what dead_open() calls.
 * Senders are admitted by these groups.
 */
const struct wire_handler *pipeline_wire_handler(struct pipeline *p, struct groups *groups);
const struct output_handler *pipeline_output_handler(struct pipeline *p);
const struct journal_handler *pipeline_journal_handler(struct pipeline *p);
void pipeline_kept(void *pipeline, void *cookie);
/* Begins to work, with what the journal holds beyond its cursor first. */
void pipeline_use(struct pipeline *p, const struct pipeline_rooms *rooms);
/* Each second. */
void pipeline_tick(struct pipeline *p);
void pipeline_late(const struct pipeline *p, struct late_counters *out);
struct senders *pipeline_senders(struct pipeline *p);
/* Records received whose acknowledgement is owed. */
uint64_t pipeline_waiting(const struct pipeline *p);
/*
 * Counts the records without a fate one by one, in the journal and beside it: as many as the ledger
 * says? Tells the log when not.
 */
void pipeline_check_ledger(const struct pipeline *p);
/*
 * What is not safe by now will get no acknowledgement, so that its connections can end in order; it
 * stays counted as waiting.
 */
void pipeline_give_up(struct pipeline *p);
/* After wire, output, journal and dead letters are closed, before the groups. NULL is fine. */
void pipeline_free(struct pipeline *p);

#endif
