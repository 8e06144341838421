/*
 * fault: whose fault a refused item of a bulk answer is: the document's, the destination's, or
 * the moment's.
 *
 * Pure. Tried against Elasticsearch 7 to 9 and OpenSearch 1 to 3, which differ in types and
 * wording.
 */
#ifndef OUTPUT_FAULT_H
#define OUTPUT_FAULT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

enum fault {
	FAULT_STORED,     /* none: stored now */
	FAULT_STORED_BAD, /* stored, but in the server's failure store */
	FAULT_EXISTS,     /* the id was there: stored before */
	FAULT_BUSY,       /* the moment: too much at once; again, slower */
	FAULT_MOMENT,     /* the moment: again */
	FAULT_GONE, /* the index went away meanwhile: again, a few times; then the destination's */
	FAULT_RACE, /* perhaps the document's: once more unchanged, then as FAULT_DOCUMENT */
	FAULT_DOCUMENT,    /* the document's; `field` says which part, or is empty */
	FAULT_HOPELESS,    /* the document's, and no repair helps */
	FAULT_DESTINATION, /* the index or cluster takes nothing as it is: pause, alarm */
	FAULT_DISK,        /* the same: the server's disk is full */
	FAULT_NAME,        /* the name of the index is invalid */
	FAULT_UNKNOWN,     /* nobody knows: again for a limited time */
};

struct fault_view {
	enum fault fault;
	const char *word; /* from a short fixed list, for counters; never holds the server's text */
	const char *cure; /* what an operator should do; NULL where nothing helps */
};

/*
 * Judges one item. `error` is the value of its member `error` as JSON (an object, a string,
 * null), perhaps cut off at its end, or empty. The path of the field that is to blame is appended
 * to `field` where one is named; `type` gets the error's type (letters, digits and _ only, so it
 * may be logged).
 */
struct fault_view fault_of_item(
    unsigned status, struct str error, struct buf *field, struct buf *type);

#endif
