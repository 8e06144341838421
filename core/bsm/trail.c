/* trail: where a record may begin, and the search for the next one behind damage. */
#include "bsm/trail.h"

#include "base/bytes.h"

/*
 * Bytes that show whether a record may begin: id, length, version, and behind event and modifier
 * the address type.
 */
#define HEAD_SIZE    14
#define TRAILER_SIZE 7
#define LAST_SECOND  UINT64_C(253402300799) /* 9999-12-31T23:59:59Z */

void
trail_init(struct trail *t, uint32_t record_max)
{
	*t = (struct trail){ .record_max = record_max != 0 ? record_max : RECORD_MAX_DEFAULT };
}

static uint32_t
header_size(const uint8_t *at, size_t len)
{
	bool wide = at[0] >= 0x74, with_host = at[0] == 0x15 || at[0] == 0x79;
	uint32_t host = with_host ? 8 : 0;

	if (with_host && len >= HEAD_SIZE && be32(at + 10) == 16)
		host = 20;
	return (wide ? 26 : 18) + host;
}

/* May a record begin here, as far as its bytes are there? NULL, or why not. */
static const char *
why_no_header(const struct trail *t, const uint8_t *at, size_t len)
{
	if (!header_is_id(at[0]))
		return "neither a record nor a file token begins here";
	if (len < 5)
		return NULL;
	if (be32(at + 1) < header_size(at, len))
		return "the record length is smaller than its header";
	if (be32(at + 1) > t->record_max)
		return "the record length is larger than the maximum";
	if (len >= 6 && !version_is_openbsm(at[5]) && (at[5] < 2 || at[5] > 4))
		return "unknown header version";
	return NULL;
}

/* May a file token begin here, as far as its bytes are there? */
static bool
may_be_file(const uint8_t *at, size_t len)
{
	if (at[0] != 0x11 && at[0] != 0x78)
		return false;
	return at[0] == 0x11 || len < 9 || be64(at + 1) <= LAST_SECOND;
}

/* May a record or a file token begin here? */
static bool
may_begin(const struct trail *t, const uint8_t *at, size_t len)
{
	return may_be_file(at, len) || why_no_header(t, at, len) == NULL;
}

/* Do the tokens of a record end exactly where it does? */
static bool
tokens_fit(const uint8_t *at, size_t len)
{
	struct header h;
	struct token_reader reader;
	struct token token;
	enum token_status status;

	if (header_read(at, len, &h) != HEADER_READY)
		return false;
	reader = (struct token_reader){ at, h.size, len, h.version };
	while ((status = token_next(&reader, &token)) == TOKEN_READY)
		;
	return status == TOKEN_END && len > h.size;
}

enum fit { FIT_YES, FIT_NO, FIT_MORE };

/*
 * What one search may spend on reading tokens: bytes. Bytes made to look like many records cannot
 * make it slow.
 */
#define EFFORT (4u << 20)

/*
 * Is what begins at window[p] a record of the length that it says? Its trailer says so, or what
 * follows it, or that its tokens come out even. MORE when the window ends too early; *need is then
 * how much of it is wanted.
 */
static enum fit
fits(const struct trail *t, const uint8_t *window, size_t len, size_t p, bool last, size_t *need,
    size_t *effort)
{
	const uint8_t *at = window + p;
	size_t left = len - p, size;

	if (left < HEAD_SIZE) {
		*need = p + HEAD_SIZE;
		return last ? FIT_NO : FIT_MORE;
	}
	if (why_no_header(t, at, left) != NULL)
		return FIT_NO;
	size = be32(at + 1);
	if (left < size || (left == size && !last)) {
		*need = p + size + HEAD_SIZE;
		return last ? FIT_NO : FIT_MORE;
	}
	if (left == size)
		return FIT_YES;
	if (be32(at + size - TRAILER_SIZE) >> 8 == 0x13b105 && be32(at + size - 4) == size)
		return FIT_YES;
	if (may_begin(t, at + size, left - size))
		return FIT_YES;
	if (size > *effort)
		return FIT_NO;
	*effort -= size;
	return tokens_fit(at, size) ? FIT_YES : FIT_NO;
}

static enum trail_status
more(struct trail_item *out, size_t need)
{
	out->len = need;
	return TRAIL_MORE;
}

static enum trail_status
consume(struct trail *t, struct trail_item *out, enum trail_status status, size_t len,
    const char *reason)
{
	out->len = len;
	out->reason = reason;
	t->offset += len;
	t->closed = status == TRAIL_FILE;
	return status;
}

/* Microseconds from Solaris, milliseconds from OpenBSM; what is out of range is none. */
static uint32_t
file_nanoseconds(uint64_t fraction, uint8_t version)
{
	bool milli = version != 0 ? version_is_openbsm(version) : fraction <= 999;

	if (fraction > (milli ? 999u : 999999u))
		return 0;
	return (uint32_t)fraction * (milli ? 1000000 : 1000);
}

/* Is what begins at window[p] a file token with something behind it, or the last? */
static enum fit
file_fits(
    const struct trail *t, const uint8_t *window, size_t len, size_t p, bool last, size_t *need)
{
	struct file_token file;
	size_t end;

	if (!may_be_file(window + p, len - p))
		return FIT_NO;
	if (file_token_read(window + p, len - p, &file) != TOKEN_READY) {
		*need = len + UINT16_MAX + HEAD_SIZE;
		return last ? FIT_NO : FIT_MORE;
	}
	end = p + file.size;
	if (len - end < HEAD_SIZE && !last) {
		*need = end + HEAD_SIZE;
		return FIT_MORE;
	}
	return end == len || may_begin(t, window + end, len - end) ? FIT_YES : FIT_NO;
}

/* Behind damage: the next place where a record or the last file token fits. */
static enum trail_status
resume(struct trail *t, const uint8_t *window, size_t len, bool last, const char *reason,
    struct trail_item *out)
{
	enum fit fit;
	size_t p, need = 0, effort = EFFORT, most = len < t->record_max ? len : t->record_max;

	for (p = 1; p < most; p++) {
		if (header_is_id(window[p]))
			fit = fits(t, window, len, p, last, &need, &effort);
		else
			fit = file_fits(t, window, len, p, last, &need);
		switch (fit) {
		case FIT_YES: return consume(t, out, TRAIL_DAMAGE, p, reason);
		case FIT_MORE: return more(out, need);
		case FIT_NO: break;
		}
	}
	if (p == len && !last)
		return more(out, len * 2 + 65536);
	return consume(t, out, TRAIL_DAMAGE, p, reason);
}

/*
 * Bytes that end too early are cut off, if nothing among them is a record; else their length is
 * wrong.
 */
static enum trail_status
cut_or_damage(struct trail *t, const uint8_t *window, size_t len, const char *cut,
    const char *damage, struct trail_item *out)
{
	enum trail_status status = resume(t, window, len, true, damage, out);

	if (out->len == len) {
		out->reason = cut;
		return TRAIL_CUT;
	}
	return status;
}

/* The dialect of a file token is that of the record behind it, or before it. */
static enum trail_status
next_file(struct trail *t, const uint8_t *window, size_t len, bool last, struct trail_item *out)
{
	uint8_t version = t->version;
	size_t size, need = 0;

	switch (file_fits(t, window, len, 0, last, &need)) {
	case FIT_YES: break;
	case FIT_MORE: return more(out, need);
	case FIT_NO:
		if (file_token_read(window, len, &out->file) == TOKEN_CUT)
			return cut_or_damage(t, window, len, "the file ends in a file token",
			    "the file token leads to no record", out);
		return resume(t, window, len, last, "the file token leads to no record", out);
	}
	if (file_token_read(window, len, &out->file) != TOKEN_READY)
		return consume(t, out, TRAIL_CUT, len, "the file ends in a file token");
	size = out->file.size;
	if (len - size >= HEAD_SIZE && header_is_id(window[size]))
		version = window[size + 5];
	out->nanoseconds = file_nanoseconds(out->file.fraction, version);
	return consume(t, out, TRAIL_FILE, size, NULL);
}

enum trail_status
trail_next(struct trail *t, const uint8_t *window, size_t len, bool last, struct trail_item *out)
{
	const char *reason;
	size_t need = 0, effort = SIZE_MAX;

	*out = (struct trail_item){ .offset = t->offset, .at = window };
	if (len == 0)
		return last ? TRAIL_END : more(out, HEAD_SIZE);
	if (may_be_file(window, len))
		return next_file(t, window, len, last, out);
	if ((reason = why_no_header(t, window, len)) != NULL)
		return resume(t, window, len, last, reason, out);
	switch (fits(t, window, len, 0, last, &need, &effort)) {
	case FIT_YES: break;
	case FIT_MORE: return more(out, need);
	case FIT_NO:
		reason = "the record length leads to no other record";
		if (len < HEAD_SIZE || be32(window + 1) > len)
			return cut_or_damage(
			    t, window, len, "the file ends in a record", reason, out);
		return resume(t, window, len, last, reason, out);
	}
	t->version = window[5];
	return consume(t, out, TRAIL_RECORD, be32(window + 1), NULL);
}
