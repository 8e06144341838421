/*
 * startups: who may open one more connection, before anything is known of him but his address.
 * Numbers only: times and random numbers come from the caller.
 */
#ifndef WIRE_STARTUPS_H
#define WIRE_STARTUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct sockaddr;

/*
 * Random early drop. Below `begin` connections that are not authenticated nobody is refused; from
 * there on `rate` percent are, more and more of them up to all at `full`. begin 0: nobody ever is.
 * random: any number, each equally likely.
 */
bool startups_drop(
    unsigned logins, unsigned begin, unsigned rate, unsigned full, uint32_t random) MUST_USE;

/*
 * How often each address has come lately: at most `most` times within a minute, evenly or at once.
 * Of IPv6 addresses the network /64 counts, which belongs to one customer. The table has a fixed
 * size; among too many addresses those are forgotten first that come least often.
 */
struct arrivals;

/* NULL when memory is out. seed: a random number. */
struct arrivals *arrivals_new(unsigned most, uint32_t seed) MUST_USE;
/* One more comes, now (nanoseconds, of a steady clock): may it? One that may not does not count. */
bool arrivals_admit(struct arrivals *a, const struct sockaddr *sa, int64_t now) MUST_USE;
/* NULL is fine. */
void arrivals_free(struct arrivals *a);

#endif
