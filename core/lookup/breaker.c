/* breaker: closed, open, half-open, and how long each time. */
#include "lookup/breaker.h"

#include "base/clock.h"

#define REST_LEAST      CLOCK_SECOND
#define REST_DOUBLINGS  6 /* 64 seconds at most */
#define NOT_READY_PAUSE CLOCK_SECOND

enum breaker_word
breaker_ask(const struct breaker *b, int64_t now)
{
	if (now < b->pause)
		return BREAKER_REST;
	if (!b->resting)
		return BREAKER_GO;
	if (b->trying)
		return BREAKER_WAIT;
	return now < b->until ? BREAKER_REST : BREAKER_TRY;
}

void
breaker_sent(struct breaker *b)
{
	b->trying = b->resting;
}

void
breaker_good(struct breaker *b)
{
	*b = (struct breaker){ 0 };
}

bool
breaker_fault(struct breaker *b, int64_t now, uint32_t jitter)
{
	bool was = b->resting && !b->trying;
	unsigned doublings = b->opened < REST_DOUBLINGS ? b->opened : REST_DOUBLINGS;
	int64_t rest = REST_LEAST << doublings;

	b->faults++;
	if (b->faults < BREAKER_FAULTS || was) /* of one that was sent before it opened */
		return false;
	b->trying = false;
	b->resting = true;
	b->opened++;
	b->until = now + rest + rest / 4 * (int64_t)(jitter & 1023) / 1024;
	return b->opened == 1;
}

void
breaker_not_ready(struct breaker *b, int64_t now)
{
	b->trying = false;
	b->pause = now + NOT_READY_PAUSE;
}
