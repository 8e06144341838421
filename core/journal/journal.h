/*
 * journal: records on disk, in the order in which they came, from their arrival until long after
 * their fate is known.
 *
 * Entries are numbered one by one, from 1, for the life of the journal; the number of an entry is
 * its place. They stand in segments, files of one folder that are only ever appended to. A cursor
 * says below which number every record has a fate; what lies beyond it is read again after a
 * crash. See etc/doc/journal.md for the bytes.
 *
 * One loop owns a journal. Disks are slow: everything that touches one runs on the journal's own
 * threads, and comes back through the handler. Group commit: one fsync at a time, for all that was
 * appended meanwhile.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct ev_loop;
struct journal;
struct storage;

/* Texts are borrowed for the journal's life. */
struct journal_config {
	const char *directory;  /* private, 0700; made when it is not there */
	uint64_t segment_bytes; /* a new segment begins at that size */
	uint64_t max_bytes;     /* of all segments together; the largest record has to fit */
	uint64_t reserve;       /* free bytes that are left to the disk's other users */
	uint64_t last_part;     /* bytes of both that only journal_finish() gives free */
	/* Segments behind the cursor are kept that long and up to that size together: the archive. */
	double keep_for;               /* seconds; 0: not at all */
	uint64_t keep_bytes;           /* 0: no limit but max_bytes */
	uint64_t max_memory;           /* bytes that wait for the disk, or were read from it */
	const struct storage *storage; /* storage.h; NULL: the system's */
};

/* Who sent a record; written once a segment. An empty text: not known. */
struct journal_sender {
	struct str name; /* identity: principal's host, or address */
	struct str from; /* address of this connection */
	struct str host; /* authenticated name */
	struct str principal;
	struct str group;
};

/*
 * A record as it is appended and as it is read. note is JSON that belongs to the entry (why it was
 * set aside); empty for a record that came over the wire.
 */
struct journal_entry {
	uint64_t number; /* when read */
	const struct journal_sender *sender;
	uint64_t sequence;
	int64_t received;   /* nanoseconds since 1970 */
	uint64_t full_size; /* bytes of the whole record; more than bytes.len when it was cut */
	struct str bytes;
	struct str note;
};

struct journal_handler {
	/* Every entry below this number is on disk, for good. From the loop. */
	void (*stored)(void *ctx, uint64_t below);
	/*
	 * The disk takes nothing now (reason: full, limit, fault), or takes again (NULL). What was
	 * appended stays in memory and is tried again; nothing is reported stored meanwhile.
	 */
	void (*stalled)(void *ctx, const char *reason);
	void *ctx;
};

/*
 * Opens the folder, locks it (a second instance is refused), recovers: cuts a torn tail, sets
 * damage aside and counts it. Always comes back within seconds.
 */
struct err *journal_open(struct journal **out, struct ev_loop *loop,
    const struct journal_config *config, const struct journal_handler *handler) MUST_USE;
/* Could it be opened? Makes, locks and changes nothing. */
struct err *journal_check(const struct journal_config *config) MUST_USE;
/*
 * Appends a copy of the entry; its number, or 0 when there is no memory for it now (max_memory
 * bytes wait for the disk). It is written as soon as the disk is free.
 */
uint64_t journal_append(struct journal *j, const struct journal_entry *entry) MUST_USE;
/*
 * We are about to stop: from now on, what is pending and what still comes may use the last part of
 * the room. Whoever gets no acknowledgement before we go may never come back.
 */
void journal_finish(struct journal *j);
/* The number that the next entry will get. */
uint64_t journal_next(const struct journal *j);
/* Entries below this one are on disk. */
uint64_t journal_stored(const struct journal *j);
/* The first entry whose fate is not known, as it was found, then as it was moved to. */
uint64_t journal_cursor(const struct journal *j);
/*
 * Everything below has a fate. The cursor is written soon, off the loop; segments that nobody
 * needs any more go by age and size. Numbers only grow; smaller ones are ignored.
 */
void journal_move_cursor(struct journal *j, uint64_t below);
/* Time of receipt of the oldest entry at or beyond the cursor; 0: there is none. */
int64_t journal_oldest(const struct journal *j);

/*
 * Reads stored entries from `number` on, about `bytes` of them, on a thread. done() is called once
 * from the loop (never from here) with what was found; the entries live until it returns. Fewer
 * entries than expected, with gaps where damage was, are normal; count 0: nothing stored from there
 * on. `after`: where to go on; when it is still `number`, with no entry, the disk failed, and the
 * same may be asked again. One fetch at a time: false when one is under way.
 */
bool journal_fetch(struct journal *j, uint64_t number, size_t bytes,
    void (*done)(void *ctx, const struct journal_entry *entries, size_t count, uint64_t after),
    void *ctx) MUST_USE;

struct journal_counters {
	uint64_t appended, stored;
	uint64_t bytes;        /* written */
	uint64_t syncs;        /* fsyncs of data */
	uint64_t write_faults; /* writes and fsyncs that failed */
	uint64_t damaged;      /* stretches set aside at the recovery, or found while reading */
	uint64_t damaged_bytes, torn_bytes;
	uint64_t segments, disk_bytes; /* now */
	uint64_t expired;              /* segments removed by age or size */
	const char *stalled;           /* why the disk takes nothing now; NULL: it does */
};
void journal_counters(const struct journal *j, struct journal_counters *out);

/*
 * Writes what is pending if the disk lets it, and the cursor, and closes; calls nothing back. NULL
 * is fine.
 */
void journal_close(struct journal *j);

#endif
