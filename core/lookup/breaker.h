/*
 * breaker: when a service fails again and again it is left alone for a while, then tried with one
 * request, and left alone for longer when that fails too. Pure; times are nanoseconds of the steady
 * clock.
 */
#ifndef LOOKUP_BREAKER_H
#define LOOKUP_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

#define BREAKER_FAULTS 5 /* in a row, until it opens */

enum breaker_word {
	BREAKER_GO,
	BREAKER_TRY,  /* one request, to see whether it is well again */
	BREAKER_WAIT, /* one such is under way */
	BREAKER_REST, /* nobody is asked now */
};

struct breaker {
	unsigned faults; /* in a row */
	unsigned opened; /* times in a row */
	bool resting;    /* it has opened, and no request has gone well since */
	bool trying;
	int64_t until; /* of the rest */
	int64_t pause; /* a service that is not ready: nothing is asked until then */
};

enum breaker_word breaker_ask(const struct breaker *b, int64_t now) MUST_USE;
/* A request goes out, on GO or TRY. */
void breaker_sent(struct breaker *b);
void breaker_good(struct breaker *b);
/* True: it has opened by this. jitter: any number. */
bool breaker_fault(struct breaker *b, int64_t now, uint32_t jitter);
/* The service said that it is not ready: no fault, and asked again soon. */
void breaker_not_ready(struct breaker *b, int64_t now);

#endif
