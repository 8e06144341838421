/*
 * progress: a line on a terminal that tells how far a long command has come; nothing anywhere else.
 */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#define PROGRESS_SIZE 32

struct progress {
	bool shown;          /* stderr is a terminal */
	int64_t began, next; /* clock_steady() */
	uint64_t whole;      /* bytes in all; 0: not known */
};

void progress_begin(struct progress *p, uint64_t whole);
/* Call as often as you like; draws some five times a second. Counted things are named by `what`. */
void progress_step(struct progress *p, uint64_t bytes, uint64_t count, const char *what);
/* Takes the line away. */
void progress_end(struct progress *p);
/* An amount for a person, "44.0 kB", in out[]; returns out. */
const char *progress_size(char out[PROGRESS_SIZE], uint64_t bytes);

#endif
