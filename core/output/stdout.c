/*
 * stdout: documents to standard output, a line each. A document counts as settled when the system
 * has taken its line.
 *
 * The loop never waits for the reader: a pipe is written to when it has room, in pieces that fit
 * then (PIPE_BUF), so the descriptor need not be made non-blocking, which would change it for
 * everybody who shares it.
 */
#include <errno.h>
#include <ev.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "output/sink.h"

#define FILE_PIECE (256 * 1024) /* of a regular file, which never makes us wait for a reader */
#define TURN_BYTES (256 * 1024) /* written in one go, before the loop has its turn */

struct stdout_sink {
	struct output base;
	ev_io writable;
	int fd;
	size_t piece;
	struct sink_lines lines;
	size_t settled;   /* lines of `lines` that are out */
	size_t line_ends; /* bytes of `lines` that have been settled */
	size_t written;
	struct output_counters counters;
};

static struct stdout_sink *
self(const struct output *o)
{
	return container_of(o, struct stdout_sink, base);
}

/* Settles the lines that are out whole. */
static void
settle_written(struct stdout_sink *s)
{
	static const struct output_settled indexed = { .fate = OUTPUT_INDEXED };
	const char *end;

	while (s->settled < s->lines.count && (end = memchr(s->lines.bytes.at + s->line_ends, '\n',
						   s->written - s->line_ends)) != NULL) {
		s->line_ends = (size_t)(end - s->lines.bytes.at) + 1;
		s->counters.indexed++;
		s->base.handler.settled(
		    s->base.handler.ctx, s->lines.cookies[s->settled++], &indexed);
	}
	if (s->written == s->lines.bytes.len) {
		buf_cut(&s->lines.bytes, 0);
		s->lines.count = s->settled = s->line_ends = s->written = 0;
	}
}

/* Has the reader room for a piece? A descriptor that cannot be asked is written to. */
static bool
is_writable(const struct stdout_sink *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };

	return poll(&p, 1, 0) != 0;
}

static void
write_some(struct stdout_sink *s)
{
	size_t turn = 0;

	while (!s->base.broken && s->written < s->lines.bytes.len && turn < TURN_BYTES &&
	       is_writable(s)) {
		size_t left = s->lines.bytes.len - s->written;
		ssize_t n =
		    write(s->fd, s->lines.bytes.at + s->written, left < s->piece ? left : s->piece);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0) {
			struct err *e = err_sys("stdout");

			log_error("output_broken", log_e(e),
			    log_i("waiting", (int64_t)(s->lines.count - s->settled)));
			ev_io_stop(s->base.loop, &s->writable);
			sink_break(&s->base, err_text(e));
			err_free(e);
			return;
		}
		s->written += (size_t)n;
		turn += (size_t)n;
		s->counters.bytes += (uint64_t)n;
	}
	settle_written(s);
	if (!s->base.broken && s->written < s->lines.bytes.len)
		ev_io_start(s->base.loop, &s->writable);
	else
		ev_io_stop(s->base.loop, &s->writable);
	sink_check_ready(&s->base);
}

static void
on_writable(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop;
	(void)events;
	write_some(container_of(w, struct stdout_sink, writable));
}

static bool
stdout_put(struct output *o, const struct output_document *document, void *cookie)
{
	struct stdout_sink *s = self(o);

	if (!sink_lines_add(&s->lines, document->json, cookie))
		return false;
	s->counters.documents++;
	return true;
}

static void
stdout_flush(struct output *o)
{
	struct stdout_sink *s = self(o);

	if (!ev_is_active(&s->writable) && s->lines.count > 0)
		write_some(s);
}

static size_t
stdout_pending(const struct output *o)
{
	return self(o)->lines.count - self(o)->settled;
}

static size_t
stdout_held(const struct output *o)
{
	const struct stdout_sink *s = self(o);

	return s->lines.bytes.len - s->line_ends + (s->lines.count - s->settled) * sizeof(void *);
}

static void
stdout_counters(const struct output *o, struct output_counters *out)
{
	*out = self(o)->counters;
}

static void
stdout_close(struct output *o)
{
	struct stdout_sink *s = self(o);

	ev_io_stop(o->loop, &s->writable);
	sink_lines_fini(&s->lines);
	free(s);
}

struct err *
stdout_open(struct output **out, struct ev_loop *loop, const struct output_config *config)
{
	static const struct sink_ops ops = { stdout_put, stdout_flush, NULL, stdout_pending,
		stdout_held, stdout_counters, stdout_close };
	struct stdout_sink *s;
	struct stat st;

	(void)config;
	if (fstat(STDOUT_FILENO, &st) < 0)
		return err_sys("stdout");
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_new("stdout: out of memory");
	s->base.ops = &ops;
	s->base.loop = loop;
	s->fd = STDOUT_FILENO;
	s->piece = S_ISREG(st.st_mode) ? FILE_PIECE : PIPE_BUF;
	ev_io_init(&s->writable, on_writable, s->fd, EV_WRITE);
	*out = &s->base;
	return NULL;
}
