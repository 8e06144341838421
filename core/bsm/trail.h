/*
 * trail: cuts a trail file into records and file tokens, and finds its way again behind damage.
 *
 * Pure: the caller holds a window of the file's bytes that begins at trail.offset, asks for the
 * next item, and drops as many bytes from the window's front as the item has (trail.offset moves
 * along). Items borrow from the window. The window never has to be larger than twice the largest
 * record and some bytes.
 */
#ifndef BSM_TRAIL_H
#define BSM_TRAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "bsm/record.h"

struct trail {
	uint64_t offset;     /* in the file, of the next item */
	uint32_t record_max; /* bytes */
	uint8_t version;     /* header version of the latest record; 0: none yet */
	bool
	    closed; /* the latest item was a file token: nothing is missing if the file ends here */
};

enum trail_status {
	TRAIL_RECORD, /* at[0..len) is a record */
	TRAIL_FILE,   /* a file token: file and nanoseconds are filled */
	TRAIL_DAMAGE, /* at[0..len) is no record, or one with a wrong length; go on behind it */
	TRAIL_CUT,    /* at[0..len) begins a record or a file token, and the file ends in it */
	TRAIL_MORE,   /* the window must have `len` bytes, or be said to be the last */
	TRAIL_END,    /* the window is empty, and the last */
};

struct trail_item {
	uint64_t offset; /* of the item, in the file */
	const uint8_t *at;
	size_t len;
	const char *reason; /* DAMAGE, CUT: what is wrong at offset */
	struct file_token file;
	uint32_t nanoseconds; /* of the file token's time */
};

void trail_init(struct trail *t, uint32_t record_max);

/* window[0..len) are the file's bytes from t->offset on; `last` says that none follow these. */
enum trail_status trail_next(
    struct trail *t, const uint8_t *window, size_t len, bool last, struct trail_item *out) MUST_USE;

#endif
