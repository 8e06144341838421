/*
 * aside: what is no entry any more is kept in the folder "damaged", for somebody to look at. There
 * is a limit to that.
 */
#ifndef JOURNAL_ASIDE_H
#define JOURNAL_ASIDE_H

#include "journal/format.h"
#include "journal/storage.h"

#define ASIDE_FILES 1000                /* at most so many in the folder … */
#define ASIDE_BYTES ((uint64_t)1 << 20) /* … and so many bytes of one stretch */

/* Moves a whole file; the file may stay where it is when that fails. */
bool aside_file(const struct storage *storage, int folder, const char *name) MUST_USE;
/* Copies a stretch of a segment, once. False: it was known already. */
bool aside_stretch(const struct storage *storage, int folder, int fd, const char *name,
    uint64_t offset, uint64_t bytes) MUST_USE;

#endif
