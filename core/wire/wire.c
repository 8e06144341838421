/* wire: what holds for all connections together: turns, memory, the stop. */
#include "wire/wire.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "wire/kerberos.h"
#include "wire/peer.h"
#include "wire/socket.h"
#include "wire/startups.h"
#include "wire/state.h"

#define HANGS 1.0  /* seconds after which a job is not waited for at the end */
#define AGAIN 0.05 /* seconds between two tries of those who wait for memory */

static void
again_start(struct wire *w)
{
	if (ev_is_active(&w->again))
		return;
	ev_timer_set(&w->again, AGAIN, 0.);
	ev_timer_start(w->loop, &w->again);
}

static void
on_again(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct wire *w = container_of(watcher, struct wire, again);
	struct list *node, *next;

	(void)loop;
	(void)events;
	for (node = w->senders.next; node != &w->senders; node = next) {
		next = node->next;
		peer_again(container_of(node, struct peer, all));
	}
	w->reconsider = true;
}

/*
 * Memory is short, and all of it is in frames that are not whole: no fate can free any. So one
 * sender at a time may read on, the one that has most of its frame, among those that have sent
 * more.
 */
static void
choose_exempt(struct wire *w)
{
	struct peer *best = NULL;

	if (w->exempt != NULL)
		return;
	for (struct list *node = w->senders.next; node != &w->senders; node = node->next) {
		struct peer *p = container_of(node, struct peer, all);

		if (p->stopped && !peer_is_waiting(p) && !p->starved &&
		    (best == NULL || p->in.len > best->in.len) && socket_has_unread(p->fd))
			best = p;
	}
	if (best != NULL) {
		w->exempt = best;
		peer_update_reading(best);
	}
}

/* Lets read who may, and sees to it that those who may not are asked again. */
static void
reconsider(struct wire *w)
{
	bool stopped = false, waiting = false;

	w->reconsider = false;
	for (struct list *node = w->senders.next; node != &w->senders; node = node->next) {
		struct peer *p = container_of(node, struct peer, all);

		peer_update_reading(p);
		stopped |= p->stopped;
		waiting |= peer_is_waiting(p) || p->starved;
	}
	if (stopped && w->owed == 0)
		choose_exempt(w);
	if (waiting || stopped)
		again_start(w);
}

static void
before_sleep(struct ev_loop *loop, ev_prepare *watcher, int events)
{
	struct wire *w = container_of(watcher, struct wire, before_sleep);
	size_t turn;

	(void)loop;
	(void)events;
	while (!list_empty(&w->dirty))
		peer_tend(container_of(w->dirty.next, struct peer, dirty));
	if (w->reconsider || w->budget.level != BUDGET_FREE)
		reconsider(w);
	turn = WIRE_TURN_ALL / (w->turns > 0 ? w->turns : 1);
	w->turn = turn < WIRE_TURN_MIN   ? WIRE_TURN_MIN
		  : turn > WIRE_TURN_MAX ? WIRE_TURN_MAX
					 : turn;
	w->turns = 0;
	if (w->done != NULL && w->counters.connections == 0) {
		void (*done)(void *ctx) = w->done;

		w->done = NULL;
		done(w->done_ctx);
	}
}

uint32_t
wire_random(struct wire *w)
{
	uint32_t number = 0;

	if (w->config->random != NULL)
		return w->config->random(w->config->random_ctx);
	if (getentropy(&number, sizeof(number)) != 0)
		number = (uint32_t)clock_steady() * UINT32_C(2654435761);
	return number;
}

static struct err *
open_arrivals(struct wire *w)
{
	if (w->config->max_rate == 0)
		return NULL;
	w->arrivals = arrivals_new(w->config->max_rate, wire_random(w));
	return w->arrivals == NULL ? err_sys("wire") : NULL;
}

/* What kerberos_v5 needs, when a listener allows it. */
static struct err *
open_kerberos(struct wire *w)
{
	struct err *e;
	bool wanted = false;

	for (size_t i = 0; i < w->config->listener_count; i++)
		wanted |= w->config->listeners[i].kerberos;
	if (!wanted)
		return NULL;
	if ((e = kerberos_acceptor_open(&w->kerberos, &w->config->kerberos)) != NULL)
		return e;
	if (w->config->workers == 0)
		return NULL;
	if ((e = pool_open(&w->pool, w->loop, w->config->workers)) != NULL)
		return e;
	return pool_open(&w->login_pool, w->loop, 1);
}

struct err *
wire_open(struct wire **out, struct ev_loop *loop, const struct wire_config *config,
    const struct wire_handler *handler)
{
	struct wire *w = calloc(1, sizeof(*w));
	struct err *e;

	if (w == NULL)
		return err_sys("wire");
	w->loop = loop;
	w->config = config;
	w->handler = handler;
	w->turn = WIRE_TURN_MAX;
	w->budget = (struct budget){ .cap = config->max_in_flight,
		.cap_sender = config->max_in_flight_sender };
	list_init(&w->logins);
	list_init(&w->senders);
	list_init(&w->orphans);
	list_init(&w->dirty);
	ev_init(&w->again, on_again);
	ev_prepare_init(&w->before_sleep, before_sleep);
	ev_prepare_start(loop, &w->before_sleep);
	if ((w->scratch = malloc(WIRE_CARRY + WIRE_TURN_MAX)) == NULL)
		e = err_sys("wire");
	else if ((e = open_arrivals(w)) == NULL && (e = open_kerberos(w)) == NULL)
		e = listener_open_all(w);
	if (e != NULL) {
		wire_close(w);
		return e;
	}
	*out = w;
	return NULL;
}

void
wire_flush(struct wire *w)
{
	for (struct list *node = w->dirty.next, *next; node != &w->dirty; node = next) {
		struct peer *p = container_of(node, struct peer, dirty);

		next = node->next;
		if (!p->busy)
			peer_write(p);
	}
}

void
wire_admit_again(struct wire *w)
{
	for (struct list *node = w->senders.next; node != &w->senders; node = node->next)
		peer_admit_again(container_of(node, struct peer, all));
}

void
wire_stop(struct wire *w, void (*done)(void *ctx), void *ctx)
{
	struct list *node, *next;

	if (w->stopping)
		return;
	w->stopping = true;
	w->done = done;
	w->done_ctx = ctx;
	listener_close_all(w);
	for (node = w->logins.next; node != &w->logins; node = next) {
		next = node->next;
		peer_stop(container_of(node, struct peer, all));
	}
	for (node = w->senders.next; node != &w->senders; node = node->next)
		peer_stop(container_of(node, struct peer, all));
}

/*
 * Frees the peers of a list; those that owe receipts live on without us, and those whose job hangs
 * in the library for good.
 */
static void
let_go(struct list *peers, bool hangs)
{
	while (!list_empty(peers)) {
		struct peer *p = container_of(peers->next, struct peer, all);

		if (hangs && peer_work_runs(p))
			peer_abandon(p);
		else if (p->receipts.owed > 0)
			peer_part(p);
		else
			peer_free(p);
	}
}

static void
leave_pools(struct list *peers)
{
	for (struct list *node = peers->next; node != peers; node = node->next)
		peer_work_leave_pool(container_of(node, struct peer, all));
}

void
wire_close(struct wire *w)
{
	bool hangs;

	if (w == NULL)
		return;
	listener_close_all(w);
	leave_pools(&w->logins);
	leave_pools(&w->senders);
	leave_pools(&w->orphans);
	hangs = !pool_close_within(w->login_pool, HANGS);
	hangs |= !pool_close_within(w->pool, HANGS);
	if (hangs)
		log_warn("library_hangs",
		    log_s("meaning",
			"Kerberos does not come back from a lock, a file or a question "
			"to the network; it is not waited for"));
	let_go(&w->logins, hangs);
	let_go(&w->senders, hangs);
	let_go(&w->orphans, hangs);
	ev_timer_stop(w->loop, &w->again);
	ev_prepare_stop(w->loop, &w->before_sleep);
	if (!hangs)
		kerberos_acceptor_close(w->kerberos);
	arrivals_free(w->arrivals);
	buf_fini(&w->acks);
	free(w->scratch);
	free(w);
}

void
wire_counters(const struct wire *w, struct wire_counters *out)
{
	*out = w->counters;
	out->memory = w->budget.total;
}
