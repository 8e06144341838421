/* batch: lines are appended to one body; what goes again is moved together in it. */
#include "output/batch.h"

#include <stdlib.h>

#include "base/json.h"

struct batch *
batch_new(void)
{
	return calloc(1, sizeof(struct batch));
}

void
batch_free(struct batch *b)
{
	if (b == NULL)
		return;
	buf_fini(&b->body);
	free(b->items);
	free(b);
}

void
batch_reset(struct batch *b, size_t keep)
{
	struct buf body = b->body;
	struct batch_item *items = b->items;
	size_t room = b->room;

	if (body.room + (size_t)(body.at - body.base) > keep)
		buf_fini(&body);
	buf_cut(&body, 0);
	*b = (struct batch){ .body = body, .items = items, .room = room };
}

static struct batch_item *
next_item(struct batch *b)
{
	struct batch_item *more;
	size_t room;

	if (b->count == b->room) {
		room = b->room > 0 ? b->room * 2 : 64;
		if ((more = realloc(b->items, room * sizeof(*more))) == NULL)
			return NULL;
		b->items = more;
		b->room = room;
	}
	return &b->items[b->count];
}

/* Does the text stand in JSON as it is? */
static bool
is_plain(struct str s)
{
	unsigned bad = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		bad |= (c < 0x20) | (c == '"') | (c == '\\');
	}
	return bad == 0;
}

static void
put_id(struct buf *body, struct str id)
{
	struct buf quoted = { 0 };
	struct json j;

	json_init(&j, &quoted);
	json_text(&j, id.at, id.len);
	if (buf_failed(&quoted))
		body->failed = true;
	else
		buf_append(body, quoted.at + 1, quoted.len - 2);
	buf_fini(&quoted);
}

bool
batch_add(struct batch *b, const struct batch_document *d)
{
	struct str line = d->overwrite ? d->to->overwrite : d->to->line;
	struct batch_item *item;
	size_t at = b->body.len, id_at;

	if (line.len + d->id.len * 6 > UINT32_MAX / 2 || d->json.len > UINT32_MAX / 2)
		return false;
	if ((item = next_item(b)) == NULL ||
	    !buf_need(&b->body, line.len + d->id.len + d->json.len + 8)) {
		b->body.failed = false; /* what was there before is untouched */
		return false;
	}
	buf_str(&b->body, line);
	id_at = b->body.len;
	if (LIKELY(d->written || is_plain(d->id)))
		buf_str(&b->body, d->id);
	else
		put_id(&b->body, d->id);
	*item = (struct batch_item){
		.cookie = d->cookie,
		.to = d->to,
		.fallback = d->fallback,
		.at = at,
		.record_bytes = d->record_bytes,
		.marks = d->overwrite ? BATCH_OVERWRITE : 0,
	};
	item->id_len = (uint32_t)(b->body.len - id_at);
	buf_append(&b->body, "\"}}\n", 4);
	item->line_len = (uint32_t)(b->body.len - at);
	item->json_len = (uint32_t)d->json.len;
	buf_str(&b->body, d->json);
	buf_byte(&b->body, '\n');
	if (buf_failed(&b->body)) {
		b->body.len = at;
		b->body.failed = false;
		return false;
	}
	d->to->refs++;
	d->fallback->falls++;
	b->count++;
	return true;
}

bool
batch_copy(struct batch *b, const struct batch *from, const struct batch_item *item)
{
	struct batch_item *made;
	size_t len = (size_t)item->line_len + item->json_len + 1;

	if ((made = next_item(b)) == NULL || !buf_need(&b->body, len)) {
		b->body.failed = false;
		return false;
	}
	*made = *item;
	made->at = b->body.len;
	buf_append(&b->body, from->body.at + item->at, len);
	made->to->refs++;
	made->fallback->falls++;
	b->count++;
	return true;
}

void
batch_item_release(struct batch_item *item)
{
	item->to->refs--;
	item->fallback->falls--;
}

void
batch_compact(struct batch *b, const bool *keep)
{
	size_t kept = 0, end = 0;

	for (size_t i = 0; i < b->count; i++) {
		struct batch_item item = b->items[i];
		size_t len = (size_t)item.line_len + item.json_len + 1;

		if (!keep[i])
			continue;
		if (item.at != end)
			memmove(b->body.at + end, b->body.at + item.at, len);
		item.at = end;
		end += len;
		b->items[kept++] = item;
	}
	b->count = kept;
	b->body.len = end;
}

bool
batch_halve(struct batch *b, struct batch *half)
{
	size_t stay = b->count / 2, from = half->count;

	for (size_t i = stay; i < b->count; i++)
		if (!batch_copy(half, b, &b->items[i])) {
			for (size_t k = from; k < half->count; k++)
				batch_item_release(&half->items[k]);
			half->count = from;
			return false;
		}
	for (size_t i = stay; i < b->count; i++)
		batch_item_release(&b->items[i]);
	b->body.len = b->items[stay].at;
	b->count = stay;
	return true;
}

void
batch_list_put(struct batch_list *list, struct batch *b)
{
	b->next = NULL;
	if (list->last != NULL)
		list->last->next = b;
	else
		list->first = b;
	list->last = b;
}

void
batch_list_put_first(struct batch_list *list, struct batch *b)
{
	b->next = list->first;
	list->first = b;
	if (list->last == NULL)
		list->last = b;
}

struct batch *
batch_list_take(struct batch_list *list)
{
	struct batch *b = list->first;

	if (b != NULL && (list->first = b->next) == NULL)
		list->last = NULL;
	return b;
}

void
batch_list_put_due(struct batch_list *list, struct batch *b)
{
	struct batch **at = &list->first;

	while (*at != NULL && (*at)->due <= b->due)
		at = &(*at)->next;
	b->next = *at;
	*at = b;
	if (b->next == NULL)
		list->last = b;
}
