/* Lists of strings inside tokens: taken from a record, and taken apart. */
#include "bsm/cursor.h"

/*
 * Where the first NUL is; len when there is none. The strings are short: a call of memchr would
 * cost more than the search.
 */
static inline size_t
find_nul(const void *at, size_t len)
{
	const uint8_t *p = at;
	size_t i = 0;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	for (; i + 8 <= len; i += 8) {
		uint64_t word, zero;

		memcpy(&word, p + i, 8);
		zero = (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
		if (zero != 0)
			return i + (size_t)__builtin_ctzll(zero) / 8;
	}
	if (i + 4 <= len) {
		uint32_t word, zero;

		memcpy(&word, p + i, 4);
		zero = (word - 0x01010101u) & ~word & 0x80808080u;
		if (zero != 0)
			return i + (size_t)__builtin_ctz(zero) / 8;
		i += 4;
	}
#endif
	while (i < len && p[i] != 0)
		i++;
	return i;
}

void
take_strings(struct cursor *c, struct token_strings *out)
{
	uint32_t announced = take32(c), count = 0;
	const uint8_t *start = c->at;
	size_t left = c->left;

	while (count < announced && left > 0) {
		size_t len = find_nul(c->at, left);

		len += len < left;
		c->at += len;
		left -= len;
		count++;
	}
	c->left = left;
	out->at = (const char *)start;
	out->len = (uint32_t)(c->at - start);
	out->announced = announced;
	out->count = count;
}

void
take_counted(struct cursor *c, struct token_strings *out)
{
	const uint8_t *start;

	out->announced = take16(c);
	start = c->at;
	for (out->count = 0; out->count < out->announced && !c->cut; out->count++)
		take(c, take16(c));
	out->at = (const char *)start;
	out->len = c->cut ? 0 : (uint32_t)(c->at - start);
}

bool
string_next(struct token_strings *s, struct str *out)
{
	size_t len;

	if (s->count == 0)
		return false;
	len = find_nul(s->at, s->len);
	*out = (struct str){ s->at, len };
	len += len < s->len;
	s->at += len;
	s->len -= (uint32_t)len;
	s->count--;
	return true;
}

bool
counted_next(struct token_strings *s, struct str *out)
{
	struct cursor c = { (const uint8_t *)s->at, s->len, false };

	if (s->count == 0)
		return false;
	*out = take_text(&c);
	s->at = (const char *)c.at;
	s->len = (uint32_t)c.left;
	s->count--;
	return true;
}
