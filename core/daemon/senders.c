/* senders: a table by name, and the ring of those with waiting records. */
#include "daemon/senders.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/item.h"
#include "daemon/source.h"

#define RESENDS_MOST (64u << 20) /* bytes */

void
senders_init(struct senders *all)
{
	*all = (struct senders){ .resends = { .most = RESENDS_MOST } };
}

static void
sender_free(struct senders *all, struct sender *s)
{
	for (struct source *from = s->sources, *next; from != NULL; from = next) {
		next = from->next; /* of connections that were closed without a word */
		free(from);
	}
	resends_fini(&s->resends, &all->resends);
	ledger_fini(&s->ledger);
	free(s->name);
	free(s->from);
	free(s);
}

void
senders_fini(struct senders *all)
{
	struct sender *s, *next;

	for (size_t i = 0; i < all->bucket_count; i++)
		for (s = all->buckets[i]; s != NULL; s = next) {
			next = s->next_hash;
			sender_free(all, s);
		}
	free(all->buckets);
	reasons_fini(&all->reasons);
	senders_init(all);
}

static size_t
name_hash(struct str name)
{
	uint64_t h = str_hash(STR_HASH, name);

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
			size_t to = name_hash(str_of(s->name)) % count;

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
senders_named(struct senders *all, struct str name)
{
	struct sender *s, **bucket;

	if (all->count >= all->bucket_count && !grow(all))
		return NULL;
	bucket = &all->buckets[name_hash(name) % all->bucket_count];
	for (s = *bucket; s != NULL; s = s->next_hash)
		if (str_equal(str_of(s->name), name))
			return s;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	if ((s->name = strndup(name.at, name.len)) == NULL) {
		free(s);
		return NULL;
	}
	s->next_hash = *bucket;
	*bucket = s;
	all->count++;
	all->resends.sharers = all->count;
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
senders_received(struct senders *all, struct sender *s)
{
	s->ledger.received++;
	all->ledger.received++;
}

void
senders_count(struct senders *all, struct sender *s, enum fate fate, struct reason *reason)
{
	s->ledger.fates[fate]++;
	all->ledger.fates[fate]++;
	if (reason != NULL && reason->fate == fate) {
		reason->count++;
		ledger_reason(&s->ledger, reason);
	}
}

void
sender_tell_missing(const struct sender *s, uint64_t missing, uint64_t before)
{
	log_warn("records_missing", log_s("sender", s->name), log_i("missing", (int64_t)missing),
	    log_i("before", (int64_t)before),
	    log_s("meaning", "its auditd counted records that did not come here: its window was "
			     "full, or they went to another receiver"));
}

void
sender_tell_kernel_missing(const struct sender *s, uint64_t missing, uint64_t before)
{
	log_warn("records_missing_in_kernel", log_s("sender", s->name),
	    log_i("missing", (int64_t)missing), log_i("before", (int64_t)before),
	    log_s("meaning",
		"its kernel counted records that its auditd did not get or does not send: "
		"auditd's own queue was full (see auditstat), or the plugin filters by class"));
}

void
sender_tell_kernel_dropped(const struct sender *s, uint64_t dropped, uint64_t at)
{
	log_warn("records_dropped_in_kernel", log_s("sender", s->name),
	    log_i("dropped", (int64_t)dropped), log_i("told_by", (int64_t)at),
	    log_s("meaning", "its kernel threw records away because its audit queue was full: "
			     "its auditd, or all of its receivers, were too slow for a while"));
}

void
senders_join(struct senders *all)
{
	uint64_t gap;

	for (size_t i = 0; i < all->bucket_count; i++)
		for (struct sender *s = all->buckets[i]; s != NULL; s = s->next_hash) {
			gap = sequences_join(&s->sequences, &s->recovered);
			if (gap > 0)
				sender_tell_missing(s, gap, s->sequences.first);
			s->recovered = (struct sequences){ 0 };
		}
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
	return s->connections == 0 && s->alarmed && s->sources == NULL && s->owed == 0 &&
	       ledger_waiting(&s->ledger) == 0;
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
			sender_free(all, s);
			all->resends.sharers = --all->count;
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
