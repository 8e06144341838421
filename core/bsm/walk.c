/* walk: texts, numbers, names, masks and addresses as values of a sink. */
#include "bsm/walk.h"

#include "base/addr.h"
#include "base/utf8.h"

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/*
 * Non-zero when one of eight bytes is not ASCII, or a control character below 0x20, or a quote or
 * backslash.
 */
static inline uint64_t
unplain(uint64_t word)
{
	uint64_t quote = word ^ (ONES * '"'), backslash = word ^ (ONES * '\\');

	return (word | (word - ONES * 0x20) | (quote - ONES) | (backslash - ONES)) & HIGHS;
}

static inline bool
is_plain_byte(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static inline uint64_t
load8(const char *at)
{
	uint64_t word;

	memcpy(&word, at, 8);
	return word;
}

/* Up to seven bytes, with blanks for those that are not there. */
static inline uint64_t
load_few(const char *at, size_t len)
{
	uint64_t word = ONES * ' ';
	uint32_t low, high;

	if (len >= 4) {
		memcpy(&low, at, 4);
		memcpy(&high, at + len - 4, 4);
		return (uint64_t)high << 32 | low;
	}
	for (size_t i = 0; i < len; i++)
		word = word << 8 | (unsigned char)at[i];
	return word;
}

/* A word, as sink.h has it: what nearly every text is. */
static inline bool
is_plain(const char *at, size_t len)
{
	uint64_t odd = 0;

	if (len < 8)
		return unplain(load_few(at, len)) == 0;
	for (size_t i = 0; i + 8 < len; i += 8)
		odd |= unplain(load8(at + i));
	return (odd | unplain(load8(at + len - 8))) == 0;
}

/* What the scratch buf holds; an empty one may have no bytes at all. */
void
put_scratch(struct walk *w)
{
	struct buf *b = &w->scratch->text;

	if (buf_failed(b)) {
		w->scratch->no_memory = true;
		buf_cut(b, 0);
	}
	w->ops->text(w->sink, b->len > 0 ? b->at : "", b->len);
}

static void
put_unplain(struct walk *w, struct str raw, bool odd)
{
	odd = odd || !utf8_valid(raw.at, raw.len);
	if (w->escapes != NULL)
		escaped_note(w, raw, odd);
	if (!odd) {
		w->ops->text(w->sink, raw.at, raw.len);
		return;
	}
	w->spelled = true;
	buf_cut(&w->scratch->text, 0);
	utf8_spell(&w->scratch->text, raw.at, raw.len);
	put_scratch(w);
}

void
put_text(struct walk *w, struct str raw)
{
	if (LIKELY(is_plain(raw.at, raw.len)))
		w->ops->word(w->sink, raw.at, raw.len);
	else
		put_unplain(w, raw, false);
}

/* How many bytes at the start are plain. */
static inline size_t
plain_run(const char *at, size_t len)
{
	size_t i = 0;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	for (; i + 8 <= len; i += 8) {
		uint64_t odd = unplain(load8(at + i));

		if (odd != 0)
			return i + (size_t)__builtin_ctzll(odd) / 8;
	}
	if (i + 4 <= len) {
		uint32_t four;
		uint64_t odd;

		memcpy(&four, at + i, 4);
		if ((odd = unplain(four | (ONES * ' ') << 32)) != 0)
			return i + (size_t)__builtin_ctzll(odd) / 8;
		i += 4;
	}
#endif
	while (i < len && is_plain_byte((unsigned char)at[i]))
		i++;
	return i;
}

/*
 * A plain string ends at the first byte that is not: one look finds its end and that nothing is to
 * be done about it.
 */
void
put_each_string(struct walk *w, const struct token_strings *strings)
{
	struct token_strings left = *strings;
	struct str s;

	while (left.count > 0) {
		size_t n = plain_run(left.at, left.len);

		if (LIKELY(n < left.len && left.at[n] == '\0')) {
			w->ops->word(w->sink, left.at, n);
			left.at += n + 1;
			left.len -= (uint32_t)n + 1;
			left.count--;
		} else if (string_next(&left, &s))
			put_text(w, s);
	}
}

void
put_text_odd(struct walk *w, struct str raw, bool odd)
{
	if (UNLIKELY(odd))
		put_unplain(w, raw, true);
	else
		put_text(w, raw);
}

void
put_text_pair(struct walk *w, enum key key, struct str raw)
{
	put_key(w, key);
	put_text(w, raw);
}

void
put_word_pair(struct walk *w, enum key key, struct str word)
{
	put_key(w, key);
	put_word(w, word);
}

/* Digits of a number in base 8, 10 or 16, right-aligned before end; returns their start. */
static char *
digits_before(char *end, uint64_t number, unsigned base, unsigned least, const char *digits)
{
	char *p = end;

	while (number > 0 || (unsigned)(end - p) < least) {
		*--p = digits[number % base];
		number /= base;
	}
	return p;
}

static const char lower_digits[] = "0123456789abcdef";

void
put_name(struct walk *w, struct str name, int64_t number)
{
	char text[24], *end = text + sizeof(text), *p;

	if (name.len > 0) {
		put_word(w, name);
		return;
	}
	p = digits_before(
	    end, number < 0 ? -(uint64_t)number : (uint64_t)number, 10, 1, lower_digits);
	if (number < 0)
		*--p = '-';
	w->ops->word(w->sink, p, (size_t)(end - p));
}

void
put_hex(struct walk *w, const uint8_t *bytes, size_t len)
{
	struct buf *b = &w->scratch->text;

	buf_cut(b, 0);
	if (len > SIZE_MAX / 4 || !buf_need(b, len * 2 + 1)) {
		w->scratch->no_memory = true;
		w->ops->word(w->sink, "", 0);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		b->at[b->len++] = lower_digits[bytes[i] >> 4];
		b->at[b->len++] = lower_digits[bytes[i] & 15];
	}
	w->ops->word(w->sink, b->at, b->len);
}

/* Eight digits of a number, all at once: a byte for each half byte, then what the digit adds. */
static inline void
hex_digits(char out[8], uint32_t number, bool upper)
{
	uint64_t v = number, over;

	v = (v & 0xffff) | (v & 0xffff0000) << 16;
	v = (v & UINT64_C(0x000000ff000000ff)) | (v & UINT64_C(0x0000ff000000ff00)) << 8;
	v = (v & UINT64_C(0x000f000f000f000f)) | (v & UINT64_C(0x00f000f000f000f0)) << 4;
	over = (v + ONES * 6) >> 4 & ONES; /* 1 where the digit is a letter */
	v += ONES * '0' + over * (unsigned)((upper ? 'A' : 'a') - '0' - 10);
	v = __builtin_bswap64(v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	memcpy(out, &v, 8);
}

void
put_hex_number(struct walk *w, uint64_t number, unsigned digits, bool upper)
{
	char text[16];

	hex_digits(text, (uint32_t)(number >> 32), upper);
	hex_digits(text + 8, (uint32_t)number, upper);
	w->ops->word(w->sink, text + 16 - digits, digits);
}

void
put_octal(struct walk *w, uint64_t number)
{
	char text[24], *end = text + sizeof(text);
	char *p = digits_before(end, number, 8, 1, lower_digits);

	w->ops->word(w->sink, p, (size_t)(end - p));
}

void
put_addr(struct walk *w, struct token_addr addr)
{
	char text[ADDR_TEXT_SIZE];
	size_t len = addr.len == 4 ? addr_text4(addr.at, text) : addr_text16(addr.at, text);

	w->ops->word(w->sink, text, len);
}

void
put_addr_pair(struct walk *w, enum key key, struct token_addr addr)
{
	put_key(w, key);
	put_addr(w, addr);
}

bool
addr_is_zero(struct token_addr addr)
{
	for (uint32_t i = 0; i < addr.len; i++)
		if (addr.at[i] != 0)
			return false;
	return true;
}

void
put_names(struct walk *w, const struct str *names, unsigned count, uint64_t rest)
{
	open_list(w);
	for (unsigned i = 0; i < count; i++)
		put_word(w, names[i]);
	if (rest != 0) {
		char text[18], *end = text + sizeof(text);
		char *p = digits_before(end, rest, 16, 1, lower_digits);

		*--p = 'x';
		*--p = '0';
		w->ops->word(w->sink, p, (size_t)(end - p));
	}
	close_list(w);
}

void
put_bits(struct walk *w, enum names_list list, uint64_t mask)
{
	struct str names[NAMES_BITS];
	uint64_t rest;
	unsigned count = names_bits(list, mask, names, &rest);

	put_names(w, names, count, rest);
}
