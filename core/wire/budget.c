/* budget: three levels with a gap between going up and down. */
#include "wire/budget.h"

static enum budget_level
level_of(const struct budget *b)
{
	if (b->total >= b->cap || (b->level == BUDGET_FULL && b->total >= b->cap / 16 * 15))
		return BUDGET_FULL;
	if (b->total >= b->cap / 8 * 7 || (b->level != BUDGET_FREE && b->total >= b->cap / 4 * 3))
		return BUDGET_TIGHT;
	return BUDGET_FREE;
}

bool
budget_count(struct budget *b, uint64_t before, uint64_t after)
{
	enum budget_level was = b->level;

	b->total += after - before;
	b->level = level_of(b);
	return b->level < was;
}

bool
budget_may_read(
    const struct budget *b, uint64_t records, uint64_t held, unsigned senders, bool stopped)
{
	uint64_t own = stopped ? b->cap_sender / 4 * 3 : b->cap_sender;

	if (records >= own || b->level == BUDGET_FULL)
		return false;
	return b->level == BUDGET_FREE || held < b->cap / (senders > 0 ? senders : 1);
}
