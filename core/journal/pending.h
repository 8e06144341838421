/*
 * pending: entries that are not on disk yet, in blocks of memory. The loop fills the last block;
 * the thread that writes gets the blocks and lends them back.
 *
 * A block stands alone: its records point to senders in the same block, so nothing is shared with
 * other blocks, and none of it moves.
 */
#ifndef JOURNAL_PENDING_H
#define JOURNAL_PENDING_H

#include "journal/journal.h"

enum pending_kind { PENDING_SENDER, PENDING_RECORD };

/* What stands in a block; size leads to the next one. */
struct pending_item {
	uint32_t size;
	enum pending_kind kind;
};

struct pending_sender {
	struct pending_item item;
	struct journal_sender sender; /* the texts follow */
	/* The writer's: its number in the segment with this serial. */
	uint64_t serial;
	uint16_t number;
};

struct pending_record {
	struct pending_item item;
	struct pending_sender *sender;
	struct journal_entry entry; /* bytes and note follow */
};

struct pending_block {
	struct pending_block *next;
	uint64_t first; /* number of the first record in it that is not stored */
	size_t count;   /* records that are not stored */
	size_t taken;   /* bytes of items that are stored */
	size_t len, room;
	char *at; /* aligned for every item */
};

#define PENDING_CACHE 64

struct pending {
	struct pending_block *head, *tail;
	struct pending_block *spare; /* blocks of the usual size, for the next need */
	size_t spares;
	uint64_t memory; /* bytes of all blocks */
	/* Where senders of late stand in the last block, by their address. */
	struct {
		const struct journal_sender *key;
		struct pending_sender *at;
	} cache[PENDING_CACHE];
};

/* Appends a copy of the entry, which has the number. False: no memory. */
bool pending_put(struct pending *p, const struct journal_entry *entry, uint64_t number) MUST_USE;
/* What the entry may take at most. */
size_t pending_size(const struct journal_entry *entry);
/* Gives all blocks away. */
struct pending_block *pending_take(struct pending *p);
/* Blocks that come back, before what was put meanwhile; those without a record are freed. */
void pending_give_back(struct pending *p, struct pending_block *blocks);
void pending_fini(struct pending *p);

#endif
