/* selection: which entries of a journal a subcommand is for. */
#ifndef CMD_SELECTION_H
#define CMD_SELECTION_H

#include <stdbool.h>

#include "bsm/record.h"
#include "journal/journal.h"

#define SELECTION_MOST 64 /* of senders, and of events */

/* Begins zeroed: everything. Texts are borrowed. */
struct selection {
	const char *senders[SELECTION_MOST];
	size_t sender_count;
	const char *events[SELECTION_MOST];
	size_t event_count;
	bool has_since, has_until;
	int64_t since, until; /* the event's time: from … on, and before; nanoseconds */
	const char *index;    /* what the name of a document's index begins with */
	const char *reason;   /* of dead letters */
	uint64_t from, to;    /* numbers of entries, both included; to 0: no end */
};

/* Options of getopt_long(); their values are below. */
enum {
	SELECT_SENDER = 0x200,
	SELECT_EVENT,
	SELECT_SINCE,
	SELECT_UNTIL,
	SELECT_INDEX,
	SELECT_REASON,
	SELECT_NUMBERS
};

/*
 * Takes an option. NULL: taken, or none of ours (*ours says which); else what is wrong with its
 * value, for cmd_misused().
 */
const char *selection_option(struct selection *s, int option, const char *value, bool *ours);

/* What stands in the entry's note under this key; empty where nothing does. As JSON has it. */
struct str selection_note(struct str note, const char *key);

/* Is it one of them, as far as the entry itself can tell? */
bool selection_has_entry(const struct selection *s, const struct journal_entry *entry);
/* And its record, decoded; the time of receipt stands in for one that has none. */
bool selection_has_record(
    const struct selection *s, const struct journal_entry *entry, const struct record *record);
/* And its document's index? */
bool selection_has_index(const struct selection *s, struct str index);

#endif
