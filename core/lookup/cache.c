/* cache: a hash table, and a list by the time of asking. */
#include "lookup/cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BUCKETS_LEAST   1024
#define ALLOCATION_COST 16 /* what malloc keeps of its own */

bool
cache_init(struct cache *c, size_t most)
{
	*c = (struct cache){ .most = most, .bucket_count = BUCKETS_LEAST };
	if ((c->buckets = calloc(c->bucket_count, sizeof(*c->buckets))) == NULL)
		return false;
	c->bytes = c->bucket_count * sizeof(*c->buckets);
	/* Keys come from others: whoever sees the program run knows not which of them meet. */
	if (getentropy(&c->seed, sizeof(c->seed)) != 0)
		c->seed = (uint64_t)(uintptr_t)c->buckets;
	return true;
}

void
cache_fini(struct cache *c)
{
	struct cache_entry *next;

	for (struct cache_entry *e = c->oldest; e != NULL; e = next) {
		next = e->newer;
		free(e);
	}
	free(c->buckets);
	*c = (struct cache){ 0 };
}

static inline uint64_t
mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t
cache_hash(const struct cache *c, uint32_t owner, struct str key)
{
	uint64_t h = c->seed ^ ((uint64_t)owner << 32 | key.len), word = 0;
	size_t at = 0;

	for (; at + 8 <= key.len; at += 8) {
		memcpy(&word, key.at + at, 8);
		h = mix(h ^ word, UINT64_C(0x9E3779B97F4A7C15) ^ c->seed);
	}
	if (at < key.len) {
		word = 0;
		memcpy(&word, key.at + at, key.len - at);
		h = mix(h ^ word, UINT64_C(0xE7037ED1A0B428DB) ^ c->seed);
	}
	return mix(h, UINT64_C(0x8EBC6AF09C88C6E3));
}

static struct cache_entry **
place_of(struct cache *c, uint64_t hash)
{
	return &c->buckets[hash & (c->bucket_count - 1)];
}

struct cache_entry *
cache_find(struct cache *c, uint64_t hash, uint32_t owner, struct str key)
{
	for (struct cache_entry *e = *place_of(c, hash); e != NULL; e = e->next)
		if (e->hash == hash && e->owner == owner && e->key_len == key.len &&
		    memcmp(e->bytes, key.at, key.len) == 0)
			return e;
	return NULL;
}

static void
unlink_age(struct cache *c, struct cache_entry *e)
{
	if (e->older != NULL)
		e->older->newer = e->newer;
	else
		c->oldest = e->newer;
	if (e->newer != NULL)
		e->newer->older = e->older;
	else
		c->newest = e->older;
}

static void
link_newest(struct cache *c, struct cache_entry *e)
{
	e->newer = NULL;
	e->older = c->newest;
	if (c->newest != NULL)
		c->newest->newer = e;
	else
		c->oldest = e;
	c->newest = e;
}

void
cache_touch(struct cache *c, struct cache_entry *e)
{
	if (c->newest == e)
		return;
	unlink_age(c, e);
	link_newest(c, e);
}

static size_t
cost_of(size_t key, size_t value)
{
	return sizeof(struct cache_entry) + key + value + ALLOCATION_COST;
}

void
cache_remove(struct cache *c, struct cache_entry *e)
{
	struct cache_entry **link = place_of(c, e->hash);

	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
	unlink_age(c, e);
	c->entries--;
	c->bytes -= cost_of(e->key_len, e->value_len);
	free(e);
}

/* More buckets, when there are more entries than buckets and the bound allows it. */
static void
grow(struct cache *c)
{
	size_t count = c->bucket_count * 2, more = c->bucket_count * sizeof(*c->buckets);
	struct cache_entry **fresh;

	if (c->entries < c->bucket_count || c->bytes + more > c->most ||
	    (fresh = calloc(count, sizeof(*fresh))) == NULL)
		return;
	free(c->buckets);
	c->buckets = fresh;
	c->bucket_count = count;
	c->bytes += more;
	for (struct cache_entry *e = c->oldest; e != NULL; e = e->newer) {
		struct cache_entry **place = place_of(c, e->hash);

		e->next = *place;
		*place = e;
	}
}

static bool
make_room(struct cache *c, size_t cost)
{
	while (c->oldest != NULL && c->bytes + cost > c->most) {
		if (c->evicted != NULL)
			c->evicted(c->ctx, c->oldest);
		cache_remove(c, c->oldest);
	}
	return c->bytes + cost <= c->most;
}

struct cache_entry *
cache_put(struct cache *c, uint32_t owner, struct str key, enum cache_kind kind, struct str value)
{
	uint64_t hash = cache_hash(c, owner, key), version;
	struct cache_entry *e = cache_find(c, hash, owner, key), **place;

	if (e != NULL && e->kind == kind && str_equal(cache_value(e), value)) {
		cache_touch(c, e);
		return e;
	}
	version = ++c->versions;
	if (e != NULL)
		cache_remove(c, e);
	if (key.len > UINT32_MAX || value.len > UINT32_MAX ||
	    !make_room(c, cost_of(key.len, value.len)) ||
	    (e = malloc(sizeof(*e) + key.len + value.len)) == NULL)
		return NULL;
	*e = (struct cache_entry){ .hash = hash,
		.version = version,
		.owner = owner,
		.key_len = (uint32_t)key.len,
		.value_len = (uint32_t)value.len,
		.kind = kind };
	memcpy(e->bytes, key.at, key.len);
	if (value.len > 0)
		memcpy(e->bytes + key.len, value.at, value.len);
	c->entries++;
	c->bytes += cost_of(key.len, value.len);
	grow(c);
	place = place_of(c, hash);
	e->next = *place;
	*place = e;
	link_newest(c, e);
	return e;
}

void
cache_remove_rounds(struct cache *c, uint32_t owner, uint32_t before)
{
	struct cache_entry *next;

	for (struct cache_entry *e = c->oldest; e != NULL; e = next) {
		next = e->newer;
		if (e->owner == owner && e->round < before)
			cache_remove(c, e);
	}
}

void
cache_remove_owner(struct cache *c, uint32_t owner)
{
	cache_remove_rounds(c, owner, UINT32_MAX);
}
