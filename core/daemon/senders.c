#include "daemon/senders.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/item.h"

void
senders_init(struct senders *all)
{
	*all = (struct senders){ 0 };
}

void
senders_fini(struct senders *all)
{
	struct sender *s, *next;

	for (size_t i = 0; i < all->bucket_count; i++)
		for (s = all->buckets[i]; s != NULL; s = next) {
			next = s->next_hash;
			free(s->name);
			free(s->from);
			free(s);
		}
	free(all->buckets);
	senders_init(all);
}

static size_t
name_hash(const char *name)
{
	uint64_t h = 1469598103934665603u; /* FNV-1a */

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211u;
	return (size_t)(h ^ h >> 32);
}

static bool
grow(struct senders *all)
{
	size_t count = all->bucket_count == 0 ? 64 : all->bucket_count * 2;
	struct sender **buckets = calloc(count, sizeof(*buckets)), *s, *next;

	if (buckets == NULL)
		return all->bucket_count > 0; /* longer chains will do */
	for (size_t i = 0; i < all->bucket_count; i++)
		for (s = all->buckets[i]; s != NULL; s = next) {
			size_t to = name_hash(s->name) % count;

			next = s->next_hash;
			s->next_hash = buckets[to];
			buckets[to] = s;
		}
	free(all->buckets);
	all->buckets = buckets;
	all->bucket_count = count;
	return true;
}

struct sender *
senders_named(struct senders *all, const char *name)
{
	struct sender *s, **bucket;

	if (all->count >= all->bucket_count && !grow(all))
		return NULL;
	bucket = &all->buckets[name_hash(name) % all->bucket_count];
	for (s = *bucket; s != NULL; s = s->next_hash)
		if (strcmp(s->name, name) == 0)
			return s;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	if ((s->name = strdup(name)) == NULL) {
		free(s);
		return NULL;
	}
	s->next_hash = *bucket;
	*bucket = s;
	all->count++;
	return s;
}

void
sender_arrived(struct sender *s, const char *from)
{
	char *copy = strdup(from);

	if (copy != NULL) {
		free(s->from);
		s->from = copy;
	}
	s->connections++;
	s->left = 0;
	s->alarmed = false;
}

void
sender_left(struct sender *s)
{
	if (s->connections > 0 && --s->connections == 0)
		s->left = clock_steady();
}

static void
ring_add(struct senders *all, struct sender *s)
{
	if (all->turn == NULL) {
		s->next_turn = s->previous_turn = s;
		all->turn = s;
		return;
	}
	s->next_turn = all->turn;
	s->previous_turn = all->turn->previous_turn;
	s->previous_turn->next_turn = s;
	s->next_turn->previous_turn = s;
}

static void
ring_remove(struct senders *all, struct sender *s)
{
	if (s->next_turn == s)
		all->turn = NULL;
	else {
		s->previous_turn->next_turn = s->next_turn;
		s->next_turn->previous_turn = s->previous_turn;
		if (all->turn == s)
			all->turn = s->next_turn;
	}
	s->next_turn = s->previous_turn = NULL;
}

void
senders_queue(struct senders *all, struct sender *s, struct item *item)
{
	item->next = NULL;
	if (s->first == NULL) {
		s->first = s->last = item;
		s->served = 0;
		ring_add(all, s);
	} else {
		s->last->next = item;
		s->last = item;
	}
	s->ledger.received++;
	all->ledger.received++;
}

struct item *
senders_next(struct senders *all, unsigned quantum)
{
	struct sender *s = all->turn;
	struct item *item;

	if (s == NULL)
		return NULL;
	item = s->first;
	if ((s->first = item->next) == NULL)
		ring_remove(all, s);
	else if (++s->served >= quantum) {
		s->served = 0;
		all->turn = s->next_turn;
	}
	return item;
}

void
senders_count(struct senders *all, struct sender *s, enum fate fate)
{
	s->ledger.fates[fate]++;
	all->ledger.fates[fate]++;
}

void
senders_missing(
    struct senders *all, double after, void (*alarm)(const struct sender *s, double away))
{
	int64_t now = clock_steady();
	unsigned told = 0;

	for (size_t i = 0; i < all->bucket_count && told < SENDERS_ALARMS; i++)
		for (struct sender *s = all->buckets[i]; s != NULL; s = s->next_hash) {
			double away = (double)(now - s->left) / (double)CLOCK_SECOND;

			if (s->connections == 0 && s->left != 0 && !s->alarmed && away >= after) {
				s->alarmed = true;
				told++;
				alarm(s, away);
			}
		}
}

static bool
is_forgettable(const struct sender *s)
{
	return s->connections == 0 && s->alarmed && ledger_waiting(&s->ledger) == 0;
}

size_t
senders_forget(struct senders *all, size_t most)
{
	size_t before = all->count;

	for (size_t i = 0; i < all->bucket_count && all->count > most; i++)
		for (struct sender **at = &all->buckets[i]; *at != NULL;) {
			struct sender *s = *at;

			if (!is_forgettable(s)) {
				at = &s->next_hash;
				continue;
			}
			*at = s->next_hash;
			free(s->name);
			free(s->from);
			free(s);
			all->count--;
		}
	return before - all->count;
}

void
senders_each(struct senders *all, void (*each)(const struct sender *s))
{
	for (size_t i = 0; i < all->bucket_count; i++)
		for (struct sender *s = all->buckets[i]; s != NULL; s = s->next_hash)
			each(s);
}
