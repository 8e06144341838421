/* format: puts and gets headers, senders and records; a length is checked before it is used. */
#include "journal/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "journal/crc32c.h"

#define COPY  128 /* one copy of the header */
#define MAGIC "auditjnl"

static void
put_be16(uint8_t *out, uint16_t v)
{
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
}

void
format_put_header(uint8_t out[FORMAT_HEADER], const struct format_header *h)
{
	memset(out, 0, COPY);
	memcpy(out, MAGIC, 8);
	put_be32(out + 8, FORMAT_VERSION);
	put_be32(out + 12, FORMAT_HEADER);
	put_be64(out + 16, h->first);
	put_be32(out + 24, h->attempt);
	put_be32(out + 28, h->salt);
	put_be64(out + 32, (uint64_t)h->created);
	put_be64(out + 40, h->cursor);
	put_be64(out + 48, h->previous_first);
	put_be64(out + 56, h->previous_end);
	put_be32(out + 64, h->previous_attempt);
	put_be32(out + COPY - 4, crc32c(0, out, COPY - 4));
	memcpy(out + COPY, out, COPY);
}

static enum format_status
get_copy(const uint8_t *in, struct format_header *out)
{
	if (memcmp(in, MAGIC, 8) != 0 || be32(in + COPY - 4) != crc32c(0, in, COPY - 4))
		return FORMAT_BAD;
	out->size = be32(in + 12);
	out->first = be64(in + 16);
	out->attempt = be32(in + 24);
	out->salt = be32(in + 28);
	out->created = (int64_t)be64(in + 32);
	out->cursor = be64(in + 40);
	out->previous_first = be64(in + 48);
	out->previous_end = be64(in + 56);
	out->previous_attempt = be32(in + 64);
	/* Numbers are counted up from it; one that leaves no room was not written by us. */
	if (out->first == 0 || out->first > UINT64_MAX / 2)
		return FORMAT_BAD;
	if (be32(in + 8) != FORMAT_VERSION)
		return FORMAT_NEWER;
	return out->size >= FORMAT_HEADER ? FORMAT_OK : FORMAT_BAD;
}

enum format_status
format_get_header(const uint8_t *in, size_t len, struct format_header *out)
{
	enum format_status status = FORMAT_BAD;

	if (len >= COPY)
		status = get_copy(in, out);
	if (status == FORMAT_BAD && len >= FORMAT_HEADER)
		status = get_copy(in + COPY, out);
	return status;
}

void
format_put_head(uint8_t out[FORMAT_HEAD], uint32_t salt, const struct format_head *h)
{
	put_be32(out + 4, h->body_check);
	put_be32(out + 8, h->length);
	out[12] = h->kind;
	out[13] = h->flags;
	put_be16(out + 14, h->sender);
	put_be32(out + 16, h->relative);
	put_be64(out + 20, h->sequence);
	put_be64(out + 28, (uint64_t)h->received);
	put_be32(out, crc32c(salt, out + 4, FORMAT_HEAD - 4));
}

bool
format_get_head(const uint8_t *in, uint32_t salt, struct format_head *out)
{
	if (be32(in) != crc32c(salt, in + 4, FORMAT_HEAD - 4))
		return false;
	out->body_check = be32(in + 4);
	out->length = be32(in + 8);
	out->kind = in[12];
	out->flags = in[13];
	out->sender = be16(in + 14);
	out->relative = be32(in + 16);
	out->sequence = be64(in + 20);
	out->received = (int64_t)be64(in + 28);
	return true;
}

/* The texts of a sender in their order on disk. */
#define SENDER_TEXTS 5

static const struct str *
sender_text(const struct journal_sender *s, int i)
{
	const struct str *const texts[SENDER_TEXTS] = { &s->name, &s->from, &s->host, &s->principal,
		&s->group };

	return texts[i];
}

static size_t
text_length(struct str text)
{
	return text.len < UINT16_MAX ? text.len : UINT16_MAX;
}

size_t
format_sender_size(const struct journal_sender *s)
{
	size_t size = 0;

	for (int i = 0; i < SENDER_TEXTS; i++)
		size += 2 + text_length(*sender_text(s, i));
	return size;
}

void
format_put_sender(uint8_t *out, const struct journal_sender *s)
{
	for (int i = 0; i < SENDER_TEXTS; i++) {
		size_t n = text_length(*sender_text(s, i));

		put_be16(out, (uint16_t)n);
		if (n > 0)
			memcpy(out + 2, sender_text(s, i)->at, n);
		out += 2 + n;
	}
}

bool
format_get_sender(struct str body, struct journal_sender *out)
{
	struct str *const texts[SENDER_TEXTS] = { &out->name, &out->from, &out->host,
		&out->principal, &out->group };

	for (int i = 0; i < SENDER_TEXTS; i++) {
		size_t n;

		if (body.len < 2 || (n = be16(body.at)) > body.len - 2)
			return false;
		*texts[i] = (struct str){ body.at + 2, n };
		body.at += 2 + n;
		body.len -= 2 + n;
	}
	return true; /* a later version may have more texts */
}

size_t
format_record_size(const struct journal_entry *e, uint8_t *flags)
{
	bool full = e->full_size > e->bytes.len, note = e->note.len > 0;

	*flags = (uint8_t)((full ? FORMAT_FULL : 0) | (note ? FORMAT_NOTE : 0));
	return (full ? 8 : 0) + (note ? 4 : 0) + e->bytes.len + e->note.len;
}

void
format_put_record(uint8_t *out, const struct journal_entry *e, uint8_t flags)
{
	if (flags & FORMAT_FULL) {
		put_be64(out, e->full_size);
		out += 8;
	}
	if (flags & FORMAT_NOTE) {
		put_be32(out, (uint32_t)e->note.len);
		out += 4;
	}
	if (e->bytes.len > 0)
		memcpy(out, e->bytes.at, e->bytes.len);
	if (e->note.len > 0)
		memcpy(out + e->bytes.len, e->note.at, e->note.len);
}

bool
format_get_record(struct str body, uint8_t flags, struct journal_entry *out)
{
	size_t fixed = (flags & FORMAT_FULL ? 8 : 0) + (flags & FORMAT_NOTE ? 4 : 0), note = 0;
	uint64_t full = 0;

	if (body.len < fixed || (flags & ~(FORMAT_FULL | FORMAT_NOTE)) != 0)
		return false;
	if (flags & FORMAT_FULL)
		full = be64(body.at);
	if (flags & FORMAT_NOTE)
		note = be32(body.at + fixed - 4);
	body.at += fixed;
	body.len -= fixed;
	if (note > body.len)
		return false;
	out->bytes = (struct str){ body.at, body.len - note };
	out->note = (struct str){ body.at + body.len - note, note };
	out->full_size = flags & FORMAT_FULL ? full : out->bytes.len;
	return true;
}

void
format_name(uint64_t first, uint32_t attempt, char out[FORMAT_NAME_SIZE])
{
	if (attempt == 0)
		snprintf(out, FORMAT_NAME_SIZE, "%020" PRIu64 ".journal", first);
	else
		snprintf(
		    out, FORMAT_NAME_SIZE, "%020" PRIu64 ".%" PRIu32 ".journal", first, attempt);
}

bool
format_is_name(const char *name)
{
	size_t digits = strspn(name, "0123456789"), more;
	const char *rest = name + digits;

	if (digits != 20 || strlen(name) >= FORMAT_NAME_SIZE)
		return false;
	if (rest[0] == '.' && (more = strspn(rest + 1, "0123456789")) > 0)
		rest += 1 + more;
	return strcmp(rest, ".journal") == 0 || strcmp(rest, ".moved") == 0;
}
