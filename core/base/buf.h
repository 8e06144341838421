/*
 * buf: bytes that grow at the end and are taken from the front.
 *
 * The content is at[0 .. len). Appending may move it, so nobody keeps a pointer across an
 * append. When memory runs out a buf fails for good: later appends do nothing, and the
 * owner asks buf_failed() once, at the end, instead of after every byte.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"
#include "base/str.h"

struct buf {
	char *at;    /* first byte of the content */
	size_t len;  /* bytes of content */
	size_t room; /* bytes that fit behind at, content included */
	char *base;  /* what was allocated; at - base bytes were dropped from the front */
	bool failed; /* an allocation failed; the content is not to be used */
};

/* An empty buf owns no memory; `struct buf b = { 0 }` is the same. */
void buf_init(struct buf *b);
/* Gives the memory back; the buf is empty, usable and no longer failed. */
void buf_fini(struct buf *b);

/*
 * Makes room for n more bytes; false (and failed) when there is no memory. Slow half of buf_need().
 */
bool buf_grow(struct buf *b, size_t n) MUST_USE;

/* Sees to it that n more bytes fit, for callers that write to buf_end() themselves. */
static inline bool MUST_USE
buf_need(struct buf *b, size_t n)
{
	return LIKELY(!b->failed && b->room - b->len >= n) || buf_grow(b, n);
}

static inline char *
buf_end(struct buf *b)
{
	return b->at + b->len;
}

static inline void
buf_append(struct buf *b, const void *bytes, size_t n)
{
	if (n > 0 && buf_need(b, n)) {
		memcpy(b->at + b->len, bytes, n);
		b->len += n;
	}
}

static inline void
buf_byte(struct buf *b, char c)
{
	if (buf_need(b, 1))
		b->at[b->len++] = c;
}

static inline void
buf_str(struct buf *b, struct str s)
{
	buf_append(b, s.at, s.len);
}

/* Appends as printf would. */
void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);

/* Takes n bytes (at most len) from the front; what was read there is gone. */
void buf_drop(struct buf *b, size_t n);

/* Forgets the content beyond n bytes, keeps the memory, forgives a failure when n is 0. */
static inline void
buf_cut(struct buf *b, size_t n)
{
	if (n < b->len)
		b->len = n;
	if (n == 0) {
		b->room += (size_t)(b->at - b->base);
		b->at = b->base;
		b->failed = false;
	}
}

static inline bool
buf_failed(const struct buf *b)
{
	return b->failed;
}

static inline struct str
buf_view(const struct buf *b)
{
	return (struct str){ b->at, b->len };
}

#endif
