/*
 * dead: the file of dead letters. What cannot become a document is kept here, one JSON line each,
 * with its reason and the raw record, and only counts as kept when it is on disk.
 *
 * Letters are collected while one write is under way, and go out together: one write and one fsync
 * for all of them, on a thread of the pool, so that the loop never waits for the disk.
 */
#ifndef DAEMON_DEAD_H
#define DAEMON_DEAD_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>

struct dead;
struct pool;

struct dead_letter {
	const char *reason; /* a word or two */
	const char *rule;   /* the rule that failed, or NULL */
	const char *rules;  /* hash of the rule set */
	const char *sender; /* identity of the sender */
	const char *from;   /* its address */
	uint64_t sequence;
	int64_t received;   /* nanoseconds since 1970 */
	struct str record;  /* what is kept of it */
	uint64_t full_size; /* its bytes as it came */
	struct str answer;  /* what the server said, JSON; may be empty */
	struct str id;      /* of its document; may be empty */
};

/*
 * Opens the file for appending (0600; made when it is not there; the last line is ended when a
 * crash cut it). kept(ctx, cookie) is called from the loop when a letter is on disk.
 */
struct err *dead_open(struct dead **out, struct pool *pool, const char *file, uint64_t max_bytes,
    void (*kept)(void *ctx, void *cookie), void *ctx) MUST_USE;
/* Could the file be opened? Makes and changes nothing. */
struct err *dead_check(const char *file) MUST_USE;
/*
 * Takes a letter. It is tried until it is on disk: a full disk delays it, and what depends on it.
 * False when there is no room for it now (memory is out, or many letters wait for the disk): it may
 * come again in a later turn of the loop.
 */
bool dead_put(struct dead *d, const struct dead_letter *letter, void *cookie) MUST_USE;
/* Letters that are not on disk yet. */
size_t dead_pending(const struct dead *d);
/* Tries again what failed, on the file that now has the name; call now and then. */
void dead_tick(struct dead *d);
/* What is pending is forgotten without a call. NULL is fine. */
void dead_close(struct dead *d);

#endif
