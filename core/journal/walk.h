/*
 * walk: goes through one segment's file from entry to entry, and around damage.
 *
 * Memory: a window of the file, and the segment's senders.
 */
#ifndef JOURNAL_WALK_H
#define JOURNAL_WALK_H

#include "journal/format.h"
#include "journal/storage.h"

struct walk {
	const struct storage *storage;
	int fd; /* borrowed */
	struct format_header header;
	uint64_t offset; /* of the next entry */
	uint64_t end;    /* bytes of the file that count */
	uint64_t least;  /* smaller numbers are no entries: they were there before */
	uint64_t until;  /* entries from this number on do not count; UINT64_MAX */
	/* the walk's own */
	uint8_t *window;
	size_t room, len, step; /* step: bytes read at once */
	uint64_t window_at;
	struct journal_sender **senders; /* by number; NULL: not seen */
	size_t senders_len;
	bool searched; /* the whole file was searched for senders */
};

enum walk_status {
	WALK_ENTRY,
	WALK_DAMAGE, /* the stretch is no entry; go on */
	WALK_TAIL,   /* likewise, and nothing behind it is an entry: torn, or still being written */
	WALK_END,
	WALK_FAULT, /* the disk failed (errno), or memory is out */
};

struct walk_stretch {
	uint64_t offset, bytes;
	const char *what;
};

/* From the first entry; bytes of the file from end on do not count. */
void walk_init(struct walk *w, const struct storage *storage, int fd,
    const struct format_header *header, uint64_t end, size_t step);
void walk_fini(struct walk *w);

/* The entry borrows from the window: valid until the next call; its sender as long as the walk. */
enum walk_status walk_next(
    struct walk *w, struct journal_entry *entry, struct walk_stretch *stretch) MUST_USE;
/* The window is read anew, from where the walk stands: it reaches as far as it can. */
void walk_forget(struct walk *w);
/* Would walk_next() answer from the window, so that what was answered before stays valid? */
bool walk_is_near(const struct walk *w);

/*
 * The last entry whose head can be found near the end of the file: its number and time. False:
 * none.
 */
bool walk_last(struct walk *w, uint64_t *number, int64_t *received) MUST_USE;

#endif
