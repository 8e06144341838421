/* source: what a rule file declared, put over a service or a file, and what it keeps. */
#include <stdlib.h>

#include "base/nearest.h"
#include "lookup/inside.h"

/* ---- what is known ---- */

void
source_keep(struct source *s, struct str key, struct str value)
{
	struct cache_entry *e = cache_put(&s->l->cache, s->id, key, CACHE_FOUND, value);

	if (e == NULL)
		return;
	e->round = s->preload.round;
	e->fresh = ev_now(s->l->loop) + s->d.keep;
	e->good = e->fresh + s->d.stale;
}

void
source_keep_none(struct source *s, struct str key)
{
	struct cache_entry *e =
	    cache_put(&s->l->cache, s->id, key, CACHE_NOTHING, (struct str){ 0 });

	if (e == NULL)
		return;
	/* For a second at least: those who wait shall find it. */
	e->fresh = ev_now(s->l->loop) + (s->d.keep_none > 1 ? s->d.keep_none : 1);
	e->good = e->fresh;
}

void
source_keep_fault(struct source *s, struct str key)
{
	double now = ev_now(s->l->loop);
	struct cache *c = &s->l->cache;
	struct cache_entry *e = cache_find(c, cache_hash(c, s->id, key), s->id, key);

	if (e != NULL && e->kind != CACHE_FAULT && now < e->good) {
		/* The old answer is better than none. */
		e->fresh = now + LOOKUP_HOLD_OFF < e->good ? now + LOOKUP_HOLD_OFF : e->good;
		return;
	}
	if ((e = cache_put(c, s->id, key, CACHE_FAULT, (struct str){ 0 })) != NULL)
		e->fresh = e->good = now + LOOKUP_HOLD_OFF;
}

/* ---- sources ---- */

struct source *
source_new(struct lookup *l, struct str name)
{
	struct source *s;

	if (l->source_count == LOOKUP_SOURCES || (s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	if ((s->name = strndup(name.at, name.len)) == NULL) {
		free(s);
		return NULL;
	}
	s->l = l;
	s->id = (uint32_t)l->source_count;
	s->queue_end = &s->queue;
	l->sources[l->source_count++] = s;
	return s;
}

static struct source *
source_named(struct lookup *l, const char *name)
{
	for (size_t i = 0; i < l->source_count; i++)
		if (strcmp(l->sources[i]->name, name) == 0)
			return l->sources[i];
	return NULL;
}

static struct service *
service_named(const struct lookup *l, struct str name)
{
	for (size_t i = 0; i < l->config.service_count; i++)
		if (str_equal(str_of(l->services[i].config->name), name))
			return &l->services[i];
	return NULL;
}

bool
lookup_has(const struct lookup *l, struct str service)
{
	return service_named(l, service) != NULL;
}

static struct err *
check_way(const struct declaration *d, const struct service *service)
{
	bool lists = (d->batch.path != NULL && !d->batch.object) ||
		     (d->preload.path != NULL && !d->preload.object);

	if (service->config->url != NULL && d->path == NULL && d->batch.path == NULL &&
	    d->preload.path == NULL)
		return err_new("\"%s\" is a service, and the source says not what to ask it: it "
			       "wants a path, a batch or a preload",
		    service->config->name);
	if (d->key_count == 0 && (lists || service->config->file != NULL))
		return err_new("a list, and a file, want a key_field");
	if (d->whole && (d->preload.path == NULL || d->path != NULL || d->batch.path != NULL))
		return err_new("whole is for sources that have a preload and nothing else");
	return NULL;
}

static void
source_stop(struct source *s)
{
	if (!s->declared)
		return;
	requests_disown(s);
	queue_end_all(s);
	preload_stop(s);
	table_fini(&s->table);
	declaration_fini(&s->d);
	s->declared = false;
}

/* Takes the declaration over. */
static void
source_begin(struct source *s, struct declaration *d, struct service *service)
{
	struct lookup *l = s->l;

	source_stop(s);
	if (memcmp(s->shape, d->shape, sizeof(s->shape)) != 0)
		cache_remove_owner(&l->cache, s->id);
	memcpy(s->shape, d->shape, sizeof(s->shape));
	s->d = *d;
	s->service = service;
	s->declared = true;
	s->breaker = (struct breaker){ 0 };
	preload_init(s);
	if (service->config->file != NULL) {
		table_look(s, true);
		if (!l->config.blocking && !ev_is_active(&l->files))
			ev_timer_again(l->loop, &l->files);
	}
}

static struct err *
no_service(const struct lookup *l, const struct declaration *d)
{
	struct nearest near = { .to = str_of(d->service) };

	for (size_t i = 0; i < l->config.service_count; i++)
		nearest_offer(&near, str_of(l->services[i].config->name));
	if (near.best.at != NULL)
		return err_new("lookups.services has no \"%s\"; did you mean \"%.*s\"?", d->service,
		    (int)near.best.len, near.best.at);
	return err_new(
	    "lookups.services is empty: name \"%s\" there, with its url or file", d->service);
}

struct err *
lookup_declare(struct lookup *l, struct str json, unsigned *id)
{
	struct declaration d;
	struct service *service;
	struct source *s;
	struct err *e;

	if ((e = declaration_read(&d, json)) != NULL)
		return e;
	if ((service = service_named(l, str_of(d.service))) == NULL)
		e = no_service(l, &d);
	else if ((e = check_way(&d, service)) == NULL && (s = source_named(l, d.name)) == NULL &&
		 (s = source_new(l, str_of(d.name))) == NULL)
		e = err_new("out of memory, or more than %d sources", LOOKUP_SOURCES);
	if (e != NULL) {
		e = err_wrap(e, "%s", d.name);
		declaration_fini(&d);
		return e;
	}
	*id = s->id;
	if (s->declared && s->d.text_len == d.text_len &&
	    memcmp(s->d.text, d.text, d.text_len) == 0)
		declaration_fini(&d);
	else
		source_begin(s, &d, service);
	return NULL;
}

void
lookup_withdraw(struct lookup *l, struct str name)
{
	for (size_t i = 0; i < l->source_count; i++)
		if (str_equal(str_of(l->sources[i]->name), name))
			source_stop(l->sources[i]);
}
