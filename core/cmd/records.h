/* records: the records of several trail files, one after the other, all of them kept in memory. */
#ifndef CMD_RECORDS_H
#define CMD_RECORDS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "bsm/trail.h"

struct records_file;

/* Begins zeroed, with damaged and ctx set. */
struct records {
	/* Tells of what is no record; reading goes on behind it. */
	void (*damaged)(void *ctx, const char *file, const struct trail_item *item);
	void *ctx;
	uint64_t bytes; /* of all files */

	struct records_file *files;
	size_t count, current;
	bool begun;         /* the current file is being read … */
	struct trail trail; /* … and that far */
};

/* Opens all of the files, "-" being standard input. The names are borrowed. */
struct err *records_open(struct records *r, int count, char **names) MUST_USE;
/* The next record, which stays where it is to the program's end; false when there is none. */
bool records_next(struct records *r, struct str *out);
/* Forgets the files, not their bytes: records may still be on their way. */
void records_close(struct records *r);

#endif
