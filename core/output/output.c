/* output: the door to the sinks, and what those that write lines have in common. */
#include "output/output.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

#include "base/pool.h"
#include "output/sink.h"

#define OWN_THREADS 1

/*
 * A newline inside would end the document in a request's body, and what is behind it would be taken
 * for an action. Documents are written as one line; builds that look for faults look for this one,
 * too.
 */
static void
document_assert_line(const struct output_document *document)
{
#ifdef __SANITIZE_ADDRESS__
	assert(memchr(document->json.at, '\n', document->json.len) == NULL);
#else
	(void)document;
#endif
}

struct err *
output_open(struct output **out, struct ev_loop *loop, const struct output_config *config,
    const struct output_handler *handler)
{
	struct output *o = NULL;
	struct pool *own = NULL;
	struct output_config c = *config;
	struct err *e = NULL;

	/* A reader or server that goes away is an error of write(), not the end of the program. */
	signal(SIGPIPE, SIG_IGN);
	if (c.pool == NULL && c.kind != OUTPUT_STDOUT) {
		if ((e = pool_open(&own, loop, OWN_THREADS)) != NULL)
			return e;
		c.pool = own;
	}
	switch (c.kind) {
	case OUTPUT_ELASTICSEARCH: e = elastic_open(&o, loop, &c); break;
	case OUTPUT_FILE: e = file_open(&o, loop, &c); break;
	case OUTPUT_STDOUT: e = stdout_open(&o, loop, &c); break;
	}
	if (e != NULL) {
		pool_close(own);
		return e;
	}
	o->own_pool = own;
	o->handler = *handler;
	o->max_held = c.max_held_bytes > 0 ? c.max_held_bytes : SIZE_MAX;
	*out = o;
	return NULL;
}

bool
output_ready(const struct output *o)
{
	return !o->broken && o->ops->held(o) < o->max_held;
}

bool
output_put(struct output *o, const struct output_document *document, void *cookie)
{
	document_assert_line(document);
	if (!o->ops->put(o, document, cookie))
		return false;
	if (UNLIKELY(o->ops->held(o) >= o->max_held))
		o->full = true;
	return true;
}

void
output_flush(struct output *o)
{
	o->ops->flush(o);
}

void
output_reopen(struct output *o)
{
	if (o->ops->reopen != NULL)
		o->ops->reopen(o);
}

size_t
output_pending(const struct output *o)
{
	return o->ops->pending(o);
}

size_t
output_held(const struct output *o)
{
	return o->ops->held(o);
}

void
output_counters(const struct output *o, struct output_counters *out)
{
	*out = (struct output_counters){ 0 };
	o->ops->counters(o, out);
}

void
output_close(struct output *o)
{
	struct pool *own;

	if (o == NULL)
		return;
	own = o->own_pool;
	o->ops->close(o);
	pool_close(own);
}

/* ---- for the kinds ---- */

void
sink_check_ready(struct output *o)
{
	/* A little below the cap, so that it is not said for each document. */
	if (!o->full || o->broken || o->ops->held(o) >= o->max_held - o->max_held / 8)
		return;
	o->full = false;
	if (o->handler.ready != NULL)
		o->handler.ready(o->handler.ctx);
}

void
sink_break(struct output *o, const char *reason)
{
	if (o->broken)
		return;
	o->broken = true;
	if (o->handler.broken != NULL)
		o->handler.broken(o->handler.ctx, reason);
}

bool
sink_lines_add(struct sink_lines *lines, struct str json, void *cookie)
{
	void **more;
	size_t room;

	if (lines->count == lines->room) {
		room = lines->room > 0 ? lines->room * 2 : 64;
		if ((more = realloc(lines->cookies, room * sizeof(*more))) == NULL)
			return false;
		lines->cookies = more;
		lines->room = room;
	}
	if (!buf_need(&lines->bytes, json.len + 1)) {
		lines->bytes.failed = false; /* what was there before is untouched */
		return false;
	}
	buf_str(&lines->bytes, json);
	buf_byte(&lines->bytes, '\n');
	lines->cookies[lines->count++] = cookie;
	return true;
}

void
sink_lines_fini(struct sink_lines *lines)
{
	buf_fini(&lines->bytes);
	free(lines->cookies);
	*lines = (struct sink_lines){ 0 };
}
