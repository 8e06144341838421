/* request: questions become requests, one by one or many in one; answers go to the cache. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "lookup/inside.h"

enum word {
	WORD_GOOD,
	WORD_NONE,
	WORD_NOT_READY,
	WORD_FAULT,
};

/* ---- paths ---- */

void
path_expand(struct buf *out, const char *path, const struct path_word *words, size_t count)
{
	while (*path != '\0') {
		size_t i = 0;

		for (; i < count; i++)
			if (strncmp(path, words[i].word, strlen(words[i].word)) == 0)
				break;
		if (i < count) {
			buf_str(out, words[i].value);
			path += strlen(words[i].word);
		} else
			buf_byte(out, *path++);
	}
}

/* ---- what an answer says ---- */

static bool
is_among(const struct declared_statuses *list, unsigned status, struct str body)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->at[i].status == status &&
		    (list->at[i].code == NULL || fields_code_is(body, str_of(list->at[i].code))))
			return true;
	return false;
}

static enum word
judge(const struct request *r, const struct http_result *result, const char **why)
{
	const struct declaration *d = &r->source->d;
	struct str body = buf_view(&r->body);
	unsigned status = result->head.status;

	if (r->too_large || buf_failed(&r->body)) {
		*why = "the answer is too large";
		return WORD_FAULT;
	}
	if (!result->complete) {
		*why = result->why != NULL ? result->why : "no whole answer came";
		return WORD_FAULT;
	}
	if (is_among(&d->not_ready, status, body)) {
		*why = "the service is not ready";
		return WORD_NOT_READY;
	}
	/* To many keys at once a service says with an empty list that there are none of them. */
	if (r->kind == REQUEST_ONE && is_among(&d->none, status, body))
		return WORD_NONE;
	if (status != 200) {
		*why = "the service answered with an error";
		return WORD_FAULT;
	}
	return WORD_GOOD;
}

static struct str
key_of(const struct question *q)
{
	return (struct str){ q->key, q->key_len };
}

static enum word
take_one(struct request *r, const char **why)
{
	struct source *s = r->source;
	struct str inside;

	buf_cut(&s->l->kept, 0);
	*why = "the answer is not what was declared";
	if (!fields_at(buf_view(&r->body), &s->d.at, &inside) || inside.len == 0 ||
	    !fields_keep(&s->l->kept, &s->d.fields, inside))
		return WORD_FAULT;
	if (s->l->kept.len == 0)
		return WORD_NONE;
	source_keep(s, key_of(r->questions), buf_view(&s->l->kept));
	return WORD_GOOD;
}

static bool
take_for_key(void *ctx, struct str key)
{
	struct request *r = ctx;
	struct lookup *l = r->source->l;
	struct question *q =
	    question_find(l, r->source, cache_hash(&l->cache, r->source->id, key), key);

	if (q != NULL && q->request == r) {
		q->answered = true;
		source_keep(r->source, key, buf_view(&l->kept));
	}
	return true;
}

static bool
take_element(void *ctx, struct str key, struct str json)
{
	struct request *r = ctx;
	const struct declaration *d = &r->source->d;
	char room[ADDR_TEXT_SIZE];
	struct buf *kept = &r->source->l->kept;

	buf_cut(kept, 0);
	if (!fields_keep(kept, &d->fields, json))
		return false;
	if (kept->len == 0)
		return true;
	if (d->batch.object)
		return !form_check(d->form, &key, room) || take_for_key(r, key);
	return fields_keys(json, d->keys, d->key_count, d->form, take_for_key, r);
}

/* ---- the end of a request ---- */

static void
request_free(struct request *r)
{
	*r->link = r->next;
	if (r->next != NULL)
		r->next->link = r->link;
	r->service->in_flight--;
	buf_fini(&r->body);
	free(r);
}

static void
settle(struct request *r, enum word word)
{
	struct source *s = r->source;
	struct question *q;

	while ((q = r->questions) != NULL) {
		r->questions = q->next;
		if (word == WORD_NONE ||
		    (word == WORD_GOOD && r->kind == REQUEST_MANY && !q->answered))
			source_keep_none(s, key_of(q));
		else if (word == WORD_FAULT && !q->answered)
			source_keep_fault(s, key_of(q));
		question_end(q);
	}
}

static void
note(struct source *s, enum word word, unsigned status, const char *why)
{
	int64_t now = clock_steady();

	switch (word) {
	case WORD_GOOD:
	case WORD_NONE:
		if (s->breaker.resting)
			log_info("lookup_well_again", log_s("source", s->name),
			    log_s("service", s->d.service));
		breaker_good(&s->breaker);
		return;
	case WORD_NOT_READY:
		breaker_not_ready(&s->breaker, now);
		log_warn("lookup_not_ready", log_s("source", s->name),
		    log_s("service", s->d.service), log_i("status", status));
		break;
	case WORD_FAULT:
		s->counters.failed++;
		log_warn("lookup_failed", log_s("source", s->name), log_s("service", s->d.service),
		    log_i("status", status), log_s("reason", why));
		s->l->random = s->l->random * 1664525 + 1013904223;
		if (breaker_fault(&s->breaker, now, s->l->random >> 16))
			log_warn("lookup_rests", log_s("source", s->name),
			    log_s("service", s->d.service), log_i("faults", s->breaker.faults));
		break;
	}
	if (breaker_ask(&s->breaker, now) == BREAKER_REST)
		queue_end_all(s);
}

static void
on_done(void *ctx, const struct http_result *result)
{
	struct request *r = ctx;
	struct source *s = r->source;
	struct lookup *l = s->l;
	const char *why = NULL;
	enum word word;

	if (r->unwanted)
		word = WORD_NOT_READY;
	else if ((word = judge(r, result, &why)) == WORD_GOOD && r->kind == REQUEST_ONE)
		word = take_one(r, &why);
	else if (word == WORD_GOOD && r->kind == REQUEST_MANY &&
		 (!fields_whole(buf_view(&r->body)) ||
		     !fields_each(buf_view(&r->body), s->d.batch.object, take_element, r))) {
		word = WORD_FAULT;
		why = "the answer is not what was declared";
	}
	if (r->unwanted)
		;
	else if (r->kind == REQUEST_PAGE) {
		struct str body = buf_view(&r->body);

		if (word != WORD_GOOD)
			body.len = 0;
		preload_page(s, body, why, word == WORD_NOT_READY);
	} else {
		settle(r, word);
		note(s, word, result->head.status, why);
	}
	request_free(r);
	lookup_stir(l);
}

static bool
on_body(void *ctx, const struct http_head *head, const char *bytes, size_t len)
{
	struct request *r = ctx;

	(void)head;
	if (r->body.len + len > r->most) {
		r->too_large = true;
		return false;
	}
	buf_append(&r->body, bytes, len);
	return true;
}

/* ---- sending ---- */

static struct request *
request_new(struct source *s, enum request_kind kind)
{
	struct lookup *l = s->l;
	struct request *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->source = s;
	r->service = s->service;
	r->kind = kind;
	r->most = kind == REQUEST_ONE ? LOOKUP_BODY : LOOKUP_BODIES;
	r->next = l->requests;
	r->link = &l->requests;
	if (r->next != NULL)
		r->next->link = &r->next;
	l->requests = r;
	s->service->in_flight++;
	return r;
}

static bool
request_send(struct request *r, struct str path)
{
	struct service *service = r->service;
	size_t base = strlen(service->config->url);
	struct buf url = { 0 };
	struct http_call call = { .method = "GET",
		.timeout = LOOKUP_TIMEOUT,
		.headers = service->lines,
		.header_count = service->line_count,
		.body_part = on_body,
		.done = on_done,
		.ctx = r };
	bool sent;

	while (base > 0 && service->config->url[base - 1] == '/')
		base--;
	buf_append(&url, service->config->url, base);
	buf_str(&url, path);
	buf_byte(&url, '\0');
	call.url = url.at;
	sent = !buf_failed(&url) && http_send(service->http, &call) != NULL;
	buf_fini(&url);
	if (sent)
		r->source->counters.requests++;
	return sent;
}

bool
request_page(struct source *s, struct str path)
{
	struct request *r;

	if (s->service->in_flight >= s->l->config.max_requests ||
	    (r = request_new(s, REQUEST_PAGE)) == NULL)
		return false;
	if (!request_send(r, path)) {
		request_free(r);
		return false;
	}
	return true;
}

/* The next question that is still worth asking. */
static struct question *
next_question(struct source *s, int64_t now)
{
	struct question *q;

	while ((q = queue_take(s)) != NULL && q->overdue && now - q->since > LOOKUP_OLD)
		question_end(q);
	return q;
}

/* Takes questions out of the queue into a request, and makes its path. */
static void
fill(struct request *r, struct buf *path, int64_t now)
{
	struct source *s = r->source;
	const struct declaration *d = &s->d;
	struct question *q, **end = &r->questions;
	struct buf keys = { 0 };
	size_t count = 0, most = d->batch.path != NULL ? d->batch.most : 1;

	while (count < most && (count == 0 || keys.len < LOOKUP_URL_MOST) &&
	       (q = next_question(s, now)) != NULL) {
		if (count++ > 0)
			buf_str(&keys, str_of(d->batch.separator));
		form_escape(&keys, key_of(q));
		q->request = r;
		*end = q;
		end = &q->next;
	}
	r->kind =
	    d->batch.path != NULL && (count > 1 || d->path == NULL) ? REQUEST_MANY : REQUEST_ONE;
	r->most = r->kind == REQUEST_ONE ? LOOKUP_BODY : LOOKUP_BODIES;
	path_expand(path, r->kind == REQUEST_ONE ? d->path : d->batch.path,
	    (struct path_word[]){
		{ r->kind == REQUEST_ONE ? "{key}" : "{keys}", buf_view(&keys) } },
	    1);
	if (buf_failed(&keys))
		path->failed = true;
	buf_fini(&keys);
}

static void
send_queued(struct source *s)
{
	struct lookup *l = s->l;
	int64_t now = clock_steady();

	while (s->queue != NULL && s->service->in_flight < l->config.max_requests) {
		enum breaker_word word = breaker_ask(&s->breaker, now);
		struct buf path = { 0 };
		struct request *r;

		if (word == BREAKER_REST)
			queue_end_all(s);
		if (word == BREAKER_REST || word == BREAKER_WAIT ||
		    (r = request_new(s, REQUEST_ONE)) == NULL)
			break;
		fill(r, &path, now);
		if (r->questions == NULL)
			request_free(r);
		else if (buf_failed(&path) || !request_send(r, buf_view(&path))) {
			settle(r, WORD_FAULT);
			request_free(r);
		} else
			breaker_sent(&s->breaker);
		buf_fini(&path);
	}
}

void
requests_go(struct lookup *l)
{
	for (size_t i = 0; i < l->source_count; i++) {
		struct source *s = l->sources[i];

		if (s->queue != NULL && s->declared &&
		    (s->d.path != NULL || s->d.batch.path != NULL))
			send_queued(s);
	}
}

void
requests_disown(struct source *s)
{
	struct question *q;

	for (struct request *r = s->l->requests; r != NULL; r = r->next)
		if (r->source == s) {
			r->unwanted = true;
			while ((q = r->questions) != NULL) {
				r->questions = q->next;
				question_end(q);
			}
		}
}

void
requests_take_back(struct service *service)
{
	struct request *next;
	struct question *q;

	for (struct request *r = service->l->requests; r != NULL; r = next) {
		next = r->next;
		if (r->service != service)
			continue;
		while ((q = r->questions) != NULL) {
			r->questions = q->next;
			queue_put(r->source, q);
		}
		r->source->breaker.trying = false;
		if (r->kind == REQUEST_PAGE && !r->unwanted)
			preload_page(r->source, (struct str){ 0 }, NULL, true);
		request_free(r);
	}
	lookup_stir(service->l);
}
