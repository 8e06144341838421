/* frame: four bytes of length, and no more than the limit. */
#include "wire/frame.h"

#include "base/bytes.h"

enum frame_status
frame_next(struct str in, uint32_t max, struct frame *out)
{
	*out = (struct frame){ .body = { in.at, 0 } };
	if (in.len < FRAME_HEAD)
		return FRAME_MORE;
	out->size = be32(in.at);
	out->body = (struct str){ in.at + FRAME_HEAD, in.len - FRAME_HEAD };
	if (out->size > max)
		return FRAME_TOO_LONG;
	if (out->body.len < out->size)
		return FRAME_MORE;
	out->body.len = out->size;
	return FRAME_READY;
}

void
frame_put(struct buf *out, struct str body)
{
	uint8_t head[FRAME_HEAD];

	put_be32(head, (uint32_t)body.len);
	buf_append(out, head, sizeof(head));
	buf_str(out, body);
}
