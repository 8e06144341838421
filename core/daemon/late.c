/* late: the list of documents to complete, when each is looked at again, and when given up. */
#include "daemon/late.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/pipeline_inside.h"

#define BYTES_MOST (32u * 1024 * 1024) /* of records that are kept for it */
#define TURN       256                 /* that are taken up at a time */

struct late {
	struct late *next;
	struct item *item;
	int64_t due, until, step; /* steady time: looked at again, given up; what lies between */
	bool again;
	size_t index_len;
	char index[];
};

static size_t
cost(const struct item *item)
{
	return item->len + ITEM_COST + sizeof(struct late) + item->late->index_len;
}

void
late_note(struct pipeline *p, struct item *item, struct str index)
{
	struct lates *all = &p->lates;
	struct late *l;

	if (p->config.complete_within <= 0)
		return;
	if (all->count >= p->config.late_most || all->bytes + item->len > BYTES_MOST ||
	    (l = calloc(1, sizeof(*l) + index.len)) == NULL) {
		all->counters.no_room++;
		return;
	}
	l->item = item;
	l->step = CLOCK_SECOND;
	l->due = clock_steady() + l->step;
	l->until = clock_steady() + (int64_t)(p->config.complete_within * (double)CLOCK_SECOND);
	l->index_len = index.len;
	memcpy(l->index, index.at, index.len);
	item->late = l;
	all->count++;
	all->bytes += cost(item);
	all->counters.noted++;
}

void
late_forget(struct pipeline *p, struct item *item)
{
	if (item->late == NULL)
		return;
	p->lates.count--;
	p->lates.bytes -= cost(item);
	free(item->late);
	item->late = NULL;
}

bool
late_is_again(const struct item *item)
{
	return item->late != NULL && item->late->again;
}

void
late_keep(struct pipeline *p, struct item *item)
{
	struct lates *all = &p->lates;

	work_put_down(item);
	if (all->first == NULL)
		all->last = &all->first;
	item->late->next = NULL;
	item->late->again = true;
	*all->last = item->late;
	all->last = &item->late->next;
}

static void
give_up(struct pipeline *p, struct item *item)
{
	p->lates.counters.given_up++;
	work_let_go(item);
}

void
late_conclude(struct pipeline *p, struct item *item, const struct desk *desk, bool done,
    const struct script_result *result)
{
	struct late *l = item->late;
	struct str index = { l->index, l->index_len };

	if (done && result->verdict == SCRIPT_INDEX && !result->incomplete) {
		if (!str_equal(result->index, index) || !work_put_over(p, item, desk, result))
			give_up(p, item);
		return;
	}
	l->step *= 2;
	l->due = clock_steady() + l->step;
	if (l->due > l->until)
		give_up(p, item);
	else
		late_keep(p, item);
}

void
late_settled(struct item *item, bool taken)
{
	struct pipeline *p = item->pipeline;

	if (!taken) {
		give_up(p, item);
		return;
	}
	p->lates.counters.completed++;
	work_let_go(item);
}

void
late_tick(struct pipeline *p)
{
	struct lates *all = &p->lates;
	struct late **at = &all->first, *l;
	int64_t now = clock_steady();

	for (unsigned n = 0; (l = *at) != NULL && n < TURN;) {
		if (l->due > now) {
			at = &l->next;
			continue;
		}
		if (!work_ready(p) || !output_ready(p->rooms.output))
			return;
		if ((*at = l->next) == NULL)
			all->last = at;
		n++;
		work_take_up(p, l->item); /* may put it back, at the end */
	}
}

void
late_fini(struct pipeline *p)
{
	struct late *l;

	while ((l = p->lates.first) != NULL) {
		p->lates.first = l->next;
		work_hold(l->item);
		work_let_go(l->item);
	}
}
