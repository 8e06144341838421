/* lookup: opening, closing, and the short way of a question that the cache can answer. */
#include "lookup/lookup.h"

#include <stdlib.h>

#include "base/clock.h"
#include "lookup/inside.h"

#define BYTES_LEAST (256 * 1024)
#define FILES_EACH  2.0 /* seconds between looks at files */
#define WHOLE_TIMES 20  /* deadlines that a blocking question waits for a preload */

static void
on_evicted(void *ctx, const struct cache_entry *e)
{
	struct lookup *l = ctx;

	if (e->owner < l->source_count && e->kind == CACHE_FOUND)
		l->sources[e->owner]->preload.holes = l->sources[e->owner]->preload.new_holes =
		    true;
}

/* ---- asking ---- */

static void
found(const struct cache_entry *e, struct lookup_value *out)
{
	out->json = cache_value(e);
	out->version = e->version;
}

static enum lookup_status
ask_table(struct source *s, struct str key, struct lookup_value *out)
{
	struct cache *c = &s->table.cache;
	struct cache_entry *e;

	if (!s->table.loaded) {
		s->counters.missing++;
		return LOOKUP_MISSING;
	}
	s->counters.cached++;
	if ((e = cache_find(c, cache_hash(c, 0, key), 0, key)) == NULL)
		return LOOKUP_NOTHING;
	found(e, out);
	return LOOKUP_FOUND;
}

/* What the cache knows; WAIT: nothing of use. */
static enum lookup_status
ask_cache(struct source *s, uint64_t hash, struct str key, struct lookup_value *out)
{
	struct lookup *l = s->l;
	struct cache_entry *e = cache_find(&l->cache, hash, s->id, key);
	double now = ev_now(l->loop);

	if (e == NULL)
		return preload_knows_all(s) ? LOOKUP_NOTHING : LOOKUP_WAIT;
	if (UNLIKELY(now >= e->fresh)) {
		if (now >= e->good || e->kind == CACHE_FAULT)
			return preload_knows_all(s) ? LOOKUP_NOTHING : LOOKUP_WAIT;
		s->counters.stale++;
		s->counters.cached--;
		if (!s->d.whole)
			(void)question_ask(s, hash, key, (struct lookup_waiter){ 0 });
		/* Asking changes no cache. */
	}
	cache_touch(&l->cache, e);
	switch (e->kind) {
	case CACHE_FOUND: found(e, out); return LOOKUP_FOUND;
	case CACHE_NOTHING: return LOOKUP_NOTHING;
	case CACHE_FAULT: break;
	}
	s->counters.cached--;
	return LOOKUP_MISSING;
}

static void
on_told(void *waiter, uint64_t question)
{
	(void)question;
	*(bool *)waiter = true;
}

static void
on_nothing(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)w;
	(void)events;
}

/* Turns the loop until somebody has told us, or the deadline has. */
static enum lookup_status
wait_here(struct source *s, uint64_t hash, struct str key, struct lookup_value *out)
{
	struct lookup *l = s->l;
	enum lookup_status status;
	bool told = false;

	if (s->d.whole && !s->preload.complete) {
		int64_t until = clock_steady() +
				(int64_t)(l->config.deadline * WHOLE_TIMES * (double)CLOCK_SECOND);
		ev_timer tick;

		ev_timer_init(&tick, on_nothing, 0.1, 0.1);
		ev_timer_start(l->loop, &tick);
		while (!s->preload.complete && s->preload.faults == 0 && clock_steady() < until)
			ev_run(l->loop, EVRUN_ONCE);
		ev_timer_stop(l->loop, &tick);
		ev_now_update(l->loop);
		if ((status = ask_cache(s, hash, key, out)) != LOOKUP_WAIT)
			return status;
	}
	if (question_ask(s, hash, key, (struct lookup_waiter){ &told, 0, on_told }) != LOOKUP_WAIT)
		return LOOKUP_MISSING;
	while (!told)
		ev_run(l->loop, EVRUN_ONCE);
	status = ask_cache(s, hash, key, out);
	return status == LOOKUP_WAIT ? LOOKUP_MISSING : status;
}

enum lookup_status
lookup_ask(struct lookup *l, unsigned id, struct str key, struct lookup_waiter waiter,
    struct lookup_value *out)
{
	char room[ADDR_TEXT_SIZE];
	enum lookup_status status;
	struct source *s;
	uint64_t hash;

	if (id >= l->source_count || !l->sources[id]->declared)
		return LOOKUP_MISSING;
	s = l->sources[id];
	s->counters.asked++;
	if (!form_check(s->d.form, &key, room))
		return LOOKUP_NOTHING;
	if (s->service->config->file != NULL)
		return ask_table(s, key, out);
	if (l->config.blocking)
		ev_now_update(l->loop);
	hash = cache_hash(&l->cache, s->id, key);
	s->counters.cached++;
	if (LIKELY((status = ask_cache(s, hash, key, out)) <= LOOKUP_NOTHING))
		return status;
	if (status == LOOKUP_WAIT) {
		s->counters.cached--;
		status = l->config.blocking ? wait_here(s, hash, key, out)
					    : question_ask(s, hash, key, waiter);
	}
	if (status == LOOKUP_MISSING)
		s->counters.missing++;
	return status;
}

void
lookup_forget(struct lookup *l, void *waiter)
{
	question_forget(l, waiter);
}

/* ---- counters ---- */

size_t
lookup_sources(const struct lookup *l)
{
	size_t count = 0;

	for (size_t i = 0; i < l->source_count; i++)
		count += l->sources[i]->declared;
	return count;
}

void
lookup_counters(const struct lookup *l, size_t i, struct lookup_counters *out)
{
	const struct source *s = NULL;
	const struct cache *c;

	for (size_t at = 0; at < l->source_count; at++)
		if (l->sources[at]->declared && i-- == 0) {
			s = l->sources[at];
			break;
		}
	*out = (struct lookup_counters){ 0 };
	if (s == NULL)
		return;
	*out = s->counters;
	out->source = s->name;
	c = s->service->config->file != NULL ? &s->table.cache : &l->cache;
	out->entries = c->entries;
	out->bytes = c->bytes;
	out->resting = s->breaker.resting;
}

/* ---- life ---- */

static void
look_at_files(struct lookup *l, bool anyway)
{
	for (size_t i = 0; i < l->source_count; i++)
		if (l->sources[i]->declared && l->sources[i]->service->config->file != NULL)
			table_look(l->sources[i], anyway);
}

static void
on_files(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	look_at_files(container_of(w, struct lookup, files), false);
}

void
lookup_reopen(struct lookup *l)
{
	for (size_t i = 0; i < l->config.service_count; i++)
		service_reopen(&l->services[i]);
	look_at_files(l, true);
}

static struct err *
open_services(struct lookup *l)
{
	size_t count = l->config.service_count;
	struct err *e;

	if ((l->services = calloc(count > 0 ? count : 1, sizeof(*l->services))) == NULL)
		return err_new("lookups: out of memory");
	for (l->config.service_count = 0; l->config.service_count < count;) {
		size_t i = l->config.service_count++;

		if ((e = service_open(&l->services[i], l, &l->config.services[i])) != NULL)
			return e;
	}
	return NULL;
}

struct err *
lookup_open(struct lookup **out, struct ev_loop *loop, const struct lookup_config *config)
{
	struct lookup *l;
	struct err *e;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return err_new("lookups: out of memory");
	l->config = *config;
	if (l->config.max_bytes < BYTES_LEAST)
		l->config.max_bytes = BYTES_LEAST;
	if (l->config.max_requests == 0)
		l->config.max_requests = 1;
	l->random = (uint32_t)clock_steady();
	/* A loop of its own: nothing but answers happens while a question blocks. */
	if (config->blocking)
		loop = l->own_loop = ev_loop_new(EVFLAG_AUTO);
	l->loop = loop;
	if (loop == NULL) {
		free(l);
		return err_new("lookups: there is no event loop");
	}
	ev_init(&l->files, on_files);
	l->files.repeat = FILES_EACH;
	if (!questions_init(l) || !cache_init(&l->cache, l->config.max_bytes)) {
		l->config.service_count = 0;
		l->config.cache_file = NULL;
		lookup_close(l);
		return err_new("lookups: out of memory");
	}
	l->file_versions = UINT64_C(1) << 62; /* never those of the cache */
	l->cache.evicted = on_evicted;
	l->cache.ctx = l;
	if ((e = open_services(l)) != NULL) {
		l->config.cache_file = NULL;
		lookup_close(l);
		return e;
	}
	saved_load(l);
	*out = l;
	return NULL;
}

void
lookup_close(struct lookup *l)
{
	if (l == NULL)
		return;
	saved_write(l);
	for (size_t i = 0; l->services != NULL && i < l->config.service_count; i++) {
		service_close(&l->services[i]);
		l->services[i].http = NULL;
	}
	for (struct request *r = l->requests, *next; r != NULL; r = next) {
		next = r->next;
		buf_fini(&r->body);
		free(r);
	}
	l->requests = NULL;
	questions_fini(l);
	ev_timer_stop(l->loop, &l->files);
	for (size_t i = 0; i < l->source_count; i++) {
		struct source *s = l->sources[i];

		if (s->declared) {
			s->queue = NULL;
			s->queue_end = &s->queue;
			preload_stop(s);
			table_fini(&s->table);
			declaration_fini(&s->d);
		}
		free(s->name);
		free(s);
	}
	cache_fini(&l->cache);
	buf_fini(&l->kept);
	free(l->services);
	if (l->own_loop != NULL)
		ev_loop_destroy(l->own_loop);
	free(l);
}
