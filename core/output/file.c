/*
 * file: documents to a file, a line each. A document counts as settled when an fsync that covers
 * its line has succeeded.
 *
 * Writing and fsync are one job on the pool at a time; what is put meanwhile is the next group.
 * When a job fails, nothing of it settles: the file is opened again, cut to what is known to be
 * on disk, and the same group is written once more.
 */
#include <ev.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "output/lines_file.h"
#include "output/pace.h"
#include "output/sink.h"

#define RETRY_BASE (CLOCK_SECOND / 10)
#define RETRY_MOST (10 * CLOCK_SECOND)

struct file_sink {
	struct output base;
	struct pool_job job;
	ev_timer retry;
	struct lines_file file;
	struct sink_lines next;    /* put, not yet handed to the job */
	struct sink_lines writing; /* the job's; of the loop again once it is done */
	bool busy;                 /* a job is under way, or waits for its time to be tried again */
	bool reopen;
	unsigned failures;
	struct jitter jitter;
	struct output_counters counters;
};

static struct file_sink *
self(const struct output *o)
{
	return container_of(o, struct file_sink, base);
}

/* On a thread. */
static void
write_group(struct pool_job *job)
{
	struct file_sink *s = container_of(job, struct file_sink, job);

	lines_file_append(&s->file, buf_view(&s->writing.bytes));
}

static void
start(struct file_sink *s)
{
	struct sink_lines empty = s->writing;

	s->writing = s->next;
	s->next = empty;
	s->busy = true;
	s->file.reopen = s->reopen;
	s->reopen = false;
	s->counters.requests++;
	s->counters.documents += s->writing.count;
	s->counters.bytes += s->writing.bytes.len;
	pool_submit(s->base.pool, &s->job);
}

static void
group_failed(struct file_sink *s)
{
	int64_t delay = backoff_delay(&s->jitter, s->failures, RETRY_BASE, RETRY_MOST);

	if (s->failures < 31)
		s->failures++;
	s->counters.retried_requests++;
	log_error("file_not_written", log_s("file", s->file.path), log_s("step", s->file.step),
	    log_s("reason", strerror(s->file.error)),
	    log_i("waiting", (int64_t)(s->writing.count + s->next.count)),
	    log_s("cure",
		"free space, or look after the disk; documents wait meanwhile, in the journal if there is one"));
	ev_timer_set(&s->retry, (double)delay / (double)CLOCK_SECOND, 0);
	ev_timer_start(s->base.loop, &s->retry);
}

static void
group_done(struct pool_job *job)
{
	static const struct output_settled indexed = { .fate = OUTPUT_INDEXED };
	struct file_sink *s = container_of(job, struct file_sink, job);

	if (s->file.error != 0) {
		group_failed(s);
		return;
	}
	if (s->failures > 0)
		log_info("file_written_again", log_s("file", s->file.path));
	if (s->file.rotated)
		log_info("file_rotated", log_s("file", s->file.path));
	s->failures = 0;
	s->counters.indexed += s->writing.count;
	for (size_t i = 0; i < s->writing.count; i++)
		s->base.handler.settled(s->base.handler.ctx, s->writing.cookies[i], &indexed);
	s->writing.count = 0;
	buf_cut(&s->writing.bytes, 0);
	s->busy = false;
	if (s->next.count > 0)
		start(s);
	sink_check_ready(&s->base);
}

static void
on_retry(struct ev_loop *loop, ev_timer *w, int events)
{
	struct file_sink *s = container_of(w, struct file_sink, retry);

	(void)loop;
	(void)events;
	pool_submit(s->base.pool, &s->job);
}

static bool
file_put(struct output *o, const struct output_document *document, void *cookie)
{
	return sink_lines_add(&self(o)->next, document->json, cookie);
}

static void
file_flush(struct output *o)
{
	struct file_sink *s = self(o);

	if (!s->busy && s->next.count > 0)
		start(s);
}

static void
file_reopen(struct output *o)
{
	self(o)->reopen = true;
}

static size_t
file_pending(const struct output *o)
{
	return self(o)->next.count + self(o)->writing.count;
}

static size_t
file_held(const struct output *o)
{
	const struct file_sink *s = self(o);

	return s->next.bytes.len + s->writing.bytes.len + file_pending(o) * sizeof(void *);
}

static void
file_counters(const struct output *o, struct output_counters *out)
{
	*out = self(o)->counters;
	out->in_flight = self(o)->busy;
}

static void
file_close(struct output *o)
{
	struct file_sink *s = self(o);

	pool_cancel(o->pool, &s->job);
	ev_timer_stop(o->loop, &s->retry);
	lines_file_close(&s->file);
	sink_lines_fini(&s->next);
	sink_lines_fini(&s->writing);
	free(s);
}

struct err *
file_open(struct output **out, struct ev_loop *loop, const struct output_config *config)
{
	static const struct sink_ops ops = { file_put, file_flush, file_reopen, file_pending,
		file_held, file_counters, file_close };
	struct file_sink *s;
	struct err *e;

	if (config->path == NULL)
		return err_new("output.path: the file for the documents is not set");
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_new("output: out of memory");
	if ((e = config->dry ? lines_file_check(config->path)
			     : lines_file_open(&s->file, config->path, config->rotate_bytes,
				   config->rotate_keep)) != NULL) {
		lines_file_close(&s->file);
		free(s);
		return err_wrap(e, "output.path");
	}
	s->base.ops = &ops;
	s->base.loop = loop;
	s->base.pool = config->pool;
	s->job.work = write_group;
	s->job.done = group_done;
	s->jitter.state = (uint64_t)clock_now() | 1;
	ev_timer_init(&s->retry, on_retry, 0, 0);
	*out = &s->base;
	return NULL;
}
