/*
 * source: a way in which a sender's records come: address, authenticated names, group. The same for
 * all connections that have these in common; lives as long as a connection or a record refers to
 * it.
 */
#ifndef DAEMON_SOURCE_H
#define DAEMON_SOURCE_H

#include <stdint.h>

#include "base/compiler.h"
#include "daemon/senders.h"
#include "journal/journal.h"

struct group;

struct source {
	struct source *next; /* of the same sender */
	struct sender *sender;
	struct group *group;
	uint64_t refs;
	struct journal_sender names; /* texts end with a NUL and live as long as this */
};

/* The source of the sender named names->name, with a reference; NULL when memory is out. */
struct source *source_get(
    struct senders *all, const struct journal_sender *names, struct group *group) MUST_USE;
void source_release(struct source *s);

#endif
