/* buf: how memory grows, and when dropped bytes at the front are used again. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_LEAST 256

void
buf_init(struct buf *b)
{
	*b = (struct buf){ 0 };
}

void
buf_fini(struct buf *b)
{
	free(b->base);
	buf_init(b);
}

bool
buf_grow(struct buf *b, size_t n)
{
	size_t want, dropped = (size_t)(b->at - b->base);
	char *moved;

	if (b->failed)
		return false;
	if (n > SIZE_MAX / 2 - b->len - dropped)
		goto fail;
	/*
	 * Dropped bytes that make up half of the memory are worth a move; fewer would make it
	 * quadratic.
	 */
	if (dropped >= b->len && dropped + b->room >= b->len + n && b->base != NULL) {
		memmove(b->base, b->at, b->len);
		b->at = b->base;
		b->room += dropped;
		return true;
	}
	want = dropped + b->room < BUF_LEAST ? BUF_LEAST : (dropped + b->room) * 2;
	if (want < b->len + n)
		want = b->len + n;
	if ((moved = malloc(want)) == NULL)
		goto fail;
	if (b->len > 0)
		memcpy(moved, b->at, b->len);
	free(b->base);
	b->base = b->at = moved;
	b->room = want;
	return true;
fail:
	b->failed = true;
	return false;
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	va_list args, again;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		b->failed = true;
	else if (buf_need(b, (size_t)n + 1)) {
		vsnprintf(buf_end(b), (size_t)n + 1, format, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n >= b->len) {
		buf_cut(b, 0);
		b->len = 0;
		return;
	}
	b->at += n;
	b->len -= n;
	b->room -= n;
}
