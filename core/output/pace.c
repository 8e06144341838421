/* pace: the arithmetic of waiting and of going faster. */
#include "output/pace.h"

#define HOLD_BASE (CLOCK_SECOND / 20)
#define HOLD_MOST (30 * CLOCK_SECOND)
#define WAIT_MOST 300.0 /* seconds: a server that asks for more is not believed */

int64_t
backoff_delay(struct jitter *j, unsigned tries, int64_t base, int64_t most)
{
	int64_t bound = tries > 30 || base > most >> tries ? most : base << tries;

	return CLOCK_SECOND / 1000 + (int64_t)(jitter_next(j) % (uint64_t)bound);
}

void
pace_init(struct pace *p, unsigned most)
{
	*p = (struct pace){ .allowed = most, .most = most };
}

bool
pace_allows(const struct pace *p, unsigned in_flight, int64_t now)
{
	return now >= p->hold && in_flight < (unsigned)p->allowed;
}

void
pace_went_well(struct pace *p)
{
	p->busy = 0;
	p->hold = 0;
	p->allowed += 1.0 / p->allowed;
	if (p->allowed > p->most)
		p->allowed = p->most;
}

void
pace_wait(struct pace *p, int64_t now, double seconds)
{
	int64_t hold;

	if (!(seconds > 0))
		return;
	hold = now + (int64_t)((seconds < WAIT_MOST ? seconds : WAIT_MOST) * (double)CLOCK_SECOND);
	if (hold > p->hold)
		p->hold = hold;
}

void
pace_too_much(struct pace *p, struct jitter *j, int64_t sent, int64_t now, double wait)
{
	int64_t hold;

	/* Requests that were under way together are one sign, not many. */
	if (sent >= p->lowered) {
		p->allowed = p->allowed / 2 < 1 ? 1 : p->allowed / 2;
		p->lowered = now;
		hold = now + backoff_delay(j, p->busy, HOLD_BASE, HOLD_MOST);
		if (p->busy < 31)
			p->busy++;
		if (hold > p->hold)
			p->hold = hold;
	}
	pace_wait(p, now, wait);
}
