/* question: what is asked for now, who waits for it, and until when. */
#include <stdlib.h>

#include "base/clock.h"
#include "lookup/inside.h"

static void
set_deadline(struct lookup *l)
{
	double left;

	ev_timer_stop(l->loop, &l->deadline);
	if (l->oldest == NULL)
		return;
	left =
	    l->config.deadline - (double)(clock_steady() - l->oldest->since) / (double)CLOCK_SECOND;
	ev_timer_set(&l->deadline, left > 0.001 ? left : 0.001, 0);
	ev_timer_start(l->loop, &l->deadline);
}

void
lookup_stir(struct lookup *l)
{
	if (!ev_is_pending(&l->turn))
		ev_feed_event(l->loop, &l->turn, EV_CUSTOM);
}

/* ---- those who wait ---- */

static struct waiter **
waiter_place(struct lookup *l, const void *waiter)
{
	uint64_t h = (uint64_t)(uintptr_t)waiter * UINT64_C(0x9E3779B97F4A7C15);

	return &l->known_waiters[h >> 32 & l->known_mask];
}

static void
waiter_unlink(struct lookup *l, struct waiter *w)
{
	struct waiter **place = waiter_place(l, w->who.waiter);

	while (*place != w)
		place = &(*place)->next_known;
	*place = w->next_known;
	*w->link = w->next;
	if (w->next != NULL)
		w->next->link = w->link;
	else if (l->telling_end == &w->next)
		l->telling_end = w->link;
	l->waiters--;
}

static bool
waiter_add(struct question *q, struct lookup_waiter who)
{
	struct lookup *l = q->source->l;
	struct waiter *w, **place = waiter_place(l, who.waiter);

	if ((w = malloc(sizeof(*w))) == NULL)
		return false;
	*w = (struct waiter){ .who = who };
	w->next_known = *place;
	*place = w;
	w->next = q->waiters;
	w->link = &q->waiters;
	if (w->next != NULL)
		w->next->link = &w->next;
	q->waiters = w;
	l->waiters++;
	return true;
}

/* All who wait for it are told, in the next turn, in the order in which they asked. */
static void
release(struct question *q)
{
	struct lookup *l = q->source->l;
	struct waiter *w, **at = l->telling_end;

	while ((w = q->waiters) != NULL) { /* the last one comes first */
		q->waiters = w->next;
		if (w->next != NULL)
			w->next->link = &q->waiters;
		if ((w->next = *at) != NULL)
			w->next->link = &w->next;
		else
			l->telling_end = &w->next;
		*at = w;
		w->link = at;
	}
	lookup_stir(l);
}

static void
tell_all(struct lookup *l)
{
	struct waiter *w;

	while ((w = l->telling) != NULL) {
		struct lookup_waiter who = w->who;

		waiter_unlink(l, w);
		free(w);
		who.told(who.waiter, who.question);
	}
}

void
question_forget(struct lookup *l, void *waiter)
{
	struct waiter *next;

	for (struct waiter *w = *waiter_place(l, waiter); w != NULL; w = next) {
		next = w->next_known;
		if (w->who.waiter == waiter) {
			waiter_unlink(l, w);
			free(w);
		}
	}
}

/* ---- questions ---- */

static struct question **
question_place(struct lookup *l, uint64_t hash)
{
	return &l->known[hash & l->known_mask];
}

struct question *
question_find(struct lookup *l, const struct source *s, uint64_t hash, struct str key)
{
	for (struct question *q = *question_place(l, hash); q != NULL; q = q->next_known)
		if (q->hash == hash && q->source == s &&
		    str_equal((struct str){ q->key, q->key_len }, key))
			return q;
	return NULL;
}

static void
unlink_age(struct lookup *l, struct question *q)
{
	if (q->overdue)
		return;
	if (q->older != NULL)
		q->older->newer = q->newer;
	else
		l->oldest = q->newer;
	if (q->newer != NULL)
		q->newer->older = q->older;
	else
		l->newest = q->older;
}

static struct question *
question_new(struct source *s, uint64_t hash, struct str key)
{
	struct lookup *l = s->l;
	struct question *q, **place = question_place(l, hash);

	if ((q = malloc(sizeof(*q) + key.len)) == NULL)
		return NULL;
	*q = (struct question){
		.source = s, .hash = hash, .since = clock_steady(), .key_len = key.len
	};
	memcpy(q->key, key.at, key.len);
	q->next_known = *place;
	*place = q;
	q->older = l->newest;
	if (l->newest != NULL)
		l->newest->newer = q;
	else
		l->oldest = q;
	l->newest = q;
	l->questions++;
	if (l->oldest == q) {
		if (l->config.blocking)
			ev_now_update(l->loop); /* it may not have turned for long */
		set_deadline(l);
	}
	return q;
}

/* Queued questions that nobody waits for any more go, when there are as many as may be. */
static void
make_room(struct lookup *l)
{
	for (size_t i = 0; i < l->source_count; i++) {
		struct source *s = l->sources[i];

		while (
		    l->questions >= l->config.max_waiters && s->queue != NULL && s->queue->overdue)
			question_end(queue_take(s));
	}
}

enum lookup_status
question_ask(struct source *s, uint64_t hash, struct str key, struct lookup_waiter who)
{
	struct lookup *l = s->l;
	struct question *q = question_find(l, s, hash, key);
	bool full = who.waiter != NULL && l->waiters >= l->config.max_waiters;

	if (q == NULL) {
		bool room = !full && breaker_ask(&s->breaker, clock_steady()) != BREAKER_REST;

		if (room && l->questions >= l->config.max_waiters)
			make_room(l);
		if (!room || l->questions >= l->config.max_waiters ||
		    (q = question_new(s, hash, key)) == NULL) {
			s->counters.refused++;
			return LOOKUP_MISSING;
		}
		queue_put(s, q);
		lookup_stir(l);
	} else if (full)
		s->counters.refused++;
	if (who.waiter == NULL || full || q->overdue || !waiter_add(q, who))
		return LOOKUP_MISSING;
	return LOOKUP_WAIT;
}

void
question_end(struct question *q)
{
	struct lookup *l = q->source->l;
	struct question **place = question_place(l, q->hash);

	while (*place != q)
		place = &(*place)->next_known;
	*place = q->next_known;
	unlink_age(l, q);
	release(q);
	l->questions--;
	free(q);
}

void
queue_put(struct source *s, struct question *q)
{
	q->request = NULL;
	q->answered = false;
	q->next = NULL;
	*s->queue_end = q;
	s->queue_end = &q->next;
}

struct question *
queue_take(struct source *s)
{
	struct question *q = s->queue;

	if (q == NULL)
		return NULL;
	if ((s->queue = q->next) == NULL)
		s->queue_end = &s->queue;
	q->next = NULL;
	return q;
}

void
queue_end_all(struct source *s)
{
	struct question *q;

	while ((q = queue_take(s)) != NULL)
		question_end(q);
}

/* ---- the loop ---- */

static void
on_deadline(struct ev_loop *loop, ev_timer *w, int events)
{
	struct lookup *l = container_of(w, struct lookup, deadline);
	int64_t now = clock_steady(),
		least = now - (int64_t)(l->config.deadline * (double)CLOCK_SECOND);
	struct question *q;

	(void)loop;
	(void)events;
	while ((q = l->oldest) != NULL && q->since <= least) {
		unlink_age(l, q);
		q->overdue = true;
		release(q);
	}
	set_deadline(l);
}

static void
on_turn(struct ev_loop *loop, ev_timer *w, int events)
{
	struct lookup *l = container_of(w, struct lookup, turn);

	(void)loop;
	(void)events;
	requests_go(l);
	tell_all(l);
}

bool
questions_init(struct lookup *l)
{
	size_t buckets = 1024;

	while (buckets < l->config.max_waiters && buckets < 1024 * 1024)
		buckets *= 2;
	l->known_mask = buckets - 1;
	l->telling_end = &l->telling;
	ev_init(&l->turn, on_turn);
	ev_set_priority(&l->turn, EV_MINPRI);
	ev_init(&l->deadline, on_deadline);
	return (l->known = calloc(buckets, sizeof(*l->known))) != NULL &&
	       (l->known_waiters = calloc(buckets, sizeof(*l->known_waiters))) != NULL;
}

void
questions_fini(struct lookup *l)
{
	struct waiter *w;

	ev_clear_pending(l->loop, &l->turn);
	ev_timer_stop(l->loop, &l->deadline);
	for (size_t i = 0; l->known != NULL && i <= l->known_mask; i++) {
		struct question *next;

		for (struct question *q = l->known[i]; q != NULL; q = next) {
			next = q->next_known;
			free(q);
		}
	}
	for (size_t i = 0; l->known_waiters != NULL && i <= l->known_mask; i++)
		while ((w = l->known_waiters[i]) != NULL) {
			l->known_waiters[i] = w->next_known;
			free(w);
		}
	free(l->known);
	free(l->known_waiters);
}
