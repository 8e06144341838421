/* utf8: sequences as RFC 3629 has them, found and spelled. */
#include "base/utf8.h"

#include <stdint.h>

/*
 * Length of the valid sequence at the start of at[0..len), 1 to 4, or 0 when the first byte does
 * not begin one.
 */
static size_t
utf8_sequence(const char *at, size_t len)
{
	const unsigned char *p = (const unsigned char *)at;
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	/* The second byte tells overlong forms, surrogates and what lies above U+10FFFF. */
	switch (p[0]) {
	case 0xe0: low = 0xa0; break;
	case 0xed: high = 0x9f; break;
	case 0xf0: low = 0x90; break;
	case 0xf4: high = 0x8f; break;
	}
	if (len < n || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return n;
}

bool
utf8_valid(const char *at, size_t len)
{
	size_t n;

	while (len > 0) {
		while (len >= 8) {
			uint64_t word;

			memcpy(&word, at, 8);
			if ((word & UINT64_C(0x8080808080808080)) != 0)
				break;
			at += 8;
			len -= 8;
		}
		if (len == 0)
			break;
		if ((n = utf8_sequence(at, len)) == 0)
			return false;
		at += n;
		len -= n;
	}
	return true;
}

void
utf8_spell(struct buf *out, const char *at, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n;

	while (len > 0) {
		if ((n = utf8_sequence(at, len)) == 0) {
			unsigned char c = (unsigned char)*at;
			char spelled[4] = { '\\', 'x', hex[c >> 4], hex[c & 15] };

			buf_append(out, spelled, 4);
			n = 1;
		} else if (*at == '\\')
			buf_append(out, "\\\\", 2);
		else
			buf_append(out, at, n);
		at += n;
		len -= n;
	}
}
