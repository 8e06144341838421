/* journal_entry: entries on standard output, as they are, or as documents. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "cmd/journal.h"
#include "cmd/pretty.h"

/* To standard output, all of it. */
static struct err *
write_out(struct str bytes)
{
	ssize_t n;

	while (bytes.len > 0) {
		if ((n = write(STDOUT_FILENO, bytes.at, bytes.len)) < 0) {
			if (errno == EINTR)
				continue;
			return err_sys("standard output");
		}
		bytes = (struct str){ bytes.at + n, bytes.len - (size_t)n };
	}
	return NULL;
}

static void
put_integer(struct json *j, const char *key, uint64_t value)
{
	json_key(j, key, strlen(key));
	json_integer(j, (int64_t)value);
}

static void
put_time(struct json *j, const char *key, int64_t at)
{
	char text[CLOCK_TEXT_SIZE];
	size_t len = clock_text(at / CLOCK_SECOND, (uint32_t)(at % CLOCK_SECOND), text);

	json_member(j, key, (struct str){ text, len });
}

static void
put_hex(struct json *j, const char *key, struct str bytes)
{
	static const char hex[] = "0123456789abcdef";
	char *p;

	json_key(j, key, strlen(key));
	if (!buf_need(j->out, bytes.len * 2 + 2))
		return;
	p = buf_end(j->out);
	*p++ = '"';
	for (size_t i = 0; i < bytes.len; i++) {
		*p++ = hex[(unsigned char)bytes.at[i] >> 4];
		*p++ = hex[(unsigned char)bytes.at[i] & 15];
	}
	*p++ = '"';
	j->out->len = (size_t)(p - j->out->at);
	j->comma = true;
}

/* An entry as one line of JSON, its record in hex. */
static void
put_entry(const struct journal_entry *entry, struct buf *out)
{
	struct json j;

	json_init(&j, out);
	json_open(&j, '{');
	put_integer(&j, "number", entry->number);
	json_member(&j, "sender", entry->sender->name);
	json_member(&j, "from", entry->sender->from);
	json_member(&j, "host", entry->sender->host);
	json_member(&j, "principal", entry->sender->principal);
	json_member(&j, "group", entry->sender->group);
	put_integer(&j, "sender_sequence", entry->sequence);
	put_time(&j, "received", entry->received);
	put_integer(&j, "size", entry->full_size);
	if (entry->note.len > 0) {
		json_key(&j, "note", 4);
		json_raw(&j, entry->note);
	}
	put_hex(&j, "record_hex", entry->bytes);
	json_close(&j, '}');
}

struct catting {
	struct journal_command *c;
	struct buf out;
};

static struct err *
put_line(struct catting *k, struct buf *line)
{
	struct err *e = NULL;

	if (k->c->pretty)
		pretty_print(buf_view(line), &k->out);
	else {
		buf_str(&k->out, buf_view(line));
		buf_byte(&k->out, '\n');
	}
	if (buf_failed(&k->out) || buf_failed(line))
		return err_new("out of memory");
	if (k->out.len >= 65536) {
		e = write_out(buf_view(&k->out));
		buf_cut(&k->out, 0);
	}
	return e;
}

static struct err *
take(void *ctx, const struct journal_entry *entry, bool *enough)
{
	struct catting *k = ctx;
	struct journal_command *c = k->c;
	struct script_result result;

	(void)enough;
	if (c->raw) {
		buf_cut(&c->document, 0);
		put_entry(entry, &c->document);
		return put_line(k, &c->document);
	}
	if (!journal_document(c, entry, &result))
		return err_new("out of memory");
	if (result.verdict == SCRIPT_DROP || !selection_has_index(&c->select, result.index))
		return NULL;
	return put_line(k, &c->document);
}

struct err *
journal_cat(struct journal_command *c)
{
	struct catting k = { .c = c };
	struct err *e = journal_walk(c, take, &k);

	if (e == NULL)
		e = write_out(buf_view(&k.out));
	buf_fini(&k.out);
	return e;
}
