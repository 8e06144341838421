/*
 * lines_file: a file of lines that is only ever as long as what is safely on disk, and is begun
 * anew when it is large.
 *
 * Blocking; for one thread at a time. What a crash or a failed write left behind is cut off
 * before anything is written. The file is locked, so that two processes do not write to it. Older
 * ones are named PATH.20261122T182541.123456789Z.
 */
#ifndef OUTPUT_LINES_FILE_H
#define OUTPUT_LINES_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct lines_file {
	char *path;
	int fd;
	uint64_t size; /* bytes known to be on disk */
	uint64_t rotate_bytes;
	unsigned rotate_keep;
	bool reopen; /* in: begin a file of this name, whatever became of the old one */

	/* how the last lines_file_append() went */
	int error;        /* errno; 0: it is on disk */
	const char *step; /* what failed */
	bool rotated;
};

/* Opens or makes it (mode 0600). On failure `f` is still to be closed. */
struct err *lines_file_open(
    struct lines_file *f, const char *path, uint64_t rotate_bytes, unsigned rotate_keep) MUST_USE;
/* Could it be opened or made? Changes nothing. */
struct err *lines_file_check(const char *path) MUST_USE;
/*
 * Writes whole lines and waits until they are on disk; see `error`. After a failure the same
 * lines may be given again.
 */
void lines_file_append(struct lines_file *f, struct str lines);
/* Takes a half-opened one too. */
void lines_file_close(struct lines_file *f);

#endif
