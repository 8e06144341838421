/* outbox: a ring that grows. */
#include "wire/outbox.h"

#include <stdlib.h>

#define ROOM_LEAST 64

static struct outbox_item *
item_of(const struct outbox *o, uint64_t number)
{
	return &o->items[number & (o->room - 1)];
}

void
outbox_init(struct outbox *o, uint64_t first_number)
{
	*o =
	    (struct outbox){ .first = first_number, .next = first_number, .to_send = first_number };
}

void
outbox_fini(struct outbox *o)
{
	free(o->items);
	o->items = NULL;
	o->room = 0;
}

static bool
grow(struct outbox *o)
{
	struct outbox wide = *o;

	wide.room = o->room == 0 ? ROOM_LEAST : o->room * 2;
	if (wide.room == 0 ||
	    (wide.items = malloc((size_t)wide.room * sizeof(*wide.items))) == NULL)
		return false;
	for (uint64_t i = o->first; i != o->next; i++)
		*item_of(&wide, i) = *item_of(o, i);
	free(o->items);
	*o = wide;
	return true;
}

bool
outbox_put(struct outbox *o, struct str record)
{
	if (UNLIKELY(o->next - o->first == o->room) && !grow(o))
		return false;
	*item_of(o, o->next++) = (struct outbox_item){ .record = record };
	o->outstanding++;
	return true;
}

struct outbox_item *
outbox_send(struct outbox *o, uint64_t *number)
{
	while (o->to_send != o->next) {
		struct outbox_item *item = item_of(o, o->to_send);

		*number = o->to_send++;
		if (!item->done)
			return item;
	}
	return NULL;
}

void
outbox_rewind(struct outbox *o)
{
	o->to_send = o->first;
}

struct outbox_item *
outbox_find(struct outbox *o, uint64_t number)
{
	struct outbox_item *item;

	/* Differences, so that numbers may run over. */
	if (number - o->first >= o->to_send - o->first)
		return NULL;
	item = item_of(o, number);
	return item->done ? NULL : item;
}

void
outbox_done(struct outbox *o, struct outbox_item *item)
{
	item->done = true;
	o->outstanding--;
	while (o->first != o->next && item_of(o, o->first)->done) {
		if (o->to_send == o->first)
			o->to_send++;
		o->first++;
	}
}
