/*
 * pledge: what is owed to somebody as soon as a place of a journal is on disk: an acknowledgement
 * to a sender, a word to whoever set a letter aside. First in, first out; places only grow, but for
 * a resend, which may ask for an earlier place and then waits for those before it.
 */
#ifndef DAEMON_PLEDGE_H
#define DAEMON_PLEDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct pledge {
	uint64_t place;
	void *to, *of; /* whom it is owed, whose record it is */
	uint64_t receipt;
};

struct pledges {
	struct pledge *ring;
	size_t room; /* a power of two, or 0 */
	uint64_t first, next;
};

void pledges_fini(struct pledges *p);
/* Makes room for one more; false when memory is out. */
bool pledges_reserve(struct pledges *p) MUST_USE;
/* For which there is room. */
void pledges_add(struct pledges *p, const struct pledge *pledge);
/* Takes the oldest one, if its place lies below; false when there is none. */
bool pledges_take(struct pledges *p, uint64_t below, struct pledge *out) MUST_USE;

static inline size_t
pledges_count(const struct pledges *p)
{
	return (size_t)(p->next - p->first);
}

#endif
