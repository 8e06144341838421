/*
 * resends: the last records of a sender, by number and digest, so that one that comes again is
 * recognised: it is acknowledged when the first copy is, and goes no further. What is older is told
 * by its _id, by whoever stores it.
 */
#ifndef DAEMON_RESENDS_H
#define DAEMON_RESENDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "daemon/identity.h"

struct item;

/* A record that came. */
struct resend {
	uint64_t sequence;
	uint8_t digest[IDENTITY_DIGEST];
	uint64_t place;    /* in the journal; 0: it is not there */
	struct item *item; /* not in the journal, and without a fate yet; else NULL */
	uint64_t is_used;
};

/* The memory of all senders together. */
struct resends_budget {
	size_t most, used; /* bytes */
	size_t sharers;    /* senders; each may have its share, and all at most `most` */
};

struct resends {
	struct resend *slots; /* number modulo room */
	size_t room;          /* a power of two, or 0 */
};

enum resend_status {
	RESEND_NEW,
	RESEND_KNOWN,
	RESEND_OTHER, /* another record came with this number */
};

void resends_fini(struct resends *r, struct resends_budget *budget);
/* What is known about this record; KNOWN: *out is it. */
enum resend_status resends_find(const struct resends *r, uint64_t sequence,
    const uint8_t digest[IDENTITY_DIGEST], struct resend **out);
/* Remembers it, if there is memory. */
void resends_note(struct resends *r, struct resends_budget *budget, const struct resend *record);
/* The item has a fate: from now on its resends are acknowledged at once. */
void resends_settle(struct resends *r, uint64_t sequence, const struct item *item);
/* The item goes without a fate: what comes again is new. */
void resends_forget(struct resends *r, uint64_t sequence, const struct item *item);

#endif
