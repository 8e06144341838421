/*
 * dead: the dead letters. What cannot become a document is kept here, with its reason and the raw
 * record, and only counts as kept when it is on disk.
 *
 * They are a journal of their own: the record stands in an entry as it came, and the entry's note
 * is a JSON object:
 *
 *	{"time":…, "reason":…, "rule":…, "rules":…, "id":…, "answer":…}
 *
 * time: when it was set aside; rule: that failed; rules: hash of the rule set; id: of its document;
 * answer: what the server said. What is not known is left out. The cursor stands before the oldest
 * letter that is to be kept.
 */
#ifndef DAEMON_DEAD_H
#define DAEMON_DEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "journal/journal.h"

struct dead;
struct ev_loop;

struct dead_config {
	const char *directory; /* borrowed */
	uint64_t max_bytes;    /* at this size nothing more is set aside */
	double keep_for;   /* seconds that a letter is kept after it was set aside; 0: for ever */
	size_t max_memory; /* bytes of letters that wait for the disk; one more than that fits */
};

struct dead_letter {
	const char *reason; /* a word or two */
	const char *rule;   /* the rule that failed, or NULL */
	const char *rules;  /* hash of the rule set, or NULL */
	const struct journal_sender *sender;
	uint64_t sequence;
	int64_t received;   /* nanoseconds since 1970 */
	struct str record;  /* what is kept of it */
	uint64_t full_size; /* its bytes as it came */
	struct str answer;  /* what the server said, JSON; may be empty */
	struct str id;      /* of its document; may be empty */
};

/*
 * Opens the folder (made when it is not there). kept(ctx, cookie) is called from the loop when a
 * letter is on disk.
 */
struct err *dead_open(struct dead **out, struct ev_loop *loop, const struct dead_config *config,
    void (*kept)(void *ctx, void *cookie), void *ctx) MUST_USE;
/* Could it be opened? Makes and changes nothing. */
struct err *dead_check(const struct dead_config *config) MUST_USE;
/*
 * Takes a letter. It is tried until it is on disk: a full disk delays it, and what depends on it.
 * False when there is no room for it now (memory is out, or many letters wait for the disk): it may
 * come again in a later turn of the loop.
 */
bool dead_put(struct dead *d, const struct dead_letter *letter, void *cookie) MUST_USE;
/* Letters that are not on disk yet. */
size_t dead_pending(const struct dead *d);
/* Lets letters go that were deleted, or kept long enough; call each second. */
void dead_tick(struct dead *d);
/* What is pending is forgotten without a call. NULL is fine. */
void dead_close(struct dead *d);

#endif
