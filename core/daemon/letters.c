/* letters: records on their way to the dead letters. */
#include "base/log.h"
#include "daemon/pipeline_inside.h"

static bool
put(struct item *item, const struct dead_letter *why)
{
	struct dead_letter letter = *why;

	letter.sender = &item->source->names;
	letter.sequence = item->sequence;
	letter.received = item->received;
	letter.record = (struct str){ item->bytes, item->len };
	letter.full_size = item->full_size;
	return dead_put(item->pipeline->rooms.dead, &letter, item);
}

void
letters_put(struct item *item, const struct dead_letter *why)
{
	struct pipeline *p = item->pipeline;

	if (item->has_letter) { /* one will do */
		work_settled(item, FATE_DEAD);
		return;
	}
	item->has_letter = true;
	item->reason = reasons_get(&p->senders.reasons, FATE_DEAD, why->rule, why->reason);
	if (p->letters == NULL && put(item, why))
		return;
	if (p->letters == NULL) {
		p->last_letter = &p->letters;
		log_warn(
		    "dead_letters_wait", log_i("pending", (int64_t)dead_pending(p->rooms.dead)));
	}
	item->letter = why->reason;
	item->next_letter = NULL;
	*p->last_letter = item;
	p->last_letter = &item->next_letter;
}

void
letters_retry(struct pipeline *p)
{
	struct item *item;

	while ((item = p->letters) != NULL &&
	       put(item, &(struct dead_letter){ .reason = item->letter })) {
		p->letters = item->next_letter;
		item->letter = NULL;
	}
}
