/*
 * outbox: the records that a sender has not seen acknowledged, in order, under consecutive
 * numbers. It borrows their bytes.
 */
#ifndef WIRE_OUTBOX_H
#define WIRE_OUTBOX_H

#include "base/compiler.h"
#include "base/str.h"

struct outbox_item {
	struct str record;
	int64_t sent; /* when it was first sent; 0: not yet */
	bool done;    /* acknowledged, but one before it is not */
};

struct outbox {
	struct outbox_item *items; /* a ring */
	uint32_t room;             /* a power of two, or 0 */
	uint32_t outstanding;      /* not acknowledged */
	uint64_t first, next;      /* numbers: of the oldest item, of the next to put */
	uint64_t to_send;          /* the next that goes out over this connection */
};

void outbox_init(struct outbox *o, uint64_t first_number);
void outbox_fini(struct outbox *o);
/* False when memory is out. */
bool outbox_put(struct outbox *o, struct str record) MUST_USE;
/* The next item to send over this connection, with its number; NULL when all went. */
struct outbox_item *outbox_send(struct outbox *o, uint64_t *number);
/* A new connection: everything goes again. */
void outbox_rewind(struct outbox *o);
/*
 * An item that went over this connection and is not acknowledged; NULL when the number is not one
 * of those.
 */
struct outbox_item *outbox_find(struct outbox *o, uint64_t number);
/* The item that outbox_find() gave is acknowledged; it is not valid any more. */
void outbox_done(struct outbox *o, struct outbox_item *item);

#endif
