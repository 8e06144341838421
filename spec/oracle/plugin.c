/* plugin: hosts that send as the plugin audit_remote does, over the mechanism `dummy`. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "oracle.h"

#define TICK       0.001
#define RETRY      0.02 /* seconds between two attempts to connect */
#define OUT_MOST   (1u << 20)
#define WAITS_MOST (1u << 20)
#define TOKEN                                              \
	"\x06\x0a\x2b\x06\x01\x04\x01\x2a\x02\x1a\x01\x02" \
	"\0\0"
#define TOKEN_LEN 14
#define MIC       "dummy_gss_sign"
#define MIC_FRAME (8 + 2 + TOKEN_LEN + 14) /* sequence, 60, length, token, body */

enum plugin_state { PLUGIN_OFF, PLUGIN_CONNECTING, PLUGIN_HELLO, PLUGIN_ON };

struct outstanding {
	uint64_t number;
	int64_t put;
	bool acked, sent; /* sent: over this connection */
};

struct plugin {
	struct host *host;
	enum plugin_state state;
	int fd;
	ev_io readable, writable;
	struct buf in, out;
	struct outstanding *queue;         /* a ring of `room` */
	uint64_t first, next, room, count; /* count: not acknowledged */
	uint64_t resent;                   /* of the queue, up to here, over this connection */
	unsigned port;
	int64_t retry_at;
	unsigned skip;
	bool trapped;
};

struct plugin_options plugin_options = { .window = 100 };

static struct ev_loop *loop;
static struct plugin *plugins;
static ev_timer tick;
static double rate, credit, loud_rate, loud_credit;
static unsigned turn, loud = UINT_MAX;
static int64_t last_tick;
static uint64_t connections;
static uint32_t *waits;
static size_t wait_count;

static struct outstanding *
at(struct plugin *p, uint64_t i)
{
	return &p->queue[i & (p->room - 1)];
}

static void
disconnect(struct plugin *p)
{
	if (p->state == PLUGIN_OFF)
		return;
	ev_io_stop(loop, &p->readable);
	ev_io_stop(loop, &p->writable);
	close(p->fd);
	p->state = PLUGIN_OFF;
	buf_cut(&p->in, 0);
	buf_cut(&p->out, 0);
	for (uint64_t i = p->first; i < p->next; i++)
		at(p, i)->sent = false;
	p->port = (p->port + 1) % plugin_options.port_count;
	p->retry_at = clock_steady() + (int64_t)(RETRY * (double)CLOCK_SECOND);
	p->trapped = plugin_options.trap && p->count >= plugin_options.window;
}

/* A frame with a token of `dummy` around the body. */
static void
put_token(struct buf *out, struct str body)
{
	size_t rest = TOKEN_LEN + body.len, begin = out->len;

	buf_append(out, "\0\0\0\0\x60", 5);
	if (rest < 128)
		buf_byte(out, (char)rest);
	else if (rest < 256) {
		buf_byte(out, (char)0x81);
		buf_byte(out, (char)rest);
	} else {
		buf_byte(out, (char)0x82);
		buf_byte(out, (char)(rest >> 8));
		buf_byte(out, (char)rest);
	}
	buf_append(out, TOKEN, TOKEN_LEN);
	buf_str(out, body);
	put_be32(out->at + begin, (uint32_t)(out->len - begin - 4));
}

/* What has not gone over this connection, as far as the socket is not behind. */
static void
fill(struct plugin *p)
{
	static struct buf plain;
	struct outstanding *o;

	for (; p->resent < p->next && p->out.len < OUT_MOST; p->resent++) {
		o = at(p, p->resent);
		if (o->acked)
			continue;
		buf_cut(&plain, 0);
		buf_append(&plain, "\0\0\0\0\0\0\0\0", 8);
		put_be64(plain.at, o->number);
		truth_record(p->host, o->number, &plain);
		put_token(&p->out, buf_view(&plain));
		o->sent = true;
	}
}

static void
write_out(struct plugin *p)
{
	ssize_t n;

	if (p->state == PLUGIN_ON)
		fill(p);
	while (p->out.len > 0) {
		n = send(p->fd, p->out.at, p->out.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			disconnect(p);
			return;
		}
		buf_drop(&p->out, (size_t)n);
		if (p->state == PLUGIN_ON)
			fill(p);
	}
	if (p->out.len > 0)
		ev_io_start(loop, &p->writable);
	else
		ev_io_stop(loop, &p->writable);
}

static void
note_wait(int64_t put)
{
	int64_t waited = (clock_steady() - put) / 1000;

	if (wait_count < WAITS_MOST)
		waits[wait_count++] = waited < UINT32_MAX ? (uint32_t)waited : UINT32_MAX;
}

/* False: what the receiver said makes the plugin break with it. */
static bool
take_ack(struct plugin *p, const char *frame, uint32_t size)
{
	struct host *h = p->host;
	uint64_t number = size >= 8 ? be64(frame) : 0, i;

	if (size != MIC_FRAME || memcmp(frame + size - 14, MIC, 14) != 0) {
		blame("%s: a wrong acknowledgement", h->address);
		return false;
	}
	for (i = p->first; i < p->next && at(p, i)->number != number; i++)
		;
	if (i == p->next || at(p, i)->acked || !at(p, i)->sent) {
		blame("%s: %llu is acknowledged, and is not outstanding", h->address,
		    (unsigned long long)number);
		return false;
	}
	note_wait(at(p, i)->put);
	at(p, i)->acked = true;
	p->count--;
	h->marks[number] |= TRUTH_ACKED;
	h->acked++;
	totals.acked++;
	while (p->first < p->next && at(p, p->first)->acked)
		p->first++;
	return true;
}

static void
take_in(struct plugin *p)
{
	uint32_t size;

	while (p->in.len >= 4 && p->in.len - 4 >= (size = be32(p->in.at))) {
		if (p->state == PLUGIN_HELLO) {
			if (size != 2 || memcmp(p->in.at + 4, "01", 2) != 0) {
				blame("%s: a wrong version", p->host->address);
				disconnect(p);
				return;
			}
			put_token(&p->out, (struct str){ "0\0", 2 });
			p->state = PLUGIN_ON;
			p->resent = p->first;
			connections++;
		} else if (!take_ack(p, p->in.at + 4, size)) {
			disconnect(p);
			return;
		}
		buf_drop(&p->in, size + 4);
	}
	write_out(p);
}

static void
on_readable(struct ev_loop *l, ev_io *w, int events)
{
	struct plugin *p = container_of(w, struct plugin, readable);
	ssize_t n;

	(void)l;
	(void)events;
	if (!buf_need(&p->in, 65536))
		abort();
	n = recv(p->fd, buf_end(&p->in), 65536, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		disconnect(p);
		return;
	}
	p->in.len += (size_t)n;
	take_in(p);
}

static void
on_writable(struct ev_loop *l, ev_io *w, int events)
{
	struct plugin *p = container_of(w, struct plugin, writable);
	socklen_t len = sizeof(int);
	int error = 0;

	(void)l;
	(void)events;
	if (p->state == PLUGIN_CONNECTING) {
		if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
			disconnect(p);
			return;
		}
		p->state = PLUGIN_HELLO;
		buf_append(&p->out,
		    "\0\0\0\x02"
		    "01",
		    6);
		ev_io_start(loop, &p->readable);
	}
	write_out(p);
}

static void
connect_to(struct plugin *p)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int on = 1;

	if (clock_steady() < p->retry_at || p->trapped)
		return;
	if ((p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
		return;
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	inet_pton(AF_INET, p->host->address, &sin.sin_addr);
	if (bind(p->fd, (struct sockaddr *)&sin, sizeof(sin)) != 0) {
		close(p->fd);
		return;
	}
	inet_pton(AF_INET, "127.0.0.1", &sin.sin_addr);
	sin.sin_port = htons(plugin_options.ports[p->port]);
	p->state = PLUGIN_CONNECTING;
	ev_io_init(&p->readable, on_readable, p->fd, EV_READ);
	ev_io_init(&p->writable, on_writable, p->fd, EV_WRITE);
	if (connect(p->fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 && errno != EINPROGRESS) {
		disconnect(p);
		return;
	}
	ev_io_start(loop, &p->writable);
}

static bool
is_full(struct plugin *p)
{
	if (p->count < plugin_options.window)
		return false;
	p->trapped |= plugin_options.trap && p->state == PLUGIN_OFF;
	return true;
}

/* auditd hands the plugin a record, which asks for room first, and for a connection then. */
static void
hand_over(struct plugin *p)
{
	struct host *h = p->host;
	uint64_t number = truth_next(h, p->skip);

	p->skip = 0;
	if (is_full(p) || p->next - p->first == p->room) {
		h->marks[number] |= TRUTH_LOST;
		h->lost++;
		totals.lost++;
		return;
	}
	*at(p, p->next++) = (struct outstanding){ .number = number, .put = clock_steady() };
	p->count++;
	h->marks[number] |= TRUTH_PUT;
	h->put++;
	totals.put++;
	if (p->state == PLUGIN_OFF)
		connect_to(p);
	else if (p->state == PLUGIN_ON)
		write_out(p);
}

static void
on_tick(struct ev_loop *l, ev_timer *w, int events)
{
	int64_t now = clock_steady();
	double passed = (double)(now - last_tick) / (double)CLOCK_SECOND;

	(void)l;
	(void)w;
	(void)events;
	last_tick = now;
	credit += rate * passed;
	if (credit > rate / 100 + 1) /* we were not given the processor: that makes no burst */
		credit = rate / 100 + 1;
	for (unsigned idle = 0; credit >= 1. && idle < host_count;) {
		struct plugin *p = &plugins[turn];

		turn = (turn + 1) % host_count;
		if (turn == loud || (plugin_options.wait && is_full(p))) {
			idle++;
			continue;
		}
		idle = 0;
		credit -= 1.;
		hand_over(p);
	}
	for (loud_credit += loud < host_count ? loud_rate * passed : 0; loud_credit >= 1.;
	     loud_credit -= 1.)
		if (!plugin_options.wait || !is_full(&plugins[loud]))
			hand_over(&plugins[loud]);
	/* The real one would wait for its next record; what is outstanding here has to come to an end. */
	for (unsigned i = 0; i < host_count; i++)
		if (plugins[i].state == PLUGIN_OFF && plugins[i].count > 0)
			connect_to(&plugins[i]);
}

void
plugins_open(struct ev_loop *l)
{
	loop = l;
	plugins = calloc(host_count, sizeof(*plugins));
	waits = calloc(WAITS_MOST, sizeof(*waits));
	if (plugins == NULL || waits == NULL)
		abort();
	for (unsigned i = 0; i < host_count; i++) {
		struct plugin *p = &plugins[i];

		p->host = &hosts[i];
		for (p->room = 16; p->room < plugin_options.window * UINT64_C(2);)
			p->room *= 2;
		if ((p->queue = calloc(p->room, sizeof(*p->queue))) == NULL)
			abort();
	}
	last_tick = clock_steady();
	ev_timer_init(&tick, on_tick, TICK, TICK);
	ev_timer_start(loop, &tick);
}

void
plugins_rate(double r)
{
	rate = r;
	credit = 0;
}

void
plugins_loud(unsigned host, double r)
{
	loud = host;
	loud_rate = r;
	loud_credit = 0;
}

void
plugins_skip(unsigned host, unsigned kernel)
{
	if (host < host_count)
		plugins[host].skip = kernel;
}

void
plugins_fail_over(unsigned host)
{
	if (host < host_count)
		disconnect(&plugins[host]);
}

uint64_t
plugins_outstanding(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < host_count; i++)
		sum += plugins[i].count;
	return sum;
}

unsigned
plugins_trapped(void)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < host_count; i++)
		sum += plugins[i].trapped;
	return sum;
}

uint64_t
plugins_connections(void)
{
	return connections;
}

static int
by_size(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

double
plugins_waited(double percent)
{
	size_t i = (size_t)((double)wait_count * percent / 100.);

	if (wait_count == 0)
		return 0;
	qsort(waits, wait_count, sizeof(*waits), by_size);
	if (i >= wait_count)
		i = wait_count - 1;
	return waits[i];
}
