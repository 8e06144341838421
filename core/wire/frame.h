/*
 * frame: cuts a stream of bytes into frames: four bytes of length, most significant first, then
 * as many bytes. A frame borrows from the bytes it was cut from.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include "base/buf.h"

#define FRAME_HEAD 4 /* bytes of the length in front */

struct frame {
	struct str body; /* what is there of it */
	uint32_t size;   /* bytes that its length announces; 0 as long as that is not there */
};

enum frame_status {
	FRAME_READY,    /* body is whole; FRAME_HEAD + size bytes are used up */
	FRAME_MORE,     /* come back with more bytes */
	FRAME_TOO_LONG, /* it announces more than max bytes: refuse it or read past it */
};

/* The frame at the start of in. */
enum frame_status frame_next(struct str in, uint32_t max, struct frame *out) MUST_USE;

/* Appends a frame with this body. */
void frame_put(struct buf *out, struct str body);

#endif
