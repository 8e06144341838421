/* resends: a ring of digests with a slot for each number. */
#include "daemon/resends.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_ROOM 64
#define MOST_ROOM  65536

void
resends_fini(struct resends *r, struct resends_budget *budget)
{
	budget->used -= r->room * sizeof(*r->slots);
	free(r->slots);
	*r = (struct resends){ 0 };
}

static struct resend *
slot_of(const struct resends *r, uint64_t sequence)
{
	return r->room == 0 ? NULL : &r->slots[sequence & (r->room - 1)];
}

enum resend_status
resends_find(const struct resends *r, uint64_t sequence, const uint8_t digest[IDENTITY_DIGEST],
    struct resend **out)
{
	struct resend *slot = slot_of(r, sequence);

	if (slot == NULL || !slot->is_used || slot->sequence != sequence)
		return RESEND_NEW;
	if (memcmp(slot->digest, digest, IDENTITY_DIGEST) != 0)
		return RESEND_OTHER;
	*out = slot;
	return RESEND_KNOWN;
}

/* Twice as much, if that is within everybody's share. */
static void
grow(struct resends *r, struct resends_budget *budget)
{
	size_t room = r->room == 0 ? LEAST_ROOM : r->room * 2;
	size_t share = budget->most / (budget->sharers > 0 ? budget->sharers : 1);
	size_t more = (room - r->room) * sizeof(*r->slots);
	struct resend *slots;

	if (room > MOST_ROOM || budget->used + more > budget->most ||
	    (r->room > 0 && room * sizeof(*slots) > share) ||
	    (slots = calloc(room, sizeof(*slots))) == NULL)
		return;
	for (size_t i = 0; i < r->room; i++)
		if (r->slots[i].is_used)
			slots[r->slots[i].sequence & (room - 1)] = r->slots[i];
	free(r->slots);
	budget->used += more;
	r->slots = slots;
	r->room = room;
}

void
resends_note(struct resends *r, struct resends_budget *budget, const struct resend *record)
{
	struct resend *slot = slot_of(r, record->sequence);

	if (slot == NULL || (slot->is_used && slot->sequence != record->sequence)) {
		grow(r, budget);
		if ((slot = slot_of(r, record->sequence)) == NULL)
			return;
	}
	*slot = *record;
	slot->is_used = 1;
}

static struct resend *
slot_with(const struct resends *r, uint64_t sequence, const struct item *item)
{
	struct resend *slot = slot_of(r, sequence);

	return slot != NULL && slot->is_used && slot->item == item ? slot : NULL;
}

void
resends_settle(struct resends *r, uint64_t sequence, const struct item *item)
{
	struct resend *slot = slot_with(r, sequence, item);

	if (slot != NULL)
		slot->item = NULL;
}

void
resends_forget(struct resends *r, uint64_t sequence, const struct item *item)
{
	struct resend *slot = slot_with(r, sequence, item);

	if (slot != NULL)
		slot->is_used = 0;
}
