/* inside: the struct behind journal.h, and how its parts speak to each other. Loop's thread only. */
#ifndef JOURNAL_INSIDE_H
#define JOURNAL_INSIDE_H

#include <ev.h>

#include "base/clock.h"
#include "base/pool.h"
#include "journal/cursor.h"
#include "journal/folder.h"
#include "journal/gone.h"
#include "journal/journal.h"
#include "journal/marks.h"
#include "journal/pending.h"
#include "journal/walk.h"
#include "journal/writer.h"

/* A segment in which something is stored. */
struct segment {
	char name[FORMAT_NAME_SIZE];
	struct format_header header;
	uint64_t end; /* bytes that count */
	int64_t to;   /* when its last entry was received, about */
};

/* Writes what is pending. */
struct commit {
	struct pool_job job;
	struct writer_batch batch;
	uint64_t used; /* bytes of the journal when it began */
	bool busy;
};

/* Writes the cursor and removes segments. */
#define CHORES_NAMES 64
struct chores {
	struct pool_job job;
	bool busy;
	/* asked */
	bool write;
	struct cursor cursor;
	size_t victims;
	char names[CHORES_NAMES][FORMAT_NAME_SIZE];
	bool look_gone; /* read the list of deleted entries */
	uint64_t first; /* number of the first entry that there is */
	/* answered */
	bool wrote;
	size_t removed;
	int error;
};

/* Reads the backlog. */
struct fetch {
	struct pool_job job;
	bool busy;
	uint64_t number;
	size_t bytes;
	void (*done)(void *ctx, const struct journal_entry *entries, size_t count, uint64_t after);
	void *ctx;
	/* asked: which segment, and where the next one begins */
	bool any;
	struct segment segment;
	uint64_t until;
	/* answered */
	struct journal_entry *entries;
	size_t count, room;
	bool over; /* the segment's end was reached */
	uint64_t damaged, damaged_bytes;
	struct walk_stretch damage; /* the first of them */
	int error;
	ev_timer later; /* the answer that a disk failed */
	uint64_t failed_at;
	int64_t failed_since;
	/* the thread's: where it stopped last */
	int fd;
	struct walk walk;
	struct gone gone;
};

struct journal {
	struct journal_config config;
	struct journal_handler handler;
	const struct storage *storage;
	struct ev_loop *loop;
	int folder, lock;
	struct pool *front, *back; /* one thread each: writing, and everything else */
	uint64_t next, stored;
	struct cursor cursor;  /* as it was moved */
	uint64_t cursor_saved; /* as it is on disk */
	uint64_t cursor_asked; /* as it shall stand when so much is stored */
	struct pending pending;
	struct segment *segments; /* in order */
	size_t segments_len, segments_room;
	struct marks fresh, backlog;
	struct writer writer;
	struct commit commit;
	struct chores chores;
	struct fetch fetch;
	struct gone gone; /* the chores' */
	ev_prepare turn;  /* never started: fed, to commit at the end of this turn of the loop */
	ev_timer retry;
	ev_timer tick;
	unsigned ticks; /* since the last look at what was deleted */
	double pause;   /* before the next retry */
	bool opened, finishing;
	struct journal_counters counters;
};

/* recover.c: fills segments, numbers, cursor and counters from the folder. */
struct err *journal_recover(struct journal *j) MUST_USE;

/* commit.c */
void commit_init(struct journal *j);
/* Soon, when there is something and the disk is not known to refuse. */
void commit_soon(struct journal *j);
/* Now, though the disk refused a moment ago. */
void commit_retry(struct journal *j);
/* Ends the job, writes what is left as far as the disk takes it. */
void commit_close(struct journal *j);

/* chores.c */
void chores_init(struct journal *j);
/* Writes the cursor if it moved, removes what nobody needs; pressed: the disk has no room. */
void chores_start(struct journal *j);
void chores_close(struct journal *j);

/* fetch.c */
void fetch_close(struct journal *j);

/* segments.c */
/* Nanoseconds since then; times come from a disk and may be anything. */
int64_t segments_age(int64_t then);
bool segments_add(struct journal *j, const struct segment *s) MUST_USE;
/* Removes the first n from the list. */
void segments_drop(struct journal *j, size_t n);
/* The segment in which the number is, or would be: the last one that begins at or before it. */
size_t segments_find(const struct journal *j, uint64_t number);
/* One behind the last number of a segment. */
uint64_t segments_after(const struct journal *j, size_t i);

#endif
