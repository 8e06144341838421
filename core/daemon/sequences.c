/* sequences: gaps, what fills them late, and restarts. */
#include "daemon/sequences.h"

#define KERNEL_GAP_MOST (UINT32_C(1) << 31) /* a step back, beyond */

static void
restart(struct sequences *s, uint64_t number)
{
	s->restarts++;
	s->before = s->highest;
	s->before_missing = s->missing;
	s->first = s->highest = number;
	s->kernel_begun = false;
}

/* Its count begins with 1: what came before its first record did not come here. */
static uint64_t
found_after_restart(struct sequences *s, uint64_t number)
{
	restart(s, number);
	if (number <= 1)
		return 0;
	s->missing += number - 1;
	return number - 1;
}

uint64_t
sequences_note(struct sequences *s, uint64_t number, bool other, uint64_t reach)
{
	uint64_t gap;

	if (!s->begun) {
		s->begun = true;
		s->first = s->highest = number;
		return 0;
	}
	if (number == s->highest + 1 || (number == 0 && s->highest == UINT32_MAX)) {
		s->highest = number;
		return 0;
	}
	if (number > s->highest) {
		if (s->before != 0 && number == s->before + 1) {
			/* It was no restart, but a resend from longer ago than we remember. */
			s->restarts--;
			s->missing = s->before_missing;
			s->before = 0;
			s->highest = number;
			return 0;
		}
		gap = number - s->highest - 1;
		s->highest = number;
		s->missing += gap;
		return gap;
	}
	if (number <= 1 || other)
		return found_after_restart(s, number);
	if (s->highest - number < reach) { /* it is late: over a connection from before, say */
		if (number < s->first)
			s->first = number;
		else if (s->missing > 0)
			s->missing--;
		return 0;
	}
	restart(s, number); /* or a very old resend: nothing is said to be missing */
	return 0;
}

uint64_t
sequences_note_kernel(struct sequences *s, uint64_t number, uint32_t kernel)
{
	uint32_t kernel_step = kernel - s->kernel_last;
	uint64_t step = number - s->kernel_at, gap = 0;

	if (s->kernel_begun && number <= s->kernel_at) {
		/*
		 * Late, unless auditd counts anew. Records of before may have been looked at after
		 * that was noticed, so it has to be seen here, too.
		 */
		if (number > 1 && (kernel_step == 0 || kernel_step >= KERNEL_GAP_MOST))
			return 0;
		s->kernel_begun = false;
	} else if (s->kernel_begun && kernel_step == 0)
		return 0;
	if (s->kernel_begun && kernel_step < KERNEL_GAP_MOST && kernel_step > step)
		gap = kernel_step - step;
	s->kernel_begun = true;
	s->kernel_last = kernel;
	s->kernel_at = number;
	s->kernel_missing += gap;
	return gap;
}

uint64_t
sequences_join(struct sequences *s, const struct sequences *old)
{
	uint64_t gap = 0;

	s->missing += old->missing;
	s->restarts += old->restarts;
	if (!s->begun || !old->begun) {
		if (old->begun) {
			s->begun = true;
			s->first = old->first;
			s->highest = old->highest;
		}
		return 0;
	}
	if (s->first > old->highest + 1) {
		gap = s->first - old->highest - 1;
		s->missing += gap;
	} else if (s->first <= 1 && old->highest > s->first)
		s->restarts++;
	return gap;
}
