/* writer_senders: a hash table of copies, emptied with each segment. */
#include "journal/writer_senders.h"

#include <stdlib.h>
#include <string.h>

/* The length parts texts that follow each other. */
static uint64_t
mix(uint64_t hash, struct str text)
{
	return str_hash(hash ^ text.len, text);
}

static uint64_t
hash_of(const struct journal_sender *s)
{
	uint64_t hash = STR_HASH;

	hash = mix(mix(mix(hash, s->name), s->from), s->host);
	hash = mix(mix(hash, s->principal), s->group);
	return hash ^ hash >> 32;
}

static bool
same(const struct journal_sender *a, const struct journal_sender *b)
{
	return str_equal(a->name, b->name) && str_equal(a->from, b->from) &&
	       str_equal(a->host, b->host) && str_equal(a->principal, b->principal) &&
	       str_equal(a->group, b->group);
}

/* Twice as many slots as senders. */
static bool
grow(struct writer *w)
{
	size_t room = w->senders_room == 0 ? 64 : w->senders_room * 2;
	struct writer_sender *senders;
	uint32_t *slots;

	if ((senders = realloc(w->senders, room * sizeof(*senders))) == NULL)
		return false;
	w->senders = senders;
	if ((slots = calloc(room * 2, sizeof(*slots))) == NULL)
		return false;
	free(w->slots);
	w->slots = slots;
	w->slots_room = room * 2;
	w->senders_room = room;
	for (size_t i = 0; i < w->senders_len; i++) {
		size_t slot = w->senders[i].hash & (w->slots_room - 1);

		while (slots[slot] != 0)
			slot = (slot + 1) & (w->slots_room - 1);
		slots[slot] = (uint32_t)i + 1;
	}
	return true;
}

static struct str
copy(char **to, struct str text)
{
	struct str at = { *to, text.len };

	if (text.len > 0)
		memcpy(*to, text.at, text.len);
	*to += text.len;
	return at;
}

static bool
fill(struct writer_sender *out, const struct journal_sender *s)
{
	char *to;

	to = malloc(s->name.len + s->from.len + s->host.len + s->principal.len + s->group.len + 1);
	if (to == NULL)
		return false;
	out->text = to;
	out->sender.name = copy(&to, s->name);
	out->sender.from = copy(&to, s->from);
	out->sender.host = copy(&to, s->host);
	out->sender.principal = copy(&to, s->principal);
	out->sender.group = copy(&to, s->group);
	return true;
}

struct writer_sender *
writer_senders_find(struct writer *w, struct pending_sender *sender, bool *is_new)
{
	struct writer_sender *s;
	uint64_t hash;
	size_t slot;

	*is_new = false;
	if (sender->serial == w->serial)
		return &w->senders[sender->number];
	if (w->senders_len == w->senders_room && !grow(w))
		return NULL;
	hash = hash_of(&sender->sender);
	slot = hash & (w->slots_room - 1);
	for (; w->slots[slot] != 0; slot = (slot + 1) & (w->slots_room - 1)) {
		s = &w->senders[w->slots[slot] - 1];
		if (s->hash == hash && same(&s->sender, &sender->sender))
			goto found;
	}
	s = &w->senders[w->senders_len];
	*s = (struct writer_sender){ .hash = hash, .number = (uint16_t)w->senders_len };
	if (!fill(s, &sender->sender))
		return NULL;
	w->slots[slot] = (uint32_t)++w->senders_len;
	*is_new = true;
found:
	sender->serial = w->serial;
	sender->number = s->number;
	return s;
}

void
writer_senders_clear(struct writer *w)
{
	for (size_t i = 0; i < w->senders_len; i++)
		free(w->senders[i].text);
	w->senders_len = 0;
	if (w->slots_room > 0)
		memset(w->slots, 0, w->slots_room * sizeof(*w->slots));
}

void
writer_senders_fini(struct writer *w)
{
	writer_senders_clear(w);
	free(w->senders);
	free(w->slots);
	w->senders = NULL;
	w->slots = NULL;
	w->senders_room = w->slots_room = 0;
}
