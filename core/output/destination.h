/*
 * destination: the indices that documents go to, each with its state: open, or paused for a fault
 * of its own.
 *
 * A destination lives while something refers to it or while it is paused; the table forgets the
 * others when it grows.
 */
#ifndef OUTPUT_DESTINATION_H
#define OUTPUT_DESTINATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/str.h"

struct batch;

struct batch_list {
	struct batch *first, *last;
};

struct destination {
	struct str name;
	/* how its action lines begin: {"create":{"_index":"NAME","_id":" */
	struct str line;
	struct str overwrite;     /* the same with "index", which writes over what is there */
	struct destination *next; /* in its chain of the table */
	uint64_t hash;
	size_t refs;  /* documents on their way to it */
	size_t falls; /* documents that go there if the name of theirs is invalid */

	bool paused;
	bool probing;      /* one of its documents is under way to see whether it is open again */
	unsigned refusals; /* in a row, for the back-off */
	unsigned probes;   /* for taking another document each time */
	int64_t due;       /* when to probe next */
	int64_t alarmed;   /* when an alarm was last given */
	uint64_t passed;   /* the answer, by number, that last stored something here */

	struct batch_list parked;
	bool gave_back; /* more than these wait for it elsewhere */
};

#define DESTINATION_CHAINS 256

struct destinations {
	struct destination *chains[DESTINATION_CHAINS];
	struct destination *recent; /* the one that was asked for last; neighbours share it */
	size_t count, paused;
};

/* The destination of that name, made if it is new. NULL: out of memory. Gives no reference. */
struct destination *destination_get(struct destinations *d, struct str name) MUST_USE;
/* Frees all; nothing may refer to them. */
void destinations_fini(struct destinations *d);

#endif
