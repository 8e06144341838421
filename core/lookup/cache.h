/*
 * cache: answers by owner and key, within a bound of memory; the one that was not asked for the
 * longest goes first.
 *
 * Times are seconds since 1970. An entry is valid until the cache is changed.
 */
#ifndef LOOKUP_CACHE_H
#define LOOKUP_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/str.h"

enum cache_kind {
	CACHE_FOUND,
	CACHE_NOTHING, /* the service has said that there is none */
	CACHE_FAULT,   /* it could not be had; not to be asked for a while */
};

struct cache_entry {
	struct cache_entry *next;          /* in its bucket */
	struct cache_entry *older, *newer; /* by use */
	uint64_t hash;
	uint64_t version;
	double fresh; /* until then */
	double good;  /* until then, while it is asked for again */
	uint32_t owner;
	uint32_t round; /* of the preload that it came with */
	uint32_t key_len, value_len;
	enum cache_kind kind;
	char bytes[]; /* key, value */
};

struct cache {
	struct cache_entry **buckets;
	size_t bucket_count, entries;
	size_t bytes, most; /* of memory, buckets included */
	struct cache_entry *oldest, *newest;
	uint64_t seed;
	uint64_t versions;
	/* An entry goes to make room; NULL: nobody wants to know. */
	void (*evicted)(void *ctx, const struct cache_entry *e);
	void *ctx;
};

static inline struct str
cache_value(const struct cache_entry *e)
{
	return (struct str){ e->bytes + e->key_len, e->value_len };
}

/* False: out of memory. */
bool cache_init(struct cache *c, size_t most) MUST_USE;
/* Zeroed is fine. */
void cache_fini(struct cache *c);

uint64_t cache_hash(const struct cache *c, uint32_t owner, struct str key);
/* NULL: not there. */
struct cache_entry *cache_find(struct cache *c, uint64_t hash, uint32_t owner, struct str key);
/* It was asked for just now. */
void cache_touch(struct cache *c, struct cache_entry *e);
/*
 * Puts an answer in place of the one that was there; its version stays when the answer is the same.
 * NULL: no memory, or it does not fit.
 */
struct cache_entry *cache_put(
    struct cache *c, uint32_t owner, struct str key, enum cache_kind kind, struct str value);
void cache_remove(struct cache *c, struct cache_entry *e);
/* What an owner has, all of it; or what is older than its preload of that round. */
void cache_remove_owner(struct cache *c, uint32_t owner);
void cache_remove_rounds(struct cache *c, uint32_t owner, uint32_t before);

#endif
