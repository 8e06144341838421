/* listener: the sockets that connections come in by, and who is let in at all. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "wire/peer.h"
#include "wire/socket.h"
#include "wire/startups.h"
#include "wire/state.h"

#define ACCEPT_TURN      64   /* connections taken in one turn */
#define ACCEPT_PAUSE     0.25 /* seconds, when the system has no room for another one */
#define DESCRIPTORS_KEPT 64   /* for everything else: outputs, files, the loop */
#define SOCKETS_MAX      16   /* of one listener */

struct listener {
	struct wire *wire;
	const struct wire_listener *rule;
	int fd;
	ev_io acceptable;
};

static const struct mech *const none[] = { NULL };
static const struct mech *const only_dummy[] = { &mech_dummy, NULL };
static const struct mech *const only_kerberos[] = { &mech_kerberos, NULL };
static const struct mech *const both[] = { &mech_kerberos, &mech_dummy, NULL };

/* The mechanisms by which somebody from that address may authenticate. */
static const struct mech *const *
allowed_from(const struct wire_listener *rule, const struct sockaddr *sa)
{
	if (rule->dummy)
		for (size_t i = 0; i < rule->dummy_from_count; i++)
			if (addr_net_has(&rule->dummy_from[i], sa))
				return rule->kerberos ? both : only_dummy;
	return rule->kerberos ? only_kerberos : none;
}

static void
accept_start(struct wire *w, bool on)
{
	if (w->accepting == on)
		return;
	w->accepting = on;
	for (size_t i = 0; i < w->listener_count; i++)
		if (on)
			ev_io_start(w->loop, &w->listeners[i].acceptable);
		else
			ev_io_stop(w->loop, &w->listeners[i].acceptable);
}

static void
on_accept_again(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	accept_start(container_of(watcher, struct wire, accept_again), true);
}

static void
accept_pause(struct wire *w, const char *reason, double seconds)
{
	w->counters.accept_paused++;
	log_warn("accepting_paused", log_s("reason", reason),
	    log_i("connections", w->counters.connections));
	accept_start(w, false);
	if (seconds > 0.) {
		ev_timer_stop(w->loop, &w->accept_again);
		ev_timer_set(&w->accept_again, seconds, 0.);
		ev_timer_start(w->loop, &w->accept_again);
	}
}

void
listener_resume(struct wire *w)
{
	if (!w->accepting && !w->stopping && !ev_is_active(&w->accept_again) &&
	    w->counters.connections < w->max_open)
		accept_start(w, true);
}

static void
refuse(int fd, const struct sockaddr *sa, uint64_t *counter, const char *reason)
{
	char from[ADDR_TEXT_SIZE];

	addr_text_sock(sa, from);
	(*counter)++;
	log_warn("refused", log_s("from", from), log_s("reason", reason));
	close(fd);
}

/* The oldest login but for those that we ourselves have not finished with, if there is one. */
static struct peer *
oldest_login(struct wire *w)
{
	for (struct list *node = w->logins.next; node != &w->logins; node = node->next) {
		struct peer *p = container_of(node, struct peer, all);

		if (!peer_work_is_due(p))
			return p;
	}
	return container_of(w->logins.next, struct peer, all);
}

/* Random early drop. */
static bool
is_unlucky(struct wire *w)
{
	const struct wire_config *c = w->config;

	return c->startups_begin > 0 && w->counters.logins >= c->startups_begin &&
	       startups_drop(w->counters.logins, c->startups_begin, c->startups_rate, c->max_logins,
		   wire_random(w));
}

static void
let_in(struct listener *l, int fd, const struct sockaddr *sa)
{
	struct wire *w = l->wire;
	const struct mech *const *allowed = allowed_from(l->rule, sa);

	if (allowed[0] == NULL) {
		refuse(fd, sa, &w->counters.refused_mechanism,
		    "no mechanism is allowed from this address");
		return;
	}
	if (w->arrivals != NULL && !arrivals_admit(w->arrivals, sa, clock_steady())) {
		refuse(fd, sa, &w->counters.refused_rate,
		    "too many connections from this address within a minute");
		return;
	}
	if (w->counters.connections >= w->config->max_connections) {
		refuse(fd, sa, &w->counters.refused_full, "too many connections");
		return;
	}
	if (is_unlucky(w)) {
		refuse(fd, sa, &w->counters.refused_early,
		    "many connections that are not authenticated: by lot");
		return;
	}
	/*
	 * The oldest login makes room: one that means it is through in milliseconds, while a
	 * flood of connections that say nothing only throws out its own.
	 */
	if (w->counters.logins >= w->config->max_logins && !list_empty(&w->logins)) {
		w->counters.refused_logins++;
		peer_close(oldest_login(w), "too many connections that are not authenticated");
	}
	if (peer_new(w, fd, sa, allowed, (size_t)(l->rule - w->config->listeners)) == NULL)
		accept_pause(w, "out of memory", ACCEPT_PAUSE);
}

/*
 * One more connection would cost the oldest login its place. What that has sent already is read
 * first: a flood within one turn of the loop must not throw out somebody who did all he could.
 */
static bool
must_read_first(struct wire *w)
{
	const struct peer *p;

	if (w->counters.logins < w->config->max_logins || list_empty(&w->logins))
		return false;
	p = oldest_login(w);
	return ev_is_active(&p->readable) && socket_has_unread(p->fd);
}

static void
on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct listener *l = container_of(watcher, struct listener, acceptable);
	struct wire *w = l->wire;
	struct sockaddr_storage sa;
	socklen_t len;
	int fd;

	(void)loop;
	(void)events;
	for (int i = 0; i < ACCEPT_TURN && w->accepting && !must_read_first(w); i++) {
		if (w->counters.connections >= w->max_open) {
			/* Waiting in the system's queue is better for them than being refused. */
			accept_pause(w, "descriptors_low", 0.);
			return;
		}
		len = sizeof(sa);
		fd = accept4(l->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			let_in(l, fd, (struct sockaddr *)&sa);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			accept_pause(w, strerror(errno), ACCEPT_PAUSE);
		else if (errno == EINTR || errno == ECONNABORTED)
			continue;
		return;
	}
}

static struct err *
add_socket(struct wire *w, const struct wire_listener *rule, int fd)
{
	struct listener *all = realloc(w->listeners, (w->listener_count + 1) * sizeof(*all));

	if (all == NULL) {
		close(fd);
		return err_sys("listener");
	}
	w->listeners = all;
	all[w->listener_count++] = (struct listener){ .wire = w, .rule = rule, .fd = fd };
	return NULL;
}

static void
announce(const struct wire_listener *rule, const struct addrinfo *ai, int fd)
{
	char address[ADDR_TEXT_SIZE];

	addr_text_sock(ai->ai_addr, address);
	log_info("listening", log_s("address", address), log_i("port", socket_port(fd)));
	if (rule->dummy)
		log_warn("no_security", log_s("address", address), log_i("port", socket_port(fd)),
		    log_s("mechanism", mech_dummy.name),
		    log_i("networks", (int64_t)rule->dummy_from_count),
		    log_s("meaning", "anybody on these networks can send records in any host's "
				     "name, and read and change them on the way"));
}

/* All addresses of one listener. Without a name, a system without IPv6 (or IPv4) is fine. */
static struct err *
open_one(struct wire *w, const struct wire_listener *rule)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE
	};
	struct addrinfo *list, *ai;
	struct err *e = NULL, *first = NULL;
	uint16_t port = rule->port;
	size_t opened = 0;
	char service[8];
	int rc, fd;

	snprintf(service, sizeof(service), "%u", rule->port);
	if ((rc = getaddrinfo(rule->address, service, &hints, &list)) != 0)
		return err_new("listen on %s: %s",
		    rule->address != NULL ? rule->address : "all addresses", gai_strerror(rc));
	for (ai = list; ai != NULL && opened < SOCKETS_MAX; ai = ai->ai_next) {
		if ((e = socket_listen(&fd, ai, port)) != NULL) {
			if (rule->address != NULL)
				break;
			if (first == NULL)
				first = e;
			else
				err_free(e);
			e = NULL;
			continue;
		}
		if (port == 0)
			port = socket_port(fd);
		if ((e = add_socket(w, rule, fd)) != NULL)
			break;
		announce(rule, ai, fd);
		opened++;
	}
	freeaddrinfo(list);
	if (e == NULL && opened == 0) {
		e = first;
		first = NULL;
	}
	err_free(first);
	if (e != NULL)
		e = err_wrap(e, "listen on %s port %u",
		    rule->address != NULL ? rule->address : "all addresses", rule->port);
	return e;
}

static void
limit_by_descriptors(struct wire *w)
{
	struct rlimit limit;
	rlim_t kept = DESCRIPTORS_KEPT;

	w->max_open = w->config->max_connections;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return;
	if (kept > limit.rlim_cur / 2)
		kept = limit.rlim_cur / 2;
	if (limit.rlim_cur - kept >= w->config->max_connections) {
		/* Above the limit connections are refused, which takes one more. */
		w->max_open = UINT32_MAX;
		return;
	}
	w->max_open = (unsigned)(limit.rlim_cur - kept);
	log_warn("descriptors_low", log_i("limit", (int64_t)limit.rlim_cur),
	    log_i("max_connections", w->config->max_connections), log_i("connections", w->max_open),
	    log_s("meaning", "further connections wait; raise the limit of open files"));
}

struct err *
listener_open_all(struct wire *w)
{
	struct err *e;

	limit_by_descriptors(w);
	ev_init(&w->accept_again, on_accept_again);
	for (size_t i = 0; i < w->config->listener_count; i++)
		if ((e = open_one(w, &w->config->listeners[i])) != NULL)
			return e;
	for (size_t i = 0; i < w->listener_count; i++)
		ev_io_init(&w->listeners[i].acceptable, on_acceptable, w->listeners[i].fd, EV_READ);
	accept_start(w, true);
	return NULL;
}

void
listener_close_all(struct wire *w)
{
	accept_start(w, false);
	ev_timer_stop(w->loop, &w->accept_again);
	for (size_t i = 0; i < w->listener_count; i++)
		close(w->listeners[i].fd);
	free(w->listeners);
	w->listeners = NULL;
	w->listener_count = 0;
}

uint16_t
wire_port(const struct wire *w, size_t listener)
{
	for (size_t i = 0; i < w->listener_count && listener < w->config->listener_count; i++)
		if (w->listeners[i].rule == &w->config->listeners[listener])
			return socket_port(w->listeners[i].fd);
	return 0;
}
