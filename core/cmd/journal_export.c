/*
 * journal_export: the raw records as an ordinary trail file, which praudit(8) and auditreduce(8)
 * read: a file token, the records, a file token.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/journal.h"

#define FILE_TOKEN  0x11 /* AUT_OTHER_FILE32: seconds, microseconds, length and name */
#define WRITE_AT    (256 * 1024)
#define MICROSECOND 1000

struct exporting {
	struct journal_command *c;
	int fd;
	struct buf out;
	int64_t last; /* time of receipt */
	uint64_t records, cut;
};

static void
put_be(struct buf *out, uint32_t value, unsigned bytes)
{
	while (bytes-- > 0)
		buf_byte(out, (char)(value >> (8 * bytes)));
}

/* The token at either end of a file; the name of the file before or after: none. */
static void
put_file_token(struct buf *out, int64_t at)
{
	buf_byte(out, FILE_TOKEN);
	put_be(out, (uint32_t)(at / CLOCK_SECOND), 4);
	put_be(out, (uint32_t)(at % CLOCK_SECOND / MICROSECOND), 4);
	put_be(out, 1, 2);
	buf_byte(out, '\0');
}

static struct err *
write_out(struct exporting *x)
{
	size_t done = 0;
	ssize_t n;

	if (buf_failed(&x->out))
		return err_new("out of memory");
	while (done < x->out.len) {
		n = write(x->fd, x->out.at + done, x->out.len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys("%s", x->c->out != NULL ? x->c->out : "standard output");
		done += (size_t)n;
	}
	buf_cut(&x->out, 0);
	return NULL;
}

static struct err *
take(void *ctx, const struct journal_entry *entry, bool *enough)
{
	struct exporting *x = ctx;

	(void)enough;
	/* What is not a whole record would hide the next one from readers of trails. */
	if (!x->c->record.decodable || x->c->record.end != entry->bytes.len ||
	    entry->full_size > entry->bytes.len) {
		x->cut++;
		return NULL;
	}
	if (x->records++ == 0)
		put_file_token(&x->out, entry->received);
	x->last = entry->received;
	buf_str(&x->out, entry->bytes);
	return x->out.len >= WRITE_AT ? write_out(x) : NULL;
}

static struct err *
export_to(struct exporting *x)
{
	struct err *e = journal_walk(x->c, take, x);

	if (e != NULL)
		return e;
	if (x->records > 0)
		put_file_token(&x->out, x->last);
	if ((e = write_out(x)) != NULL)
		return e;
	if (x->c->out != NULL && fsync(x->fd) < 0)
		return err_sys("%s", x->c->out);
	fprintf(stderr, "auditrecv journal: %" PRIu64 " records exported\n", x->records);
	if (x->cut > 0)
		fprintf(stderr,
		    "auditrecv journal: %" PRIu64
		    " entries are no whole records and cannot stand in a trail; cat --raw shows them\n",
		    x->cut);
	return NULL;
}

struct err *
journal_export(struct journal_command *c)
{
	struct exporting x = { .c = c, .fd = STDOUT_FILENO };
	struct err *e;

	if (c->out == NULL && isatty(STDOUT_FILENO) == 1)
		return err_new("a trail is binary: say --out FILE, or redirect standard output");
	if (c->out != NULL &&
	    (x.fd = open(c->out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		return err_sys("%s", c->out);
	e = export_to(&x);
	if (c->out != NULL) {
		if (close(x.fd) < 0 && e == NULL)
			e = err_sys("%s", c->out);
		if (e != NULL)
			unlink(c->out);
	}
	buf_fini(&x.out);
	return e;
}
