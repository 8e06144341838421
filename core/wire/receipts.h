/*
 * receipts: what one connection owes its peer, in the order of arrival: for each record that
 * came, its sequence and its MIC, until its fate is known and the acknowledgement is written.
 *
 * Receipts are numbered one by one, so finding one takes no search, and none can be settled
 * twice.
 */
#ifndef WIRE_RECEIPTS_H
#define WIRE_RECEIPTS_H

#include "base/buf.h"

struct receipts {
	uint8_t *slots;     /* a ring of `room` slots of `stride` bytes */
	uint32_t room;      /* a power of two, or 0 */
	uint32_t stride;    /* bytes of a slot */
	uint64_t first;     /* the oldest receipt that still has a slot */
	uint64_t next;      /* the number of the next one */
	uint64_t owed;      /* receipts that are not settled */
	uint64_t low, high; /* receipts to acknowledge lie in low .. high - 1 */
};

/* An empty one, for MICs of at most mic_max (255) bytes; owns no memory yet. */
void receipts_init(struct receipts *r, size_t mic_max);
/* Gives the memory back. */
void receipts_fini(struct receipts *r);

/*
 * Makes a slot for the next receipt and says in *mic where its MIC goes; false when memory is
 * out. Nothing is owed until receipts_take() counts it.
 */
bool receipts_slot(struct receipts *r, uint8_t **mic) MUST_USE;
/*
 * The slot becomes a receipt, whose number it returns. size is what receipts_settle() returns
 * later.
 */
uint64_t receipts_take(struct receipts *r, uint64_t sequence, uint32_t size, size_t mic_len);
/* Takes the newest receipt back. */
void receipts_undo(struct receipts *r);

/* The fate of a receipt is known. False when that number is not owed; then nothing happens. */
bool receipts_settle(
    struct receipts *r, uint64_t receipt, bool acknowledge, uint32_t *size) MUST_USE;

/*
 * Appends the frames of acknowledgements that are due, in order, until out holds at least
 * `enough` bytes or memory is out; returns how many. More are due as long as receipts_due().
 */
size_t receipts_collect(struct receipts *r, struct buf *out, size_t enough);
static inline bool
receipts_due(const struct receipts *r)
{
	return r->low < r->high;
}

/* Bytes of memory. */
static inline size_t
receipts_memory(const struct receipts *r)
{
	return (size_t)r->room * r->stride;
}

#endif
