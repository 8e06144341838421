/* preload: all elements of a source, page by page, again and again. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "lookup/inside.h"

#define PAUSE         0.1 /* seconds between pages */
#define PAUSE_MOST    60.0
#define PAGES_MOST    100000
#define PROGRESS_EACH (5 * CLOCK_SECOND)

struct page {
	struct source *s;
	size_t elements;
	bool first;      /* the first key of an element is its place in the list */
	struct buf last; /* of the page's last element; empty: it had none */
};

static void
come_back(struct source *s, double seconds)
{
	ev_timer_stop(s->l->loop, &s->preload.timer);
	ev_timer_set(&s->preload.timer, seconds, 0);
	ev_timer_start(s->l->loop, &s->preload.timer);
}

static void
begin_round(struct preload *p)
{
	p->round++;
	p->elements = p->pages = 0;
	p->new_holes = false;
	p->told = clock_steady();
	buf_cut(&p->last, 0);
}

static void
ask_page(struct source *s)
{
	const struct declaration *d = &s->d;
	struct preload *p = &s->preload;
	struct buf path = { 0 }, plain = { 0 }, marker = { 0 };
	char limit[16], offset[24];
	struct path_word words[] = { { "{limit}", { 0 } }, { "{offset}", { 0 } },
		{ "{marker}", { 0 } } };

	snprintf(limit, sizeof(limit), "%u", d->preload.limit);
	snprintf(offset, sizeof(offset), "%llu", (unsigned long long)p->elements);
	words[0].value = str_of(limit);
	words[1].value = str_of(offset);
	if (d->preload.marker != NULL && p->last.len > 0) {
		path_expand(&plain, d->preload.marker,
		    (struct path_word[]){ { "{last}", buf_view(&p->last) } }, 1);
		form_escape(&marker, buf_view(&plain));
		words[2].value = buf_view(&marker);
	}
	path_expand(&path, d->preload.path, words, ARRAY_LEN(words));
	p->under_way = !buf_failed(&path) && !buf_failed(&plain) && !buf_failed(&marker) &&
		       request_page(s, buf_view(&path));
	if (!p->under_way)
		come_back(s, PAUSE);
	buf_fini(&path);
	buf_fini(&plain);
	buf_fini(&marker);
}

static void
on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
	struct source *s = container_of(w, struct source, preload.timer);

	(void)loop;
	(void)events;
	if (s->preload.under_way)
		return;
	if (s->preload.round == 0)
		begin_round(&s->preload);
	ask_page(s);
}

/* ---- a page ---- */

static bool
keep_for_key(void *ctx, struct str key)
{
	struct page *page = ctx;
	struct source *s = page->s;
	struct cache_entry *e =
	    cache_put(&s->l->cache, s->id, key, CACHE_FOUND, buf_view(&s->l->kept));

	if (page->first) {
		page->first = false;
		buf_append(&page->last, key.at, key.len);
	}
	if (e == NULL) {
		s->preload.new_holes = true;
		return true;
	}
	e->round = s->preload.round;
	/* Not all of them are asked for again at the same moment. */
	e->fresh = ev_now(s->l->loop) + s->d.keep * (1 - (double)(e->hash & 255) / 2560);
	if (s->d.whole && e->fresh < ev_now(s->l->loop) + 2 * s->d.preload.every)
		e->fresh = ev_now(s->l->loop) + 2 * s->d.preload.every;
	e->good = e->fresh + s->d.stale;
	return true;
}

static bool
keep_element(void *ctx, struct str key, struct str json)
{
	struct page *page = ctx;
	struct source *s = page->s;
	char room[ADDR_TEXT_SIZE];

	page->elements++;
	page->first = true;
	buf_cut(&page->last, 0);
	buf_cut(&s->l->kept, 0);
	if (!fields_keep(&s->l->kept, &s->d.fields, json))
		return false;
	if (s->l->kept.len == 0)
		return true;
	if (s->d.preload.object)
		return !form_check(s->d.form, &key, room) || keep_for_key(page, key);
	return fields_keys(json, s->d.keys, s->d.key_count, s->d.form, keep_for_key, page);
}

static void
finish_round(struct source *s)
{
	struct preload *p = &s->preload;

	p->complete = true;
	p->holes = p->new_holes;
	if (s->d.whole) {
		cache_remove_rounds(&s->l->cache, s->id, p->round);
		queue_end_all(s); /* now it is known, of each of them */
	}
	log_info("lookup_preloaded", log_s("source", s->name), log_s("service", s->d.service),
	    log_i("elements", (int64_t)p->elements), log_i("pages", (int64_t)p->pages));
	if (p->holes)
		log_warn("lookup_memory_short", log_s("source", s->name),
		    log_s("meaning", "not all of it fits into lookups.max_bytes"));
	begin_round(p);
	come_back(s, s->d.preload.every);
}

static void
fail(struct source *s, const char *why, bool not_ready)
{
	struct preload *p = &s->preload;
	double pause = 1;

	if (!not_ready && p->faults < 16)
		p->faults++;
	for (unsigned i = 1; i < p->faults && pause < PAUSE_MOST; i++)
		pause *= 2;
	if (why != NULL)
		log_warn("lookup_preload_failed", log_s("source", s->name),
		    log_s("service", s->d.service), log_i("page", (int64_t)p->pages + 1),
		    log_s("reason", why));
	come_back(s, pause < PAUSE_MOST ? pause : PAUSE_MOST);
}

void
preload_page(struct source *s, struct str body, const char *why, bool not_ready)
{
	struct preload *p = &s->preload;
	struct page page = { .s = s };
	bool marked;

	p->under_way = false;
	if (body.len == 0) {
		fail(s, why, not_ready);
		return;
	}
	if (!fields_whole(body) || !fields_each(body, s->d.preload.object, keep_element, &page) ||
	    buf_failed(&page.last)) {
		buf_fini(&page.last);
		fail(s, "the page is not what was declared", false);
		return;
	}
	marked = page.last.len > 0 && !str_equal(buf_view(&page.last), buf_view(&p->last));
	if (s->d.preload.page == PAGE_MARKER && page.elements > 0 && !marked) {
		buf_fini(&page.last);
		fail(s, "the page ends as the one before it did, or without a key", false);
		return;
	}
	p->faults = 0;
	p->pages++;
	p->elements += page.elements;
	buf_fini(&p->last);
	p->last = page.last;
	if (s->d.preload.page == PAGE_ONE || page.elements == 0 || p->pages == PAGES_MOST ||
	    (s->d.preload.page == PAGE_OFFSET && page.elements < s->d.preload.limit)) {
		finish_round(s);
		return;
	}
	if (clock_steady() - p->told >= PROGRESS_EACH) {
		p->told = clock_steady();
		log_info("lookup_preloading", log_s("source", s->name),
		    log_i("elements", (int64_t)p->elements), log_i("pages", (int64_t)p->pages));
	}
	come_back(s, PAUSE);
}

/* ---- life ---- */

void
preload_init(struct source *s)
{
	struct preload *p = &s->preload;

	*p = (struct preload){ 0 };
	ev_timer_init(&p->timer, on_timer, 0, 0);
	if (s->d.preload.path == NULL || s->service->config->url == NULL ||
	    (s->l->config.blocking && !s->d.whole))
		return;
	come_back(s, 0);
}

void
preload_stop(struct source *s)
{
	ev_timer_stop(s->l->loop, &s->preload.timer);
	buf_fini(&s->preload.last);
	s->preload = (struct preload){ 0 };
	ev_init(&s->preload.timer, on_timer);
}

bool
preload_knows_all(const struct source *s)
{
	return s->d.whole && s->preload.complete && !s->preload.holes && !s->preload.new_holes;
}
