/* pending: entries are laid into blocks, and whole blocks change hands. */
#include "journal/pending.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_ROOM ((size_t)256 << 10)
#define SPARES     16 /* blocks that are kept: fresh memory costs more than a copy */

static size_t
aligned(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

static size_t
sender_size(const struct journal_sender *s)
{
	return aligned(sizeof(struct pending_sender) + s->name.len + s->from.len + s->host.len +
		       s->principal.len + s->group.len);
}

static size_t
record_size(const struct journal_entry *e)
{
	return aligned(sizeof(struct pending_record) + e->bytes.len + e->note.len);
}

size_t
pending_size(const struct journal_entry *e)
{
	size_t size = record_size(e) + sender_size(e->sender);

	return size > BLOCK_ROOM ? size : BLOCK_ROOM;
}

static void
forget_senders(struct pending *p)
{
	memset(p->cache, 0, sizeof(p->cache));
}

/* The last block with room for that much more. */
static struct pending_block *
block_for(struct pending *p, size_t size, uint64_t number)
{
	struct pending_block *b = p->tail;
	size_t room = size > BLOCK_ROOM ? size : BLOCK_ROOM;

	if (b != NULL && b->room - b->len >= size)
		return b;
	if (room == BLOCK_ROOM && p->spare != NULL) {
		b = p->spare;
		p->spare = b->next;
		p->spares--;
	} else if ((b = malloc(aligned(sizeof(*b)) + room)) == NULL) {
		return NULL;
	}
	*b = (struct pending_block){ .first = number, .room = room };
	b->at = (char *)b + aligned(sizeof(*b));
	if (p->tail != NULL)
		p->tail->next = b;
	else
		p->head = b;
	p->tail = b;
	p->memory += room;
	forget_senders(p);
	return b;
}

static struct str
copy_text(char **to, struct str text)
{
	struct str copy = { *to, text.len };

	if (text.len > 0)
		memcpy(*to, text.at, text.len);
	*to += text.len;
	return copy;
}

static struct pending_sender *
put_sender(struct pending_block *b, const struct journal_sender *s)
{
	struct pending_sender *at = (void *)(b->at + b->len);
	char *texts = (char *)(at + 1);
	size_t size = sender_size(s);

	at->item = (struct pending_item){ (uint32_t)size, PENDING_SENDER };
	at->sender.name = copy_text(&texts, s->name);
	at->sender.from = copy_text(&texts, s->from);
	at->sender.host = copy_text(&texts, s->host);
	at->sender.principal = copy_text(&texts, s->principal);
	at->sender.group = copy_text(&texts, s->group);
	at->serial = 0;
	b->len += size;
	return at;
}

static bool
sender_is(const struct journal_sender *a, const struct journal_sender *b)
{
	return str_equal(a->name, b->name) && str_equal(a->from, b->from) &&
	       str_equal(a->host, b->host) && str_equal(a->principal, b->principal) &&
	       str_equal(a->group, b->group);
}

bool
pending_put(struct pending *p, const struct journal_entry *entry, uint64_t number)
{
	/* Addresses of senders differ in the bits above their alignment. */
	size_t slot =
	    ((uintptr_t)entry->sender >> 5 ^ (uintptr_t)entry->sender >> 11) % PENDING_CACHE;
	size_t size = record_size(entry);
	struct pending_record *at;
	struct pending_block *b;
	char *bytes;

	/* Room for the sender too, so that both stand in one block. */
	if ((b = block_for(p, size + sender_size(entry->sender), number)) == NULL)
		return false;
	if (p->cache[slot].key != entry->sender ||
	    !sender_is(&p->cache[slot].at->sender, entry->sender)) {
		p->cache[slot].at = put_sender(b, entry->sender);
		p->cache[slot].key = entry->sender;
	}
	at = (void *)(b->at + b->len);
	bytes = (char *)(at + 1);
	at->item = (struct pending_item){ (uint32_t)size, PENDING_RECORD };
	at->sender = p->cache[slot].at;
	at->entry = *entry;
	at->entry.number = number;
	at->entry.sender = &at->sender->sender;
	at->entry.bytes = copy_text(&bytes, entry->bytes);
	at->entry.note = copy_text(&bytes, entry->note);
	b->len += size;
	b->count++;
	return true;
}

struct pending_block *
pending_take(struct pending *p)
{
	struct pending_block *blocks = p->head;

	p->head = p->tail = NULL;
	forget_senders(p);
	return blocks;
}

void
pending_give_back(struct pending *p, struct pending_block *blocks)
{
	struct pending_block *next, **end = &blocks;

	for (struct pending_block *b = blocks; b != NULL; b = next) {
		next = b->next;
		if (b->count > 0) {
			*end = b;
			end = &b->next;
			continue;
		}
		p->memory -= b->room;
		if (b->room == BLOCK_ROOM && p->spares < SPARES) {
			b->next = p->spare;
			p->spare = b;
			p->spares++;
		} else {
			free(b);
		}
	}
	*end = p->head;
	p->head = blocks;
	if (p->tail == NULL)
		for (struct pending_block *b = blocks; b != NULL; b = b->next)
			p->tail = b;
}

void
pending_fini(struct pending *p)
{
	struct pending_block *next;

	for (struct pending_block *b = p->head; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	for (struct pending_block *b = p->spare; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	*p = (struct pending){ 0 };
}
