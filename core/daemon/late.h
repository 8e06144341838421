/*
 * late: documents that went on without an answer that their rules had asked for, and are completed
 * when it comes: the rules see the record again, and the document is written over, under the same
 * id, in the same index. A bounded list; what does not fit, or gets no answer in time, stays as it
 * is. In no ledger: the record has had its fate.
 */
#ifndef DAEMON_LATE_H
#define DAEMON_LATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct desk;
struct item;
struct late;
struct pipeline;
struct script_result;

struct late_counters {
	uint64_t noted;     /* documents that may be completed */
	uint64_t completed; /* written over */
	uint64_t given_up;  /* no answer in time, or it belongs into another index now */
	uint64_t no_room;
};

struct lates {
	struct late *first, **last; /* in the order in which they are looked at again */
	size_t count, bytes;
	struct late_counters counters;
};

/* A document goes out to this index without an answer: may it be completed later? */
void late_note(struct pipeline *p, struct item *item, struct str index);
/* It will not be; NULL inside is fine. */
void late_forget(struct pipeline *p, struct item *item);
/* It has its fate, and nothing is owed for it any more: takes it over, to be completed. */
void late_keep(struct pipeline *p, struct item *item);
/* Is it such a one, on its second way? */
bool late_is_again(const struct item *item);
/* What the rules said this time; done as script_run() has answered. */
void late_conclude(struct pipeline *p, struct item *item, const struct desk *desk, bool done,
    const struct script_result *result);
/* The output has taken it, or has not. */
void late_settled(struct item *item, bool taken);
/* Each second: takes up those whose time has come. */
void late_tick(struct pipeline *p);
void late_fini(struct pipeline *p);

#endif
