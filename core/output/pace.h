/*
 * pace: how long to wait after a failure, and how many requests at a time are good.
 *
 * Pure: times are nanoseconds of a clock that never steps, given by the caller. Back-off is with
 * full jitter: a time chosen evenly between nothing and a bound that doubles. The number of
 * requests grows by one a round trip and is halved when the server says that it is too much.
 */
#ifndef OUTPUT_PACE_H
#define OUTPUT_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define PACE_NEVER INT64_MAX

/* State of the generator of jitter; never 0. */
struct jitter {
	uint64_t state;
};

static inline uint64_t
jitter_next(struct jitter *j)
{
	j->state ^= j->state << 13;
	j->state ^= j->state >> 7;
	j->state ^= j->state << 17;
	return j->state;
}

/* Between 1 ms and the smaller of most and base doubled `tries` times. */
int64_t backoff_delay(struct jitter *j, unsigned tries, int64_t base, int64_t most);

struct pace {
	double allowed; /* requests in flight that seem good, at least 1 */
	unsigned most;
	unsigned busy;   /* "too much" in a row */
	int64_t hold;    /* no new request before this time */
	int64_t lowered; /* when allowed was last halved */
};

void pace_init(struct pace *p, unsigned most);
bool pace_allows(const struct pace *p, unsigned in_flight, int64_t now);
/* A request went well. */
void pace_went_well(struct pace *p);
/* The server asks for so many seconds without a new request. */
void pace_wait(struct pace *p, int64_t now, double seconds);
/*
 * The server said that it is too much; wait: seconds that it asked for, 0 where it did not.
 * `sent` is when the request went out.
 */
void pace_too_much(struct pace *p, struct jitter *j, int64_t sent, int64_t now, double wait);

#endif
