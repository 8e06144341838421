/*
 * cursor: what is left of the record while one token is read. Internal to the room.
 *
 * A take beyond the end makes the cursor cut for good and gives zeros; what was taken is believed
 * only when nothing was cut. So a token's layout can be written down as it is described, and there
 * is one place that compares lengths.
 */
#ifndef BSM_CURSOR_H
#define BSM_CURSOR_H

#include "base/bytes.h"
#include "base/compiler.h"
#include "bsm/token.h"

struct cursor {
	const uint8_t *at;
	size_t left;
	bool cut;
};

/* n bytes; when they are not there, 16 zeros. */
static inline const uint8_t *
take(struct cursor *c, size_t n)
{
	static const uint8_t nothing[16];
	const uint8_t *at = c->at;

	if (UNLIKELY(n > c->left)) {
		c->cut = true;
		c->left = 0;
		return nothing;
	}
	c->at += n;
	c->left -= n;
	return at;
}

/* For more than 16 bytes: NULL when they are not there. */
static inline const uint8_t *
take_many(struct cursor *c, size_t n)
{
	const uint8_t *at = take(c, n);

	return c->cut ? NULL : at;
}

static inline uint8_t
take8(struct cursor *c)
{
	return *take(c, 1);
}

static inline uint16_t
take16(struct cursor *c)
{
	return be16(take(c, 2));
}

static inline uint32_t
take32(struct cursor *c)
{
	return be32(take(c, 4));
}

static inline uint64_t
take64(struct cursor *c)
{
	return be64(take(c, 8));
}

/* A text: its length, then its bytes with a NUL at the end, which may be missing. */
static inline struct str
take_text(struct cursor *c)
{
	size_t len = take16(c);
	const char *at = (const char *)take_many(c, len);

	if (at == NULL)
		return (struct str){ NULL, 0 };
	if (len > 0 && at[len - 1] == '\0')
		len--;
	return (struct str){ at, len };
}

static inline struct token_addr
take_addr(struct cursor *c, uint32_t len)
{
	const uint8_t *at = take(c, len);

	return (struct token_addr){ at, len };
}

/*
 * An address with its type in 32 bits; false when the type is none, and the token's length so
 * unknown.
 */
static inline bool
take_typed_addr(struct cursor *c, struct token_addr *out)
{
	uint32_t type = take32(c);

	if (!c->cut && type != 4 && type != 16)
		return false;
	*out = take_addr(c, type);
	return true;
}

/* A count, then so many NUL-terminated strings, or as many as there are. */
void take_strings(struct cursor *c, struct token_strings *out);
/* A count in 16 bits, then so many texts with a length each. */
void take_counted(struct cursor *c, struct token_strings *out);

#endif
