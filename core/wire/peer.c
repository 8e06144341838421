/* peer: the life of a connection. How it is read and written is in peer_read.c and peer_write.c. */
#include "wire/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "wire/kerberos.h"
#include "wire/socket.h"
#include "wire/state.h"

#define DRAIN_LIMIT \
	1.0 /* seconds for which a stop takes in more from a sender that does not pause */

const char *
peer_sender(const struct peer *p)
{
	return p->sender != NULL ? p->sender : p->from;
}

const char *
peer_from(const struct peer *p)
{
	return p->from;
}

const char *
peer_host(const struct peer *p)
{
	return p->host;
}

const char *
peer_principal(const struct peer *p)
{
	return p->principal;
}

void
peer_set_user(struct peer *p, void *user)
{
	p->user = user;
}

void *
peer_user(const struct peer *p)
{
	return p->user;
}

void
peer_mark_dirty(struct peer *p)
{
	if (p->wire != NULL && list_empty(&p->dirty))
		list_put(&p->wire->dirty, &p->dirty);
}

static void
on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct peer *p = container_of(watcher, struct peer, readable);

	(void)loop;
	(void)events;
	p->wire->turns++;
	peer_read(p, p->wire->turn);
}

static void
on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
	(void)loop;
	(void)events;
	peer_mark_dirty(container_of(watcher, struct peer, writable));
}

static void
on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct peer *p = container_of(watcher, struct peer, timer);

	(void)loop;
	(void)events;
	switch (p->state) {
	case PEER_LOGIN:
		p->wire->counters.refused_grace++;
		peer_close(p, "not authenticated in time");
		break;
	case PEER_OPEN:
		p->state = PEER_CLOSING;
		peer_update_reading(p);
		peer_mark_dirty(p);
		break;
	case PEER_CLOSING: peer_close(p, p->reason); break;
	case PEER_LINGER: peer_close(p, p->reason); break;
	case PEER_GONE: break;
	}
}

static void
start_timer(struct peer *p, double seconds)
{
	ev_timer_stop(p->wire->loop, &p->timer);
	ev_timer_set(&p->timer, seconds, 0.);
	ev_timer_start(p->wire->loop, &p->timer);
}

static void
drain(struct peer *p, const char *reason, double seconds)
{
	p->draining = true;
	p->reason = reason;
	start_timer(p, seconds);
	peer_mark_dirty(p);
}

void
peer_drain(struct peer *p, const char *reason)
{
	drain(p, reason, p->wire->config->linger);
}

static bool
any_is_slow(const struct mech *const *allowed)
{
	for (; *allowed != NULL; allowed++)
		if ((*allowed)->slow)
			return true;
	return false;
}

struct peer *
peer_new(struct wire *w, int fd, const struct sockaddr *sa, const struct mech *const *allowed,
    size_t listener)
{
	struct stream_limits limits = { w->config->max_frame_login, w->config->max_frame,
		w->config->kept_head };
	struct peer *p = calloc(1, sizeof(*p));

	if (p == NULL || (any_is_slow(allowed) && !peer_work_new(p))) {
		free(p);
		close(fd);
		return NULL;
	}
	p->wire = w;
	p->fd = fd;
	p->listener = listener;
	list_init(&p->all);
	list_init(&p->dirty);
	list_put(&w->logins, &p->all);
	addr_text_sock(sa, p->from);
	stream_init(&p->stream, &limits, allowed, w->kerberos);
	ev_io_init(&p->readable, on_readable, fd, EV_READ);
	ev_io_init(&p->writable, on_writable, fd, EV_WRITE);
	ev_init(&p->timer, on_timer);
	socket_tune(fd);
	if (p->work != NULL && w->kerberos != NULL)
		kerberos_acceptor_refresh(w->kerberos);
	w->counters.accepted++;
	w->counters.connections++;
	w->counters.logins++;
	start_timer(p, w->config->login_grace_time);
	peer_update_reading(p);
	return p;
}

/* Gives back all that only a connection needs. */
static void
disconnect(struct peer *p)
{
	struct ev_loop *loop = p->wire->loop;

	ev_io_stop(loop, &p->readable);
	ev_io_stop(loop, &p->writable);
	ev_timer_stop(loop, &p->timer);
	close(p->fd);
	p->fd = -1;
	p->state = PEER_GONE;
	buf_fini(&p->in);
	buf_fini(&p->out);
	buf_fini(&p->waiting);
	peer_work_drop(p);
}

void
peer_abandon(struct peer *p)
{
	if (p->state != PEER_GONE)
		disconnect(p);
	list_take(&p->all);
	list_take(&p->dirty);
	p->wire = NULL;
}

void
peer_part(struct peer *p)
{
	peer_abandon(p);
	peer_work_free(p);
}

void
peer_free(struct peer *p)
{
	if (p->wire != NULL)
		peer_part(p);
	stream_fini(&p->stream);
	receipts_fini(&p->receipts);
	err_free(p->fault);
	free(p->sender);
	free(p->host);
	free(p);
}

void
peer_close(struct peer *p, const char *reason)
{
	struct wire *w = p->wire;
	bool was_login = p->state == PEER_LOGIN, was_busy = p->busy;

	if (p->state == PEER_GONE)
		return;
	if (p->fault != NULL)
		reason = err_text(p->fault);
	disconnect(p);
	list_put(&w->orphans, &p->all);
	if (w->exempt == p)
		w->exempt = NULL;
	w->counters.connections--;
	peer_mark_dirty(p);
	listener_resume(w);
	if (was_login) {
		w->counters.logins--;
		log_warn("refused", log_s("from", p->from), log_s("reason", reason));
		return;
	}
	log_info("disconnected", log_s("from", p->from), log_s("sender", peer_sender(p)),
	    log_s("reason", reason), log_i("records", (int64_t)p->records),
	    log_i("acknowledged", (int64_t)p->acknowledged),
	    log_i("owed", (int64_t)p->receipts.owed));
	p->busy = true;
	w->handler->left(w->handler->ctx, p, reason);
	p->busy = was_busy;
}

/*
 * Own fault or not, it gets the acknowledgements of what it sent before: a full window would
 * silence its host.
 */
void
peer_finish(struct peer *p, const char *reason)
{
	p->reason = reason;
	p->state = PEER_CLOSING;
	start_timer(p, p->wire->config->linger);
	peer_update_reading(p);
	peer_mark_dirty(p);
}

void
peer_break(struct peer *p, struct err *why)
{
	err_free(p->fault);
	p->fault = why;
	p->wire->counters.refused_protocol++;
	if (p->state == PEER_LOGIN) {
		peer_close(p, NULL);
		return;
	}
	log_warn(
	    "protocol_broken", log_s("from", p->from), log_s("sender", peer_sender(p)), log_e(why));
	peer_finish(p, NULL);
}

void
peer_stop(struct peer *p)
{
	double limit =
	    p->wire->config->linger < DRAIN_LIMIT ? p->wire->config->linger : DRAIN_LIMIT;

	if (p->state == PEER_LOGIN)
		peer_close(p, "we are stopping");
	else if (p->state == PEER_OPEN)
		drain(p, "we are stopping", limit);
}

static uint64_t
records_memory(const struct peer *p)
{
	uint64_t costs = (uint64_t)p->receipts.owed * p->wire->config->record_cost;

	return p->in_flight + costs + receipts_memory(&p->receipts) + p->out.room;
}

static uint64_t
peer_memory(const struct peer *p)
{
	/* With work, the stream is another thread's; its mechanism keeps no heads. */
	return records_memory(p) + p->in.room +
	       (p->work != NULL ? peer_work_memory(p) : p->stream.past_head.room + p->waiting.room);
}

static bool
wants_to_read(struct peer *p)
{
	struct wire *w = p->wire;
	struct budget budget = w->budget;

	switch (p->state) {
	case PEER_LOGIN:
	case PEER_LINGER: return true;
	case PEER_OPEN: break;
	case PEER_CLOSING:
	case PEER_GONE: return false;
	}
	if (peer_is_waiting(p) || p->starved)
		return false;
	if (p->max_in_flight > 0)
		budget.cap_sender = p->max_in_flight;
	return w->exempt == p || budget_may_read(&budget, records_memory(p), p->counted,
				     w->counters.connections - w->counters.logins, p->stopped);
}

/* What came is enough for now, or nothing more comes; that is no want of memory. */
static bool
has_enough(const struct peer *p)
{
	return p->state != PEER_LINGER && (p->ended || p->lost != NULL || peer_work_is_full(p));
}

void
peer_update_reading(struct peer *p)
{
	struct wire *w = p->wire;
	bool read = wants_to_read(p), stopped = p->state == PEER_OPEN && !read;

	if (stopped && !p->stopped) {
		w->counters.held_reading++;
		log_warn("reading_stopped", log_s("sender", peer_sender(p)),
		    log_s("reason",
			peer_is_waiting(p) || p->starved ? "no memory" : "cap on memory"));
	} else if (!stopped && p->stopped && p->state == PEER_OPEN && w->exempt != p)
		log_info("reading_resumed", log_s("sender", peer_sender(p)));
	if (w->exempt != p)
		p->stopped = stopped;
	if (read && !has_enough(p))
		ev_io_start(w->loop, &p->readable);
	else
		ev_io_stop(w->loop, &p->readable);
}

void
peer_again(struct peer *p)
{
	if (p->starved && !p->busy) {
		p->starved = false;
		if (wants_to_read(p) && !has_enough(p))
			peer_read(p, p->wire->turn);
		else
			peer_mark_dirty(p);
		return;
	}
	if (!peer_is_waiting(p) || p->busy)
		return;
	if (p->work != NULL)
		peer_work_go(p);
	else
		peer_take_held(p);
	peer_mark_dirty(p);
}

/* Has everything come in that was sent, as far as one can see? */
static bool
is_quiet(const struct peer *p)
{
	if (p->in.len > 0 || socket_has_unread(p->fd))
		return false;
	return p->work != NULL ? !peer_work_is_due(p) : !stream_is_within(&p->stream);
}

static bool
is_settled(const struct peer *p)
{
	return p->receipts.owed == 0 && !receipts_due(&p->receipts) && p->out.len == 0 &&
	       !peer_is_waiting(p) && !peer_work_runs(p);
}

/* The next step towards the end of a connection, if it is time for one. */
static void
step_to_end(struct peer *p)
{
	bool ends =
	    p->state == PEER_CLOSING || (p->state == PEER_OPEN && p->draining && is_quiet(p));

	if (!ends || !is_settled(p))
		return;
	if (p->ended || shutdown(p->fd, SHUT_WR) != 0) {
		peer_close(p, p->reason);
		return;
	}
	p->state = PEER_LINGER;
	start_timer(p, p->wire->config->linger);
}

void
peer_tend(struct peer *p)
{
	struct wire *w = p->wire;
	uint64_t now;

	list_take(&p->dirty);
	if (p->fd >= 0)
		peer_write(p);
	if (p->fd >= 0)
		step_to_end(p);
	if (p->fd < 0 && p->receipts.owed == 0 && !p->busy && !peer_work_runs(p)) {
		w->reconsider |= budget_count(&w->budget, p->counted, 0);
		p->counted = 0;
		peer_free(p);
		return;
	}
	now = peer_memory(p);
	w->reconsider |= budget_count(&w->budget, p->counted, now);
	p->counted = now;
	w->reconsider |= peer_is_waiting(p) || p->starved;
	if (p->fd >= 0)
		peer_update_reading(p);
}

void
peer_settle(struct peer *p, uint64_t receipt, bool acknowledge)
{
	struct wire *w = p->wire;
	uint32_t size;

	if (!receipts_settle(&p->receipts, receipt, acknowledge && p->fd >= 0, &size)) {
		log_error("receipt_not_owed", log_s("sender", peer_sender(p)),
		    log_i("receipt", (int64_t)receipt));
		return;
	}
	p->in_flight -= size;
	if (w == NULL) {
		if (p->receipts.owed == 0 && !peer_work_runs(p))
			peer_free(p);
		return;
	}
	w->owed--;
	w->counters.in_flight -= size;
	peer_mark_dirty(p);
}
