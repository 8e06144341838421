/* returned: records that went back to the journal, as their index took nothing, and the way back. */
#include "daemon/pipeline_inside.h"

bool
returned_has_room(struct pipeline *p, uint64_t place)
{
	return places_reserve(&p->returned.places, p->prefix.base, place);
}

void
returned_add(struct pipeline *p, uint64_t place)
{
	struct returned *r = &p->returned;

	places_add(&r->places, place);
	r->count++;
	if (r->below <= place)
		r->below = place + 1;
	p->backlog.stuck = false;
}

void
returned_want(struct pipeline *p)
{
	p->returned.wanted = true;
}

bool
returned_is_due(struct pipeline *p)
{
	struct returned *r = &p->returned;

	if (r->count == 0)
		r->wanted = false;
	if (r->at >= r->to && r->wanted) {
		r->wanted = false;
		r->at = p->prefix.base;
		r->to = r->below;
	}
	/* What has no fate is never below the base; a walk may stand there. */
	if (r->at < p->prefix.base)
		r->at = p->prefix.base;
	if (r->at < r->to)
		r->at = places_next(&r->places, r->at, r->to);
	return r->at < r->to && r->at < journal_stored(p->rooms.journal);
}

static void
forget(struct returned *r, uint64_t place)
{
	places_remove(&r->places, place);
	r->count--;
}

/* Nothing was found at these, so far as they were returned. */
static void
skip(struct pipeline *p, uint64_t from, uint64_t to)
{
	struct returned *r = &p->returned;

	while ((from = places_next(&r->places, from, to)) < to) {
		forget(r, from);
		backlog_damaged(p, from, 1);
		if (from < p->prefix.base) /* the ring has no room for what lies below */
			from = p->prefix.base;
	}
}

static bool
take(struct pipeline *p, const struct journal_entry *entry)
{
	struct item *item;

	if (entry->number < p->prefix.base || !places_has(&p->returned.places, entry->number))
		return true;
	if ((item = backlog_queue(p, entry)) == NULL)
		return false;
	item->returned = true;
	forget(&p->returned, entry->number);
	return true;
}

static void
fetched(void *ctx, const struct journal_entry *entries, size_t count, uint64_t after)
{
	struct pipeline *p = ctx;
	struct returned *r = &p->returned;
	uint64_t before = r->at;
	bool room = true;

	p->backlog.fetching = false;
	for (size_t i = 0; room && i < count && entries[i].number < r->to; i++) {
		if (entries[i].number < r->at)
			continue;
		skip(p, r->at, entries[i].number);
		r->at = entries[i].number;
		if ((room = take(p, &entries[i])))
			r->at++;
	}
	if (after > r->to)
		after = r->to;
	if (room && r->at < after) {
		skip(p, r->at, after);
		r->at = after;
	}
	p->backlog.stuck = !room && r->at == before;
}

bool
returned_fetch(struct pipeline *p, size_t bytes)
{
	return journal_fetch(p->rooms.journal, p->returned.at, bytes, fetched, p);
}
