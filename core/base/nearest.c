/* nearest: words by the number of edits between them. */
#include "base/nearest.h"

#define WORD_MOST 64 /* longer words are compared by their beginnings */

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned
edits(struct str a, struct str b)
{
	unsigned row[WORD_MOST + 1], diagonal, above;
	size_t a_len = a.len < WORD_MOST ? a.len : WORD_MOST,
	       b_len = b.len < WORD_MOST ? b.len : WORD_MOST;

	for (unsigned k = 0; k <= b_len; k++)
		row[k] = k;
	for (size_t i = 1; i <= a_len; i++) {
		diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t k = 1; k <= b_len; k++) {
			above = row[k];
			row[k] = least(least(row[k] + 1, row[k - 1] + 1),
			    diagonal + (a.at[i - 1] != b.at[k - 1]));
			diagonal = above;
		}
	}
	return row[b_len];
}

void
nearest_offer(struct nearest *n, struct str word)
{
	unsigned distance = edits(n->to, word);

	if (n->best.at == NULL || distance < n->distance) {
		n->best = word;
		n->distance = distance;
	}
}
