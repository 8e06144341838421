/*
 * writer: puts pending entries into the newest segment, and begins new ones. Runs on a thread; one
 * call at a time.
 *
 * What a disk refused once is never trusted: after a failed write or sync the segment ends behind
 * what was stored before, and the entries go into a new one, from memory.
 */
#ifndef JOURNAL_WRITER_H
#define JOURNAL_WRITER_H

#include "journal/format.h"
#include "journal/pending.h"
#include "journal/storage.h"

struct writer_sender;

struct writer {
	const struct storage *storage;
	int folder;
	uint64_t segment_bytes;
	uint64_t reserve;
	/* The newest segment. Its header's previous_* are those of the next one when fd is -1. */
	int fd; /* -1: the next commit begins one */
	struct format_header header;
	char name[FORMAT_NAME_SIZE];
	uint64_t good; /* bytes that are on disk for good */
	uint64_t size; /* bytes that were written */
	/* The last segment in which anything is stored. */
	uint64_t last_first, last_end;
	uint32_t last_attempt;
	/* Senders of this segment. */
	uint64_t serial;
	struct writer_sender *senders;
	size_t senders_len, senders_room;
	uint32_t *slots; /* numbers + 1, by hash */
	size_t slots_room;
	/* Bytes on their way to the file. */
	uint8_t *out;
	size_t out_len, out_room;
};

enum writer_status {
	WRITER_DONE,  /* something is stored, perhaps not everything */
	WRITER_LIMIT, /* the next entry is beyond the limit */
	WRITER_FULL,  /* the disk is full, or has only its reserve */
	WRITER_FAULT,
};

struct writer_batch {
	struct pending_block *blocks; /* stored records are taken from them */
	uint64_t budget;              /* bytes that may be written */
	uint64_t cursor;              /* for the header of a new segment */
	bool renew;                   /* begin a new segment */
	/* the answer */
	enum writer_status status;
	int error;       /* errno */
	bool began;      /* header and name are those of a new segment, which has something */
	uint64_t stored; /* records */
	uint64_t below;  /* everything below is stored; set when stored > 0 */
	uint64_t bytes;  /* written and stored */
	unsigned syncs, faults;
};

void writer_init(struct writer *w, const struct storage *storage, int folder);
void writer_commit(struct writer *w, struct writer_batch *batch);
/* Ends the segment; the next commit begins another. */
void writer_end(struct writer *w);
void writer_fini(struct writer *w);

#endif
