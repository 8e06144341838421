/* receipts: a ring that grows; settled ones wait for those before them only to be taken down. */
#include "wire/receipts.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "wire/frame.h"

#define ROOM_LEAST 16
#define ROOM_KEPT  64 /* slots that an idle connection keeps */

enum state { OWED, DUE, DONE };

struct slot {
	uint64_t sequence;
	uint32_t size;
	uint8_t state;
	uint8_t mic_len;
	uint8_t mic[];
};

static struct slot *
slot_of(const struct receipts *r, uint64_t receipt)
{
	return (struct slot *)(void *)(r->slots + (receipt & (r->room - 1)) * r->stride);
}

void
receipts_init(struct receipts *r, size_t mic_max)
{
	size_t align = sizeof(uint64_t);

	*r = (struct receipts){ 0 };
	r->stride = (uint32_t)((offsetof(struct slot, mic) + mic_max + align - 1) / align * align);
}

void
receipts_fini(struct receipts *r)
{
	free(r->slots);
	r->slots = NULL;
	r->room = 0;
}

static bool
grow(struct receipts *r)
{
	struct receipts wide = *r;

	wide.room = r->room == 0 ? ROOM_LEAST : r->room * 2;
	if (wide.room == 0 || (wide.slots = malloc((size_t)wide.room * wide.stride)) == NULL)
		return false;
	for (uint64_t i = r->first; i < r->next; i++)
		memcpy(slot_of(&wide, i), slot_of(r, i), r->stride);
	free(r->slots);
	*r = wide;
	return true;
}

bool
receipts_slot(struct receipts *r, uint8_t **mic)
{
	if (UNLIKELY(r->next - r->first == r->room) && !grow(r))
		return false;
	*mic = slot_of(r, r->next)->mic;
	return true;
}

uint64_t
receipts_take(struct receipts *r, uint64_t sequence, uint32_t size, size_t mic_len)
{
	struct slot *s = slot_of(r, r->next);

	s->sequence = sequence;
	s->size = size;
	s->state = OWED;
	s->mic_len = (uint8_t)mic_len;
	r->owed++;
	return r->next++;
}

/* Forgets what stands done at the front, and the memory of a burst with the last of it. */
static void
drop_done(struct receipts *r)
{
	while (r->first < r->next && slot_of(r, r->first)->state == DONE)
		r->first++;
	if (r->first == r->next && r->room > ROOM_KEPT)
		receipts_fini(r);
}

void
receipts_undo(struct receipts *r)
{
	r->next--;
	r->owed--;
}

bool
receipts_settle(struct receipts *r, uint64_t receipt, bool acknowledge, uint32_t *size)
{
	struct slot *s;

	if (receipt < r->first || receipt >= r->next)
		return false;
	s = slot_of(r, receipt);
	if (s->state != OWED)
		return false;
	*size = s->size;
	r->owed--;
	if (!acknowledge) {
		s->state = DONE;
		drop_done(r);
		return true;
	}
	s->state = DUE;
	if (!receipts_due(r)) {
		r->low = receipt;
		r->high = receipt + 1;
	} else if (receipt < r->low)
		r->low = receipt;
	else if (receipt >= r->high)
		r->high = receipt + 1;
	return true;
}

size_t
receipts_collect(struct receipts *r, struct buf *out, size_t enough)
{
	size_t count = 0, body;

	for (; receipts_due(r) && out->len < enough; r->low++) {
		struct slot *s = slot_of(r, r->low);
		char *at;

		if (s->state != DUE)
			continue;
		body = sizeof(s->sequence) + s->mic_len;
		if (!buf_need(out, FRAME_HEAD + body)) {
			/* The content is whole: only the growing failed, and may work later. */
			out->failed = false;
			break;
		}
		at = buf_end(out);
		put_be32(at, (uint32_t)body);
		put_be64(at + FRAME_HEAD, s->sequence);
		memcpy(at + FRAME_HEAD + sizeof(s->sequence), s->mic, s->mic_len);
		out->len += FRAME_HEAD + body;
		s->state = DONE;
		count++;
	}
	if (!receipts_due(r))
		r->low = r->high = 0;
	drop_done(r);
	return count;
}
