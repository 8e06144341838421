/* counts: what all rooms have counted, as lines of the log: when a signal asks, and at the end. */
#ifndef DAEMON_COUNTS_H
#define DAEMON_COUNTS_H

#include "daemon/pipeline.h"
#include "lookup/lookup.h"

/* Whom to ask; borrowed. journal in rooms may be NULL. */
struct counts {
	struct pipeline *pipeline;
	const struct pipeline_rooms *rooms;
	const struct lookup *lookup;
};

/* One line of sums, under the name of an event. */
void counts_tell(const struct counts *c, const char *event);
/* A line each: connections, journal, output, sources of lookups, reasons. */
void counts_tell_rooms(const struct counts *c);
void counts_tell_senders(const struct counts *c);
/* Each rule of each group that has rules of its own. */
void counts_tell_rules(struct groups *groups);

#endif
