/* clock: the time of day in nanoseconds, and times as text. UTC only. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

#define CLOCK_SECOND    INT64_C(1000000000)
#define CLOCK_TEXT_SIZE 40 /* room for any text made here, NUL included */

struct clock_date {
	int64_t year; /* proleptic Gregorian; may have more than four digits */
	unsigned month, day, hour, minute, second;
};

/* Nanoseconds since 1970. */
int64_t clock_now(void);
/* Nanoseconds of a clock that never steps; for ages and deadlines. */
int64_t clock_steady(void);

/* The civil date of so many seconds since 1970 (any value). */
void clock_date(int64_t seconds, struct clock_date *out);

/*
 * Writes "2019-09-27T01:39:19.560123456Z" (nine digits) and a NUL; returns the length. The days of
 * late are remembered per thread, since neighbours share them. A year beyond four digits has all of
 * them.
 */
size_t clock_text(int64_t seconds, uint32_t nanoseconds, char out[CLOCK_TEXT_SIZE]);
/* The same with milliseconds, from nanoseconds since 1970. */
size_t clock_text_ms(int64_t nanoseconds, char out[CLOCK_TEXT_SIZE]);
/*
 * Nanoseconds since 1970 of a time as people write it: "2026-03-01", "2026-03-01T12:34",
 * "2026-03-01 12:34:56.5Z"; UTC. What is left out is nought. False when it is none.
 */
bool clock_parse(const char *text, int64_t *out) MUST_USE;

#endif
