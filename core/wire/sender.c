/* sender: dialling, context, window, acknowledgements, and again after a loss. */
#include "wire/sender.h"

#include <errno.h>
#include <ev.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/frame.h"
#include "wire/handshake.h"
#include "wire/outbox.h"
#include "wire/socket.h"

#define ANSWER_MAX    128000u /* the plugin refuses longer frames */
#define OUT_ENOUGH    262144u /* bytes put together for one write */
#define IN_ENOUGH     65536u  /* bytes asked for by one read */
#define WRITES_A_TURN 8       /* then acknowledgements are read again */
#define PAUSE_LEAST   0.5     /* seconds before the second attempt; doubles … */
#define PAUSE_MOST    20.     /* … up to this */
#define SEQUENCE_SIZE 8

enum state { WAITING, CONNECTING, VERSION, CONTEXT, OPEN, ENDED };

struct sender {
	struct ev_loop *loop;
	struct sender_config config;
	struct sender_handler handler;
	struct addrinfo *addresses, *address;
	enum state state;
	int fd;
	ev_io readable, writable;
	ev_timer timer; /* WAITING: the pause; else the timeout of the piece that we wait for */
	void *context;
	char binding[2 * sizeof(HANDSHAKE_VERSION)];
	struct outbox outbox;
	struct buf in, out;
	struct buf plain;  /* sequence and record, put together */
	unsigned failures; /* connections in a row */
	struct sender_counters counters;
};

static void lost(struct sender *s, struct err *why);

static void
start_timer(struct sender *s, double seconds)
{
	ev_timer_stop(s->loop, &s->timer);
	ev_timer_set(&s->timer, seconds, 0.);
	ev_timer_start(s->loop, &s->timer);
}

static void
disconnect(struct sender *s)
{
	ev_io_stop(s->loop, &s->readable);
	ev_io_stop(s->loop, &s->writable);
	ev_timer_stop(s->loop, &s->timer);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	if (s->context != NULL)
		s->config.mech->close(s->context);
	s->context = NULL;
	buf_fini(&s->in);
	buf_fini(&s->out);
}

/* sequence and record as one text. */
static struct str
plain_of(struct sender *s, uint64_t number, const struct outbox_item *item)
{
	uint8_t sequence[SEQUENCE_SIZE];

	put_be64(sequence, number);
	buf_cut(&s->plain, 0);
	buf_append(&s->plain, sequence, sizeof(sequence));
	buf_str(&s->plain, item->record);
	return buf_view(&s->plain);
}

/* Appends frames of records to out, until that is long enough or all went. */
static struct err *
fill(struct sender *s)
{
	static const uint8_t no_length[FRAME_HEAD];
	struct outbox_item *item;
	struct err *why = NULL;
	int64_t now = clock_steady();
	uint64_t number;
	size_t start;

	while (s->out.len < OUT_ENOUGH && (item = outbox_send(&s->outbox, &number)) != NULL) {
		start = s->out.len;
		buf_append(&s->out, no_length, sizeof(no_length));
		if (!s->config.mech->wrap(s->context, plain_of(s, number, item), &s->out, &why))
			return why;
		if (buf_failed(&s->out) || buf_failed(&s->plain))
			return err_new("out of memory");
		put_be32(s->out.at + start, (uint32_t)(s->out.len - start - FRAME_HEAD));
		if (item->sent == 0)
			item->sent = now;
		s->counters.sent++;
	}
	return NULL;
}

static void
write_out(struct sender *s)
{
	struct err *e;
	ssize_t n;

	for (int i = 0; i < WRITES_A_TURN; i++) {
		if (s->state == OPEN && (e = fill(s)) != NULL) {
			lost(s, e);
			return;
		}
		if (s->out.len == 0)
			break;
		n = send(s->fd, s->out.at, s->out.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			if (s->state == OPEN && !ev_is_active(&s->timer))
				start_timer(s, s->config.timeout);
			break;
		}
		if (n < 0) {
			lost(s, err_sys("send"));
			return;
		}
		s->counters.bytes += (uint64_t)n;
		buf_drop(&s->out, (size_t)n);
		if (s->state == OPEN)
			ev_timer_stop(s->loop, &s->timer);
	}
	if (s->out.len > 0 || (s->state == OPEN && s->outbox.to_send != s->outbox.next))
		ev_io_start(s->loop, &s->writable);
	else
		ev_io_stop(s->loop, &s->writable);
}

/* One token of ours in the handshake; true when the context stands. */
static struct err *
step_context(struct sender *s, struct str token)
{
	struct buf answer = { 0 };
	struct err *why = NULL;

	switch (s->config.mech->initiate(s->context, token, &answer, &why)) {
	case MECH_DONE:
		s->state = OPEN;
		ev_timer_stop(s->loop, &s->timer);
		s->counters.connections++;
		outbox_rewind(&s->outbox);
		log_info("connected", log_s("to", s->config.host), log_i("port", s->config.port),
		    log_i("outstanding", s->outbox.outstanding));
		break;
	case MECH_MORE: start_timer(s, s->config.timeout); break;
	case MECH_FAILED: buf_fini(&answer); return why;
	}
	if (answer.len > 0)
		frame_put(&s->out, buf_view(&answer));
	buf_fini(&answer);
	return NULL;
}

static struct err *
take_version(struct sender *s, struct str body)
{
	struct mech_initiate how = { .host = s->config.host,
		.multi_token = s->config.multi_token,
		.keytab = s->config.keytab,
		.principal = s->config.principal };
	struct err *e;

	if (!str_equal(body, STR(HANDSHAKE_VERSION)))
		return err_new("the receiver answers with another version than " HANDSHAKE_VERSION);
	snprintf(s->binding, sizeof(s->binding), HANDSHAKE_VERSION HANDSHAKE_VERSION);
	how.binding = str_of(s->binding);
	s->state = CONTEXT;
	if ((e = s->config.mech->initiate_open(&s->context, &how)) != NULL)
		return e;
	return step_context(s, (struct str){ "", 0 });
}

static struct err *
take_acknowledgement(struct sender *s, struct str body)
{
	struct outbox_item *item;
	struct err *why = NULL;
	uint64_t number;
	int64_t sent;
	size_t size;

	if (body.len < SEQUENCE_SIZE)
		return err_new("an acknowledgement of %zu bytes", body.len);
	number = be64(body.at);
	if ((item = outbox_find(&s->outbox, number)) == NULL)
		return err_new(
		    "acknowledges %llu, which is not outstanding", (unsigned long long)number);
	body = (struct str){ body.at + SEQUENCE_SIZE, body.len - SEQUENCE_SIZE };
	if (!s->config.mech->verify(s->context, plain_of(s, number, item), body, &why))
		return err_wrap(why, "acknowledges %llu wrongly", (unsigned long long)number);
	sent = item->sent;
	size = item->record.len;
	outbox_done(&s->outbox, item);
	s->failures = 0;
	s->counters.acknowledged++;
	s->counters.acknowledged_bytes += size;
	s->handler.acknowledged(s->handler.ctx, number, clock_steady() - sent);
	return NULL;
}

static struct err *
take_frame(struct sender *s, struct str body)
{
	switch (s->state) {
	case VERSION: return take_version(s, body);
	case CONTEXT: return step_context(s, body);
	case OPEN: return take_acknowledgement(s, body);
	case WAITING:
	case CONNECTING:
	case ENDED: break;
	}
	return err_new("speaks before it is asked");
}

static void
on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct sender *s = container_of(watcher, struct sender, readable);
	struct err *e = NULL;
	struct frame f;
	size_t used = 0;
	bool more = true;
	ssize_t n;

	(void)loop;
	(void)events;
	if (!buf_need(&s->in, IN_ENOUGH)) {
		lost(s, err_new("out of memory"));
		return;
	}
	n = recv(s->fd, buf_end(&s->in), IN_ENOUGH, 0);
	if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (n <= 0) {
		lost(s,
		    n < 0 ? err_sys("receive") : err_new("the receiver has closed the connection"));
		return;
	}
	s->in.len += (size_t)n;
	while (more && e == NULL) {
		switch (
		    frame_next((struct str){ s->in.at + used, s->in.len - used }, ANSWER_MAX, &f)) {
		case FRAME_READY:
			used += FRAME_HEAD + f.size;
			e = take_frame(s, f.body);
			break;
		case FRAME_MORE: more = false; break;
		case FRAME_TOO_LONG: e = err_new("a frame of %u bytes", (unsigned)f.size); break;
		}
	}
	buf_drop(&s->in, used);
	if (e != NULL) {
		lost(s, e);
		return;
	}
	if (s->state == OPEN)
		s->handler.ready(s->handler.ctx);
	write_out(s);
}

static void
on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct sender *s = container_of(watcher, struct sender, writable);
	socklen_t len = sizeof(int);
	int error = 0;

	(void)loop;
	(void)events;
	if (s->state == CONNECTING) {
		if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
			error = errno;
		if (error != 0) {
			errno = error;
			lost(s, err_sys("connect"));
			return;
		}
		s->state = VERSION;
		frame_put(&s->out, STR(HANDSHAKE_VERSION));
		ev_io_start(s->loop, &s->readable);
		start_timer(s, s->config.timeout);
	}
	write_out(s);
}

/* Begins a connection to the next address. */
static void
dial(struct sender *s)
{
	const struct addrinfo *ai;
	int on = 1;

	s->address =
	    s->address == NULL || s->address->ai_next == NULL ? s->addresses : s->address->ai_next;
	ai = s->address;
	s->state = CONNECTING;
	s->fd =
	    socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
	if (s->fd < 0) {
		lost(s, err_sys("socket"));
		return;
	}
	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	ev_io_set(&s->readable, s->fd, EV_READ);
	ev_io_set(&s->writable, s->fd, EV_WRITE);
	if (connect(s->fd, ai->ai_addr, ai->ai_addrlen) != 0 && errno != EINPROGRESS) {
		lost(s, err_sys("connect"));
		return;
	}
	ev_io_start(s->loop, &s->writable);
	start_timer(s, s->config.timeout);
}

static void
on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct sender *s = container_of(watcher, struct sender, timer);

	(void)loop;
	(void)events;
	if (s->state == WAITING)
		dial(s);
	else
		lost(s, err_new(s->state == CONNECTING ? "connect: no answer in time"
				: s->state == OPEN     ? "the receiver does not read"
						       : "handshake: no answer in time"));
}

/*
 * The connection is gone, for that reason; tries again after a pause, or gives up. Takes why
 * over.
 */
static void
lost(struct sender *s, struct err *why)
{
	double pause = 0.;
	char again_in[16];

	disconnect(s);
	if (++s->failures >= s->config.attempts) {
		s->state = ENDED;
		s->handler.ended(
		    s->handler.ctx, err_wrap(why, "%s port %u", s->config.host, s->config.port));
		return;
	}
	if (s->failures > 1)
		pause =
		    s->failures > 7 ? PAUSE_MOST : PAUSE_LEAST * (double)(1u << (s->failures - 2));
	snprintf(again_in, sizeof(again_in), "%.1f", pause);
	log_warn(s->counters.connections > 0 ? "connection_lost" : "not_connected",
	    log_s("to", s->config.host), log_i("port", s->config.port), log_e(why),
	    log_i("outstanding", s->outbox.outstanding), log_s("again_in", again_in));
	err_free(why);
	s->state = WAITING;
	start_timer(s, pause);
}

struct err *
sender_open(struct sender **out, struct ev_loop *loop, const struct sender_config *config,
    const struct sender_handler *handler)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct sender *s = calloc(1, sizeof(*s));
	char service[8];
	int rc;

	if (s == NULL)
		return err_sys("sender");
	s->loop = loop;
	s->config = *config;
	s->handler = *handler;
	s->fd = -1;
	outbox_init(&s->outbox, config->sequence);
	ev_init(&s->readable, on_readable);
	ev_init(&s->writable, on_writable);
	ev_init(&s->timer, on_timer);
	snprintf(service, sizeof(service), "%u", config->port);
	if ((rc = getaddrinfo(config->host, service, &hints, &s->addresses)) != 0) {
		sender_close(s);
		return err_new("%s: %s", config->host, gai_strerror(rc));
	}
	s->state = WAITING;
	start_timer(s, 0.);
	*out = s;
	return NULL;
}

bool
sender_put(struct sender *s, struct str record)
{
	if (s->outbox.outstanding >= s->config.window || s->state == ENDED ||
	    !outbox_put(&s->outbox, record))
		return false;
	s->counters.put++;
	if (s->state == OPEN)
		ev_io_start(s->loop, &s->writable);
	return true;
}

uint32_t
sender_pending(const struct sender *s)
{
	return s->outbox.outstanding;
}

bool
sender_is_connected(const struct sender *s)
{
	return s->state == OPEN;
}

void
sender_counters(const struct sender *s, struct sender_counters *out)
{
	*out = s->counters;
	out->first_outstanding = s->outbox.first;
}

void
sender_close(struct sender *s)
{
	if (s == NULL)
		return;
	disconnect(s);
	if (s->addresses != NULL)
		freeaddrinfo(s->addresses);
	outbox_fini(&s->outbox);
	buf_fini(&s->plain);
	free(s);
}
