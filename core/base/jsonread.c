/* jsonread: the grammar as a state and a stack of brackets in bits. */
#include "base/jsonread.h"

enum expect {
	EXPECT_VALUE,        /* a value has to come */
	EXPECT_VALUE_OR_END, /* behind '[' */
	EXPECT_KEY_OR_END,   /* behind '{' */
	EXPECT_COMMA_OR_END, /* behind a value inside brackets */
	EXPECT_NOTHING,      /* the value is whole */
	EXPECT_FAILED,
};

void
jsonread_init(struct jsonread *r, struct str json)
{
	r->at = json.len > 0 ? json.at : "";
	r->end = r->at + json.len;
	r->text = (struct str){ r->at, 0 };
	r->escaped = false;
	r->expect = EXPECT_VALUE;
	r->depth = 0;
}

static enum jsonread_token
bad(struct jsonread *r)
{
	r->expect = EXPECT_FAILED;
	r->text.len = 0;
	return JSONREAD_BAD;
}

static void
skip_blanks(struct jsonread *r)
{
	while (
	    r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
		r->at++;
}

static bool
in_object(const struct jsonread *r)
{
	return (r->is_object[(r->depth - 1) / 64] >> ((r->depth - 1) % 64) & 1) != 0;
}

static void
value_done(struct jsonread *r)
{
	r->expect = r->depth > 0 ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
}

static enum jsonread_token
open_bracket(struct jsonread *r, bool object)
{
	uint64_t bit;

	if (r->depth == JSONREAD_DEPTH)
		return bad(r);
	bit = UINT64_C(1) << (r->depth % 64);
	if (object)
		r->is_object[r->depth / 64] |= bit;
	else
		r->is_object[r->depth / 64] &= ~bit;
	r->depth++;
	r->text = (struct str){ r->at++, 1 };
	r->expect = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
	return object ? JSONREAD_OBJECT : JSONREAD_ARRAY;
}

static enum jsonread_token
close_bracket(struct jsonread *r)
{
	bool object = in_object(r);

	if (*r->at != (object ? '}' : ']'))
		return bad(r);
	r->text = (struct str){ r->at++, 1 };
	r->depth--;
	value_done(r);
	return object ? JSONREAD_OBJECT_END : JSONREAD_ARRAY_END;
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Reads a string; at stands on its opening quote. */
static bool
read_string(struct jsonread *r)
{
	const char *p = r->at + 1;

	r->escaped = false;
	for (; p < r->end && *p != '"'; p++) {
		if ((unsigned char)*p < 0x20)
			return false;
		if (*p != '\\')
			continue;
		r->escaped = true;
		if (++p == r->end)
			return false;
		if (*p == 'u') {
			if (r->end - p < 5 || !is_hex(p[1]) || !is_hex(p[2]) || !is_hex(p[3]) ||
			    !is_hex(p[4]))
				return false;
			p += 4;
		} else if (*p == '\0' || strchr("\"\\/bfnrt", *p) == NULL)
			return false;
	}
	if (p >= r->end)
		return false;
	r->text = (struct str){ r->at + 1, (size_t)(p - r->at - 1) };
	r->at = p + 1;
	return true;
}

static const char *
digits(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

static bool
read_number(struct jsonread *r)
{
	const char *p = r->at, *from;

	if (p < r->end && *p == '-')
		p++;
	from = p;
	p = digits(p, r->end);
	if (p == from || (*from == '0' && p - from > 1))
		return false;
	if (p < r->end && *p == '.') {
		from = ++p;
		if ((p = digits(p, r->end)) == from)
			return false;
	}
	if (p < r->end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < r->end && (*p == '+' || *p == '-'))
			p++;
		from = p;
		if ((p = digits(p, r->end)) == from)
			return false;
	}
	r->text = (struct str){ r->at, (size_t)(p - r->at) };
	r->at = p;
	return true;
}

static enum jsonread_token
read_word(struct jsonread *r, struct str word, enum jsonread_token token)
{
	if ((size_t)(r->end - r->at) < word.len || memcmp(r->at, word.at, word.len) != 0)
		return bad(r);
	r->text = (struct str){ r->at, word.len };
	r->at += word.len;
	value_done(r);
	return token;
}

static enum jsonread_token
read_value(struct jsonread *r)
{
	switch (*r->at) {
	case '{': return open_bracket(r, true);
	case '[': return open_bracket(r, false);
	case '"':
		if (!read_string(r))
			return bad(r);
		value_done(r);
		return JSONREAD_TEXT;
	case 't': return read_word(r, STR("true"), JSONREAD_TRUE);
	case 'f': return read_word(r, STR("false"), JSONREAD_FALSE);
	case 'n': return read_word(r, STR("null"), JSONREAD_NULL);
	default:
		if (!read_number(r))
			return bad(r);
		value_done(r);
		return JSONREAD_NUMBER;
	}
}

static enum jsonread_token
read_key(struct jsonread *r)
{
	if (*r->at != '"' || !read_string(r))
		return bad(r);
	skip_blanks(r);
	if (r->at == r->end || *r->at != ':')
		return bad(r);
	r->at++;
	r->expect = EXPECT_VALUE;
	return JSONREAD_KEY;
}

enum jsonread_token
jsonread_next(struct jsonread *r)
{
	if (r->expect == EXPECT_FAILED)
		return JSONREAD_BAD;
	skip_blanks(r);
	if (r->at == r->end)
		return r->expect == EXPECT_NOTHING ? JSONREAD_END : bad(r);
	switch ((enum expect)r->expect) {
	case EXPECT_VALUE: return read_value(r);
	case EXPECT_VALUE_OR_END: return *r->at == ']' ? close_bracket(r) : read_value(r);
	case EXPECT_KEY_OR_END: return *r->at == '}' ? close_bracket(r) : read_key(r);
	case EXPECT_COMMA_OR_END:
		if (*r->at != ',')
			return close_bracket(r);
		r->at++;
		skip_blanks(r);
		if (r->at == r->end)
			return bad(r);
		return in_object(r) ? read_key(r) : read_value(r);
	case EXPECT_NOTHING:
	case EXPECT_FAILED: break;
	}
	return bad(r);
}

bool
jsonread_skip(struct jsonread *r)
{
	unsigned depth = r->depth;
	const char *from;
	enum jsonread_token token = jsonread_next(r);

	switch (token) {
	case JSONREAD_TEXT: r->text = (struct str){ r->text.at - 1, r->text.len + 2 }; return true;
	case JSONREAD_NUMBER:
	case JSONREAD_TRUE:
	case JSONREAD_FALSE:
	case JSONREAD_NULL: return true;
	case JSONREAD_OBJECT:
	case JSONREAD_ARRAY:
		from = r->text.at;
		while (r->depth > depth)
			if (jsonread_next(r) == JSONREAD_BAD)
				return false;
		r->text = (struct str){ from, (size_t)(r->at - from) };
		return true;
	default: return false;
	}
}

static unsigned
hex4(const char *p)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++) {
		unsigned c = (unsigned char)p[i];

		v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v;
}

static void
put_code_point(struct buf *out, unsigned c)
{
	char bytes[4];
	size_t n;

	if (c < 0x80) {
		bytes[0] = (char)c;
		n = 1;
	} else if (c < 0x800) {
		bytes[0] = (char)(0xC0 | c >> 6);
		bytes[1] = (char)(0x80 | (c & 0x3F));
		n = 2;
	} else if (c < 0x10000) {
		bytes[0] = (char)(0xE0 | c >> 12);
		bytes[1] = (char)(0x80 | (c >> 6 & 0x3F));
		bytes[2] = (char)(0x80 | (c & 0x3F));
		n = 3;
	} else {
		bytes[0] = (char)(0xF0 | c >> 18);
		bytes[1] = (char)(0x80 | (c >> 12 & 0x3F));
		bytes[2] = (char)(0x80 | (c >> 6 & 0x3F));
		bytes[3] = (char)(0x80 | (c & 0x3F));
		n = 4;
	}
	buf_append(out, bytes, n);
}

static bool
is_unicode_escape(const char *p, const char *end)
{
	return end - p >= 6 && p[0] == '\\' && p[1] == 'u' && is_hex(p[2]) && is_hex(p[3]) &&
	       is_hex(p[4]) && is_hex(p[5]);
}

/* Reads \uXXXX at p, with a second half behind it where it has one; returns what follows. */
static const char *
decode_unicode(struct buf *out, const char *p, const char *end)
{
	unsigned c = hex4(p + 2), low;

	p += 6;
	if (c >= 0xD800 && c < 0xDC00 && is_unicode_escape(p, end)) {
		low = hex4(p + 2);
		if (low >= 0xDC00 && low < 0xE000) {
			put_code_point(out, 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00));
			return p + 6;
		}
	}
	put_code_point(out, c >= 0xD800 && c < 0xE000 ? 0xFFFD : c);
	return p;
}

bool
jsonread_decode(struct buf *out, struct str written)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *p = written.at, *end = p + written.len, *next, *letter;

	while (p < end) {
		if ((next = memchr(p, '\\', (size_t)(end - p))) == NULL)
			next = end;
		buf_append(out, p, (size_t)(next - p));
		if ((p = next) == end)
			break;
		if (is_unicode_escape(p, end)) {
			p = decode_unicode(out, p, end);
			continue;
		}
		if (end - p < 2 || p[1] == '\0' || (letter = strchr(letters, p[1])) == NULL)
			return false;
		buf_byte(out, meant[letter - letters]);
		p += 2;
	}
	return !buf_failed(out);
}

bool
jsonread_is(const struct jsonread *r, struct str plain)
{
	struct buf decoded = { 0 };
	bool same;

	if (!r->escaped)
		return str_equal(r->text, plain);
	same = jsonread_decode(&decoded, r->text) && str_equal(buf_view(&decoded), plain);
	buf_fini(&decoded);
	return same;
}

bool
jsonread_integer(const struct jsonread *r, int64_t *out)
{
	const char *p = r->text.at, *end = p + r->text.len;
	bool negative = p < end && *p == '-';
	uint64_t v = 0, most = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;

	if (negative)
		p++;
	if (p == end)
		return false;
	for (; p < end; p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (digit > 9 || v > (most - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = negative ? (int64_t)-v : (int64_t)v;
	return true;
}
