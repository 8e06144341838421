/* json: quoting, escapes and commas; clean text goes out in one copy. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

/*
 * What a byte becomes inside a JSON text: 0 as it is, 'u' \u00NN, else backslash and this letter.
 */
static const char escapes[256] = {
	['"'] = '"',
	['\\'] = '\\',
	['\b'] = 'b',
	['\f'] = 'f',
	['\n'] = 'n',
	['\r'] = 'r',
	['\t'] = 't',
	[0] = 'u',
	[1] = 'u',
	[2] = 'u',
	[3] = 'u',
	[4] = 'u',
	[5] = 'u',
	[6] = 'u',
	[7] = 'u',
	[11] = 'u',
	[14] = 'u',
	[15] = 'u',
	[16] = 'u',
	[17] = 'u',
	[18] = 'u',
	[19] = 'u',
	[20] = 'u',
	[21] = 'u',
	[22] = 'u',
	[23] = 'u',
	[24] = 'u',
	[25] = 'u',
	[26] = 'u',
	[27] = 'u',
	[28] = 'u',
	[29] = 'u',
	[30] = 'u',
	[31] = 'u',
};

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* Non-zero when one of eight bytes is a control character, a quote or a backslash. */
static inline uint64_t
has_special(uint64_t w)
{
	uint64_t quote = w ^ (ONES * '"'), backslash = w ^ (ONES * '\\');

	return (((w - ONES * 0x20) & ~w) | ((quote - ONES) & ~quote) |
		   ((backslash - ONES) & ~backslash)) &
	       HIGHS;
}

/*
 * True when nothing has to be escaped; most texts are like that, and are looked at eight bytes at a
 * time.
 */
static inline bool
is_clean(const char *at, size_t len)
{
	uint64_t word;

	if (len >= 8) {
		for (size_t i = 0; i + 8 <= len; i += 8) {
			memcpy(&word, at + i, 8);
			if (has_special(word) != 0)
				return false;
		}
		memcpy(&word, at + len - 8, 8); /* the rest, with some of what was seen before */
		return has_special(word) == 0;
	}
	if (len >= 4) {
		uint32_t front, back;

		memcpy(&front, at, 4);
		memcpy(&back, at + len - 4, 4);
		return has_special((uint64_t)front << 32 | back) == 0;
	}
	for (size_t i = 0; i < len; i++)
		if (escapes[(unsigned char)at[i]] != 0)
			return false;
	return true;
}

static inline char *
put_escaped(char *p, const char *at, size_t len)
{
	static const char hex[] = "0123456789abcdef";

	while (len > 0) {
		unsigned char c;

		while (len >= 8) {
			uint64_t word;

			memcpy(&word, at, 8);
			if (has_special(word) != 0)
				break;
			memcpy(p, at, 8);
			p += 8;
			at += 8;
			len -= 8;
		}
		if (len == 0)
			break;
		c = (unsigned char)*at++;
		len--;
		if (LIKELY(escapes[c] == 0))
			*p++ = (char)c;
		else if (escapes[c] == 'u') {
			memcpy(p, "\\u00", 4);
			p[4] = hex[c >> 4];
			p[5] = hex[c & 15];
			p += 6;
		} else {
			*p++ = '\\';
			*p++ = escapes[c];
		}
	}
	return p;
}

/*
 * Writes a comma if one is due, and the quoted text; returns the end, or NULL when memory is out.
 */
static inline char *
put_quoted(struct json *j, const char *at, size_t len)
{
	char *p;

	if (UNLIKELY(len > SIZE_MAX / 8)) {
		j->out->failed = true;
		return NULL;
	}
	if (!buf_need(j->out, len * 6 + 4))
		return NULL;
	p = buf_end(j->out);
	if (j->comma)
		*p++ = ',';
	*p++ = '"';
	if (LIKELY(is_clean(at, len))) {
		if (len > 0) /* at may be NULL then */
			memcpy(p, at, len);
		p += len;
	} else
		p = put_escaped(p, at, len);
	*p++ = '"';
	return p;
}

void
json_key(struct json *j, const char *name, size_t len)
{
	char *p = put_quoted(j, name, len);

	if (p == NULL)
		return;
	*p++ = ':';
	j->out->len = (size_t)(p - j->out->at);
	j->comma = false;
}

void
json_text(struct json *j, const char *at, size_t len)
{
	char *p = put_quoted(j, at, len);

	if (p == NULL)
		return;
	j->out->len = (size_t)(p - j->out->at);
	j->comma = true;
}

void
json_integer(struct json *j, int64_t v)
{
	static const char pairs[] = "0001020304050607080910111213141516171819"
				    "2021222324252627282930313233343536373839"
				    "4041424344454647484950515253545556575859"
				    "6061626364656667686970717273747576777879"
				    "8081828384858687888990919293949596979899";
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
	char digits[20], *first = digits + sizeof(digits), *p;
	size_t len;

	if (!buf_need(j->out, sizeof(digits) + 2))
		return;
	while (u >= 100) {
		first -= 2;
		memcpy(first, pairs + (u % 100) * 2, 2);
		u /= 100;
	}
	if (u >= 10) {
		first -= 2;
		memcpy(first, pairs + u * 2, 2);
	} else
		*--first = (char)('0' + u);
	p = buf_end(j->out);
	if (j->comma)
		*p++ = ',';
	if (v < 0)
		*p++ = '-';
	len = (size_t)(digits + sizeof(digits) - first);
	memcpy(p, first, len);
	j->out->len = (size_t)(p - j->out->at) + len;
	j->comma = true;
}

void
json_number(struct json *j, double v)
{
	char text[40];
	int n = 0;

	if (!isfinite(v)) {
		json_null(j);
		return;
	}
	for (int precision = 15; precision <= 17; precision++) {
		n = snprintf(text, sizeof(text), "%.*g", precision, v);
		if (strtod(text, NULL) == v)
			break;
	}
	json_raw(j, (struct str){ text, (size_t)n });
}

void
json_bool(struct json *j, bool v)
{
	json_raw(j, v ? STR("true") : STR("false"));
}

void
json_null(struct json *j)
{
	json_raw(j, STR("null"));
}

void
json_raw(struct json *j, struct str value)
{
	if (j->comma)
		buf_byte(j->out, ',');
	buf_str(j->out, value);
	j->comma = true;
}

void
json_member(struct json *j, const char *name, struct str text)
{
	struct buf spelled = { 0 };

	if (text.len == 0)
		return;
	json_key(j, name, strlen(name));
	if (!utf8_valid(text.at, text.len)) {
		utf8_spell(&spelled, text.at, text.len);
		j->out->failed |= buf_failed(&spelled);
		text = buf_view(&spelled);
	}
	json_text(j, text.at, text.len);
	buf_fini(&spelled);
}
