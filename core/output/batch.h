/*
 * batch: documents on their way in one request: the body as it is sent, and who is in it.
 *
 * A body is `{"create":{"_index":…,"_id":…}}` and the document, a line each (`index` where a
 * document is to overwrite what is there). A document is copied into it once; those that have to go
 * again are moved together inside, or copied to another batch.
 */
#ifndef OUTPUT_BATCH_H
#define OUTPUT_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "output/destination.h"

#define BATCH_REPAIRED  1  /* a field of it was moved under `misfit` */
#define BATCH_REROUTED  2  /* it goes to its fallback index */
#define BATCH_RACED     4  /* it was sent once more unchanged after a change of the mapping */
#define BATCH_BLAMED    8  /* it was refused while others went into the same index */
#define BATCH_OVERWRITE 16 /* it is written over what is there */

struct batch_item {
	void *cookie;
	struct destination *to;       /* a reference */
	struct destination *fallback; /* a reference; may be the same */
	size_t at;                    /* of its action line in the body */
	uint32_t line_len;            /* action line, newline included */
	uint32_t id_len;              /* of the id as it is written there */
	uint32_t json_len;            /* document, newline not included */
	uint32_t record_bytes;        /* its owner's, who can put it anew; 0: cannot */
	uint16_t tries;
	uint16_t marks;
	int64_t since; /* when a fault that nobody knows first came; 0: never */
};

struct batch {
	struct batch *next;
	struct buf body;
	struct batch_item *items;
	size_t count, room;

	int64_t due;     /* not before this time */
	int64_t sent;    /* when it last went out */
	unsigned tries;  /* how often it failed as a whole, or left something over */
	unsigned busy;   /* how often it was too much for the server */
	unsigned torn;   /* how often the connection ended on it while it was compressed */
	uint64_t passed; /* what the shipper's count of good requests was when it first failed */
	bool plain;      /* not to be compressed */
	bool alone;      /* not to be joined with others: it is being halved */
	struct destination
	    *probes; /* it is one document that finds out whether this index is open again */
};

/* What a document costs while it is held: its bytes, and the memory around it. */
static inline size_t
batch_item_cost(const struct batch_item *item)
{
	return item->line_len + item->json_len + 1 + sizeof(*item);
}

static inline struct str
batch_json(const struct batch *b, const struct batch_item *item)
{
	return (struct str){ b->body.at + item->at + item->line_len, item->json_len };
}

/* The id as it is written in the action line. */
static inline struct str
batch_id(const struct batch *b, const struct batch_item *item)
{
	return (
	    struct str){ b->body.at + item->at + item->line_len - item->id_len - 4, item->id_len };
}

struct batch *batch_new(void) MUST_USE;
/* Frees the memory; gives no references back. NULL is fine. */
void batch_free(struct batch *b);
/* Empties it for the next use; keeps memory up to keep bytes. */
void batch_reset(struct batch *b, size_t keep);

/* A document as it goes into a batch. */
struct batch_document {
	struct destination *to, *fallback;
	struct str id;
	bool written; /* the id is JSON already */
	bool overwrite;
	uint32_t record_bytes;
	struct str json; /* one line */
	void *cookie;
};

/* Appends a document, and takes a reference to each destination. False: out of memory. */
bool batch_add(struct batch *b, const struct batch_document *d) MUST_USE;

/* Appends a copy of an item of another batch, with its history. False: out of memory. */
bool batch_copy(struct batch *b, const struct batch *from, const struct batch_item *item) MUST_USE;

/* Gives the references of an item back. */
void batch_item_release(struct batch_item *item);

/* Keeps only the items for which keep[i] is set, in their order. Gives no references back. */
void batch_compact(struct batch *b, const bool *keep);

/* Moves the later half of the items to `half`. False: out of memory, nothing was moved. */
bool batch_halve(struct batch *b, struct batch *half) MUST_USE;

/* Queues of batches, first in, first out. */
void batch_list_put(struct batch_list *list, struct batch *b);
void batch_list_put_first(struct batch_list *list, struct batch *b);
struct batch *batch_list_take(struct batch_list *list);
/* Puts it where its time comes, behind those of the same time. */
void batch_list_put_due(struct batch_list *list, struct batch *b);

#endif
