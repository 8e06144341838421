/* shipper_pause: indices that take nothing for now; their documents wait, the others go on. */
#include "base/log.h"
#include "output/shipper_inside.h"

static bool
park(struct shipper *s, const struct batch *b, const struct batch_item *item)
{
	struct batch_list *parked = &item->to->parked;
	struct batch *last = parked->last;

	if (last != NULL && last->count < s->config.max_documents &&
	    last->body.len + batch_item_cost(item) <= s->bytes_most)
		return batch_copy(last, b, item);
	if ((last = shipper_spare(s)) == NULL)
		return false;
	if (!batch_copy(last, b, item)) {
		shipper_retire(s, last);
		return false;
	}
	batch_list_put(parked, last);
	return true;
}

/* What an item costs while it is parked, with the record behind it. */
static size_t
weight(const struct batch_item *item)
{
	return batch_item_cost(item) + item->record_bytes;
}

/* One stays, to find out with it whether the index is open again. */
static bool
must_return(const struct shipper *s, const struct batch_item *item)
{
	return item->record_bytes > 0 && s->config.max_parked > 0 &&
	       s->parked + weight(item) > s->config.max_parked && item->to->parked.first != NULL;
}

bool
shipper_put_away(struct shipper *s, const struct batch *b, struct batch_item *item)
{
	if (must_return(s, item)) {
		item->to->gave_back = true;
		shipper_settle(s, item, &(struct output_settled){ .fate = OUTPUT_GIVEN_BACK });
		return true;
	}
	if (!park(s, b, item))
		return false;
	s->parked += weight(item);
	batch_item_release(item);
	return true;
}

void
shipper_pause(struct shipper *s, struct destination *to, const struct fault_view *view,
    struct str type, int64_t now)
{
	bool fresh = !to->paused;

	if (fresh) {
		to->paused = true;
		s->destinations.paused++;
		to->refusals = 0;
	} else if (now < to->due)
		return; /* items of one answer, or of requests under way together, are one sign */
	to->due = now + backoff_delay(&s->jitter, to->refusals, PAUSE_BASE, PAUSE_MOST);
	if (to->refusals < 31)
		to->refusals++;
	if (fresh || now - to->alarmed >= ALARM_EVERY) {
		to->alarmed = now;
		log_error("index_paused", log_b("index", to->name), log_s("reason", view->word),
		    log_b("type", type), log_s("cure", view->cure));
	}
}

void
shipper_resume(struct shipper *s, struct destination *to)
{
	struct batch *b;

	if (!to->paused)
		return;
	to->paused = false;
	to->refusals = 0;
	s->destinations.paused--;
	log_info("index_resumed", log_b("index", to->name));
	while ((b = batch_list_take(&to->parked)) != NULL) {
		for (size_t i = 0; i < b->count; i++)
			s->parked -= weight(&b->items[i]);
		batch_list_put(&s->ready, b);
	}
	if (to->gave_back) {
		to->gave_back = false;
		s->port.reopened(s->port.ctx);
	}
}

void
shipper_left(struct shipper *s, struct destination *to)
{
	if (to->paused && to->gave_back && to->refs == 0)
		shipper_resume(s, to);
}

void
shipper_park_paused(struct shipper *s, struct batch *b)
{
	size_t stay = 0;

	for (size_t i = 0; i < b->count && stay == 0; i++)
		stay += b->items[i].to->paused;
	if (stay == 0)
		return;
	/* One for which there is no memory goes, and comes back. */
	for (size_t i = 0; i < b->count; i++)
		s->keep[i] = !b->items[i].to->paused || !shipper_put_away(s, b, &b->items[i]);
	batch_compact(b, s->keep);
}

struct batch *
shipper_probe(struct shipper *s, int64_t now)
{
	for (size_t i = 0; i < DESTINATION_CHAINS; i++)
		for (struct destination *to = s->destinations.chains[i]; to != NULL;
		     to = to->next) {
			struct batch *from = to->parked.first, *b;
			size_t at;

			if (!to->paused || to->probing || to->due > now || from == NULL ||
			    (b = shipper_spare(s)) == NULL)
				continue;
			/* Another one each time: one of them may have a fault of its own. */
			at = to->probes++ % from->count;
			if (!batch_copy(b, from, &from->items[at])) {
				shipper_retire(s, b);
				continue;
			}
			s->parked -= weight(&from->items[at]);
			batch_item_release(&from->items[at]);
			for (size_t k = 0; k < from->count; k++)
				s->keep[k] = k != at;
			batch_compact(from, s->keep);
			if (from->count == 0)
				shipper_retire(s, batch_list_take(&to->parked));
			b->alone = true;
			b->probes = to;
			to->probing = true;
			return b;
		}
	return NULL;
}

int64_t
shipper_probe_due(const struct shipper *s)
{
	int64_t due = PACE_NEVER;

	for (size_t i = 0; i < DESTINATION_CHAINS; i++)
		for (struct destination *to = s->destinations.chains[i]; to != NULL; to = to->next)
			if (to->paused && !to->probing && to->parked.first != NULL && to->due < due)
				due = to->due;
	return due;
}
