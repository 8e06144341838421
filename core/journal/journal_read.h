/*
 * journal_read: reads a journal's folder without owning it: for the subcommands of `auditrecv
 * journal`, also while the daemon writes. No threads, no lock, no change. Damage is passed over
 * and reported.
 */
#ifndef JOURNAL_JOURNAL_READ_H
#define JOURNAL_JOURNAL_READ_H

#include "journal/journal.h"

struct journal_reader;

struct journal_segment {
	const char *file; /* name in the folder */
	uint64_t first;   /* number of its first entry … */
	uint64_t after;   /* … and one behind its last */
	uint64_t bytes;
	int64_t from, to; /* times of receipt of the first and the last */
};

/* A stretch that is no entry. */
struct journal_damage {
	const char *file;
	uint64_t offset, bytes;
	const char *what;
};

struct err *journal_reader_open(struct journal_reader **out, const char *directory) MUST_USE;
uint64_t journal_reader_cursor(const struct journal_reader *r);
size_t journal_reader_segments(const struct journal_reader *r);
void journal_reader_segment(struct journal_reader *r, size_t i, struct journal_segment *out);
/* Goes to the first entry whose number is at least this. */
void journal_reader_seek(struct journal_reader *r, uint64_t number);

enum journal_read_status { JOURNAL_ENTRY, JOURNAL_DAMAGE, JOURNAL_END };
/*
 * The next entry that was not deleted, or damage on the way to it; valid until the next call. END: that is all there is
 * now; more may come while a daemon writes. *why, when the disk itself failed: then END.
 */
enum journal_read_status journal_reader_next(struct journal_reader *r, struct journal_entry *entry,
    struct journal_damage *damage, struct err **why) MUST_USE;
/* Bytes read so far and in all, for progress. */
void journal_reader_progress(const struct journal_reader *r, uint64_t *at, uint64_t *of);
void journal_reader_close(struct journal_reader *r);

/*
 * Deletes entries: from now on nobody reads them. For letters that were dealt with, also while the
 * daemon has the journal open; on disk when it returns. Their bytes stay until their segment goes:
 * by age or size, or when all of its entries were deleted.
 */
struct err *journal_forget(const char *directory, const uint64_t *numbers, size_t count) MUST_USE;

#endif
