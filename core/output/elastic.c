/*
 * elastic: documents to Elasticsearch or OpenSearch. The rim around the shipper: connections,
 * threads, timers and files of secrets; every decision is the shipper's.
 */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "http/http.h"
#include "output/check.h"
#include "output/gzip.h"
#include "output/look.h"
#include "output/secret.h"
#include "output/shipper.h"
#include "output/sink.h"
#include "output/url.h"

#define ASK_TIMEOUT 5.0
#define SECRET_POLL 2.0 /* seconds between looks at the files of secrets */
#define TYPE_BULK   "application/x-ndjson"
#define FILTER      "filter_path=errors,items.*.status,items.*.error,items.*.failure_store"
#define KEEP_PACKED (4 * 1024 * 1024)

struct elastic;

/* A request on its way: compressed on a thread first, when it is to be. */
struct flight {
	struct flight *next, **link; /* in the list of active ones */
	struct elastic *e;
	struct batch *batch;
	unsigned node;
	bool begun;  /* the head of the answer was seen */
	bool packed; /* the body that goes is the compressed one */
	struct pool_job job;
	struct buf body;
	struct answer answer;
};

struct asking {
	struct asking *next;
	struct elastic *e;
	unsigned node;
	bool open; /* an answer is expected */
};

struct elastic {
	struct output base;
	struct shipper *shipper;
	struct http *http;
	struct look *look; /* what is on the other side: asked once, at the start */
	ev_timer due;
	ev_timer secret_poll;
	const char *secret_file; /* the one that is set; NULL: none */
	struct stat secret_was;
	bool gzip;
	const char *api_key_file, *username, *password_file;
	char **bulk_urls;
	struct asking *asking; /* one for each node */
	const char *const *urls;
	size_t url_count;
	struct flight *active, *idle;
};

static struct elastic *
self(const struct output *o)
{
	return container_of(o, struct elastic, base);
}

/* After anything that may have changed what is to be done next, and when. */
static void
settle_down(struct elastic *e)
{
	int64_t now = clock_steady(), due = shipper_due(e->shipper, now);

	ev_timer_stop(e->base.loop, &e->due);
	if (due != PACE_NEVER) {
		ev_now_update(e->base.loop);
		ev_timer_set(
		    &e->due, due > now ? (double)(due - now) / (double)CLOCK_SECOND : 0, 0);
		ev_timer_start(e->base.loop, &e->due);
	}
	sink_check_ready(&e->base);
}

static void
on_due(struct ev_loop *loop, ev_timer *w, int events)
{
	struct elastic *e = container_of(w, struct elastic, due);

	(void)loop;
	(void)events;
	shipper_pump(e->shipper, clock_steady());
	settle_down(e);
}

/* ---- flights ---- */

static struct flight *
flight_take(struct elastic *e)
{
	struct flight *f = e->idle;

	if (f != NULL)
		e->idle = f->next;
	else if ((f = calloc(1, sizeof(*f))) == NULL)
		return NULL;
	else {
		f->e = e;
		answer_init(&f->answer);
	}
	f->begun = f->packed = false;
	f->next = e->active;
	f->link = &e->active;
	if (f->next != NULL)
		f->next->link = &f->next;
	e->active = f;
	return f;
}

static void
flight_leave(struct flight *f)
{
	*f->link = f->next;
	if (f->next != NULL)
		f->next->link = f->link;
	buf_cut(&f->body, 0);
	if (f->body.room > KEEP_PACKED)
		buf_fini(&f->body);
	f->next = f->e->idle;
	f->e->idle = f;
}

static void
flight_free(struct flight *f)
{
	answer_fini(&f->answer);
	buf_fini(&f->body);
	free(f);
}

static bool
on_body(void *ctx, const struct http_head *head, const char *bytes, size_t len)
{
	struct flight *f = ctx;

	if (!f->begun)
		answer_begin(&f->answer, head->status, head->content_type);
	f->begun = true;
	answer_feed(&f->answer, bytes, len);
	return !answer_full(&f->answer);
}

static void
on_answer(void *ctx, const struct http_result *result)
{
	struct flight *f = ctx;
	struct elastic *e = f->e;
	struct shipper_answer a = { .verdict = ANSWER_LOST, .status = result->head.status };

	a.retry_after = result->head.retry_after;
	a.torn = result->torn;
	a.why = result->why;
	if (result->head.status >= 200) {
		if (!f->begun)
			answer_begin(&f->answer, result->head.status, result->head.content_type);
		a.verdict = answer_end(&f->answer, result->complete, f->batch->count);
		a.answer = &f->answer;
	} else
		a.status = 0;
	shipper_answered(e->shipper, f->batch, f->node, &a, clock_steady());
	flight_leave(f);
	settle_down(e);
}

static bool
flight_send(struct flight *f)
{
	struct http_call call = {
		.method = "POST", .url = f->e->bulk_urls[f->node], .content_type = TYPE_BULK
	};

	call.body = f->packed ? buf_view(&f->body) : buf_view(&f->batch->body);
	call.gzipped = f->packed;
	call.body_part = on_body;
	call.done = on_answer;
	call.ctx = f;
	return http_send(f->e->http, &call) != NULL;
}

/* On a thread. */
static void
pack(struct pool_job *job)
{
	struct flight *f = container_of(job, struct flight, job);

	f->packed = gzip_pack(&f->body, buf_view(&f->batch->body));
}

static void
packed(struct pool_job *job)
{
	struct flight *f = container_of(job, struct flight, job);
	struct elastic *e = f->e;
	struct shipper_answer a = { .verdict = ANSWER_UNCLEAR };

	if (flight_send(f))
		return;
	/* Out of memory: nothing was asked, so nothing is clear; it is tried again later. */
	shipper_answered(e->shipper, f->batch, f->node, &a, clock_steady());
	flight_leave(f);
	settle_down(e);
}

static bool
port_send(void *ctx, struct batch *b, unsigned node)
{
	struct elastic *e = ctx;
	struct flight *f;

	if ((f = flight_take(e)) == NULL)
		return false;
	f->batch = b;
	f->node = node;
	if (e->gzip && !b->plain) {
		f->job.work = pack;
		f->job.done = packed;
		pool_submit(e->base.pool, &f->job);
		return true;
	}
	if (flight_send(f))
		return true;
	flight_leave(f);
	return false;
}

static void
port_settled(void *ctx, void *cookie, const struct output_settled *settled)
{
	struct elastic *e = ctx;

	e->base.handler.settled(e->base.handler.ctx, cookie, settled);
}

static void
port_reopened(void *ctx)
{
	const struct elastic *e = ctx;

	if (e->base.handler.reopened != NULL)
		e->base.handler.reopened(e->base.handler.ctx);
}

/* ---- a small question to a node that was down ---- */

static void
on_asked(void *ctx, const struct http_result *result)
{
	struct asking *asking = ctx;
	struct elastic *e = asking->e;

	asking->open = false;
	shipper_asked(e->shipper, asking->node, look_is_well(result), clock_steady());
	settle_down(e);
}

static void
port_ask(void *ctx, unsigned node)
{
	struct elastic *e = ctx;
	struct asking *asking = &e->asking[node];
	struct http_call call = { .method = "GET", .url = e->urls[node], .timeout = ASK_TIMEOUT };

	call.done = on_asked;
	call.ctx = asking;
	asking->open = http_send(e->http, &call) != NULL;
	if (!asking->open)
		shipper_asked(e->shipper, node, false, clock_steady());
}

/* ---- secrets ---- */

static struct err *
read_secrets(struct elastic *e)
{
	struct buf value = { 0 };
	struct err *err;

	err = secret_authorization(&value, e->api_key_file, e->username, e->password_file);
	if (err == NULL && !http_authorize(e->http, value.len > 0 ? value.at : NULL))
		err = err_new("output: out of memory");
	secret_wipe(&value);
	return err;
}

static void
elastic_reopen(struct output *o)
{
	struct elastic *e = self(o);
	struct err *err = read_secrets(e);

	if (err != NULL) {
		log_error("credentials_not_read", log_e(err),
		    log_s("cure", "the old ones stay in use until the file is right"));
		err_free(err);
		return;
	}
	shipper_try_again(e->shipper);
	shipper_pump(e->shipper, clock_steady());
	settle_down(e);
}

/*
 * libev's own watcher of files compares whole seconds, which a key that is replaced at once does
 * not change.
 */
static bool
secret_changed(struct elastic *e)
{
	struct stat now, was = e->secret_was;

	if (stat(e->secret_file, &now) < 0)
		return false; /* being replaced */
	e->secret_was = now;
	return now.st_ino != was.st_ino || now.st_size != was.st_size ||
	       now.st_mtim.tv_sec != was.st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != was.st_mtim.tv_nsec ||
	       now.st_ctim.tv_sec != was.st_ctim.tv_sec ||
	       now.st_ctim.tv_nsec != was.st_ctim.tv_nsec;
}

static void
on_secret_poll(struct ev_loop *loop, ev_timer *w, int events)
{
	struct elastic *e = container_of(w, struct elastic, secret_poll);

	(void)loop;
	(void)events;
	if (!secret_changed(e))
		return;
	log_info("credentials_changed", log_s("file", e->secret_file));
	elastic_reopen(&e->base);
}

/* ---- the output ---- */

static bool
elastic_put(struct output *o, const struct output_document *document, void *cookie)
{
	return shipper_put(self(o)->shipper, document, cookie);
}

static void
elastic_flush(struct output *o)
{
	struct elastic *e = self(o);

	shipper_pump(e->shipper, clock_steady());
	settle_down(e);
}

static size_t
elastic_pending(const struct output *o)
{
	return shipper_pending(self(o)->shipper);
}

static size_t
elastic_held(const struct output *o)
{
	return shipper_held(self(o)->shipper);
}

static void
elastic_counters(const struct output *o, struct output_counters *out)
{
	shipper_counters(self(o)->shipper, out);
}

static void
elastic_close(struct output *o)
{
	struct elastic *e = self(o);
	struct flight *next;

	ev_timer_stop(o->loop, &e->due);
	ev_timer_stop(o->loop, &e->secret_poll);
	http_close(e->http); /* first: what is under way refers to the others */
	look_close(e->look);
	for (struct flight *f = e->active; f != NULL; f = next) {
		next = f->next;
		pool_cancel(o->pool, &f->job);
		shipper_drop(e->shipper, f->batch);
		flight_free(f);
	}
	for (struct flight *f = e->idle; f != NULL; f = next) {
		next = f->next;
		flight_free(f);
	}
	shipper_free(e->shipper);
	for (size_t i = 0; e->bulk_urls != NULL && i < e->url_count; i++)
		free(e->bulk_urls[i]);
	free(e->bulk_urls);
	free(e->asking);
	free(e);
}

static struct err *
make_urls(struct elastic *e, const struct output_config *config)
{
	/* Half of ours: a server that gives up says so before we do. */
	int server_timeout = config->request_timeout >= 2 ? (int)(config->request_timeout / 2) : 1;

	e->urls = config->urls;
	e->url_count = config->url_count;
	if ((e->bulk_urls = calloc(config->url_count, sizeof(*e->bulk_urls))) == NULL ||
	    (e->asking = calloc(config->url_count, sizeof(*e->asking))) == NULL)
		return err_new("output: out of memory");
	for (size_t i = 0; i < config->url_count; i++) {
		e->asking[i].e = e;
		e->asking[i].node = (unsigned)i;
		e->bulk_urls[i] =
		    url_below(config->urls[i], "/_bulk?timeout=%ds&" FILTER, server_timeout);
		if (e->bulk_urls[i] == NULL)
			return err_new("output: out of memory");
	}
	return NULL;
}

static struct err *
make_parts(struct elastic *e, struct ev_loop *loop, const struct output_config *config)
{
	struct http_config hc = { .ca_file = config->ca_file,
		.connections = config->max_in_flight + 2 };
	struct shipper_config sc = { .urls = config->urls, .url_count = config->url_count };
	struct shipper_port port = { port_send, port_ask, port_settled, e, port_reopened };
	struct err *err;

	hc.timeout = config->request_timeout;
	sc.max_documents = config->max_documents;
	sc.max_bytes = config->max_bytes;
	sc.max_in_flight = config->max_in_flight;
	sc.max_parked = config->max_parked_bytes;
	sc.retry_for = (int64_t)(config->retry_for * (double)CLOCK_SECOND);
	sc.compressed = config->gzip;
	sc.seed = (uint64_t)clock_now() ^ (uint64_t)(uintptr_t)e;
	if ((err = check_servers(config)) != NULL || (err = make_urls(e, config)) != NULL ||
	    (err = http_open(&e->http, loop, &hc)) != NULL || (err = read_secrets(e)) != NULL ||
	    (err = shipper_new(&e->shipper, &sc, &port)) != NULL)
		return err;
	if (config->template_name != NULL && !config->dry)
		return look_open(&e->look, loop, e->http, config, NULL, NULL);
	return NULL;
}

struct err *
elastic_open(struct output **out, struct ev_loop *loop, const struct output_config *config)
{
	static const struct sink_ops ops = { elastic_put, elastic_flush, elastic_reopen,
		elastic_pending, elastic_held, elastic_counters, elastic_close };
	struct elastic *e;
	struct err *err;

	if ((e = calloc(1, sizeof(*e))) == NULL)
		return err_new("output: out of memory");
	e->base.ops = &ops;
	e->base.loop = loop;
	e->base.pool = config->pool;
	e->gzip = config->gzip;
	e->api_key_file = config->api_key_file;
	e->username = config->username;
	e->password_file = config->password_file;
	ev_timer_init(&e->due, on_due, 0, 0);
	e->secret_file =
	    config->api_key_file != NULL ? config->api_key_file : config->password_file;
	ev_timer_init(&e->secret_poll, on_secret_poll, SECRET_POLL, SECRET_POLL);
	if (e->secret_file != NULL) /* before it is read: a change in between is seen */
		(void)secret_changed(e);
	if ((err = make_parts(e, loop, config)) != NULL) {
		elastic_close(&e->base);
		return err;
	}
	if (e->secret_file != NULL)
		ev_timer_start(loop, &e->secret_poll);
	*out = &e->base;
	return NULL;
}
