/*
 * sequences: what the numbers of one sender's records tell. auditd counts each record that it hands
 * to the plugin, from 1, before the plugin throws it away for a full window: so a number that is
 * left out is a record that was lost at the sender, or went to another receiver, and a step back is
 * a restart of auditd. Old plugins count in 32 bits.
 *
 * The kernel of the sender counts too (policy `seq`), before auditd: numbers left out there beyond
 * those left out by auditd are records that auditd never got.
 */
#ifndef DAEMON_SEQUENCES_H
#define DAEMON_SEQUENCES_H

#include <stdbool.h>
#include <stdint.h>

struct sequences {
	bool begun;
	uint64_t first, highest; /* of this count of auditd's */
	uint64_t missing;        /* numbers that were left out, in all */
	uint64_t restarts;
	uint64_t before;         /* the highest number before the last restart; 0: none … */
	uint64_t before_missing; /* … and what was missing then */

	bool kernel_begun;
	uint32_t kernel_last;
	uint64_t kernel_at;      /* the sender's number of that record */
	uint64_t kernel_missing; /* numbers that the kernel counted and auditd did not, in all */
};

/*
 * A record with this number has come for the first time. other: another record of this number came
 * before. reach: as many numbers below the highest are remembered, so that a resend would have been
 * told. Returns how many numbers were found missing just now.
 */
uint64_t sequences_note(struct sequences *s, uint64_t number, bool other, uint64_t reach);
/* It holds this number of the kernel's. Returns how many were found missing just now. */
uint64_t sequences_note_kernel(struct sequences *s, uint64_t number, uint32_t kernel);
/*
 * What was read back from the journal ended with `old`; s began behind it, while that was still
 * being read.
 */
uint64_t sequences_join(struct sequences *s, const struct sequences *old);

#endif
