/*
 * gone: the numbers of entries that were deleted one by one, in a file beside the segments. Whoever
 * may write there appends to it, also while a daemon owns the journal; readers pass over what it
 * names.
 */
#ifndef JOURNAL_GONE_H
#define JOURNAL_GONE_H

#include "base/err.h"
#include "journal/storage.h"

struct gone {
	uint64_t *numbers; /* in order */
	size_t len, room;
	uint64_t read; /* bytes of the file that were read */
};

/* Reads what is new in the file; no file, no numbers. False: memory is out or the disk failed. */
bool gone_read(struct gone *g, const struct storage *storage, int folder) MUST_USE;
bool gone_has(const struct gone *g, uint64_t number);
/* How many of the numbers from `first` on and below `after` are gone. */
uint64_t gone_between(const struct gone *g, uint64_t first, uint64_t after);
void gone_fini(struct gone *g);
/*
 * Takes numbers below the first that there is out of the file, when they are many and nobody is
 * deleting just now; then the list is read again. Whatever happens meanwhile, no other number is
 * lost.
 */
void gone_prune(struct gone *g, const struct storage *storage, int folder, uint64_t first);

/* Appends numbers, and syncs. */
struct err *gone_add(
    const struct storage *storage, int folder, const uint64_t *numbers, size_t count) MUST_USE;

#endif
