/* nearest: the word that somebody may have meant, among those that exist. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "base/str.h"

struct nearest {
	struct str to;   /* what was written */
	struct str best; /* at is NULL while nothing was offered */
	unsigned distance;
};

/* Offers a word; the one that takes the fewest edits stays, the first of equals. */
void nearest_offer(struct nearest *n, struct str word);

#endif
