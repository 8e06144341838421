/* store: an index that takes bulk requests, judges each document, and fails as it is told. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/compiler.h"
#include "oracle.h"

#define READ_SIZE  (256 * 1024)
#define FLAKY_EACH 5

struct client {
	struct client *next, **link;
	int fd;
	ev_io readable, writable;
	ev_timer later;
	struct buf in, out;
};

static struct ev_loop *loop;
static ev_io acceptable;
static int listener = -1;
static uint16_t port;
static enum store_mode mode;
static double delay;
static uint64_t requests;
static struct client *clients;

static void
client_close(struct client *c)
{
	ev_io_stop(loop, &c->readable);
	ev_io_stop(loop, &c->writable);
	ev_timer_stop(loop, &c->later);
	close(c->fd);
	if ((*c->link = c->next) != NULL)
		c->next->link = c->link;
	buf_fini(&c->in);
	buf_fini(&c->out);
	free(c);
}

static void
write_out(struct client *c)
{
	ssize_t n;

	while (c->out.len > 0) {
		n = send(c->fd, c->out.at, c->out.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			ev_io_start(loop, &c->writable);
			return;
		}
		if (n <= 0) {
			client_close(c);
			return;
		}
		buf_drop(&c->out, (size_t)n);
	}
	ev_io_stop(loop, &c->writable);
}

static void
on_writable(struct ev_loop *l, ev_io *w, int events)
{
	(void)l;
	(void)events;
	write_out(container_of(w, struct client, writable));
}

static void
on_later(struct ev_loop *l, ev_timer *w, int events)
{
	(void)l;
	(void)events;
	write_out(container_of(w, struct client, later));
}

/* The text of this key in an action line, which has no escapes. */
static struct str
text_of(struct str line, const char *key)
{
	const char *at = memmem(line.at, line.len, key, strlen(key)), *end;

	if (at == NULL)
		return (struct str){ 0 };
	at += strlen(key);
	end = memchr(at, '"', (size_t)(line.at + line.len - at));
	return (struct str){ at, end != NULL ? (size_t)(end - at) : 0 };
}

static struct str
next_line(struct str *rest)
{
	const char *end = memchr(rest->at, '\n', rest->len);
	struct str line = { rest->at, end != NULL ? (size_t)(end - rest->at) : rest->len };

	rest->at += line.len + (end != NULL);
	rest->len -= line.len + (end != NULL);
	return line;
}

static void
answer(struct client *c, const char *status, struct str body)
{
	buf_printf(&c->out,
	    "HTTP/1.1 %s\r\nContent-Type: application/json\r\nX-Elastic-Product: Elasticsearch\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    status, body.len);
	buf_str(&c->out, body);
}

static void
bulk(struct client *c, struct str body)
{
	static struct buf items;
	bool errors = false;

	requests++;
	buf_cut(&items, 0);
	while (body.len > 0) {
		struct str action = next_line(&body), json = next_line(&body);
		bool created = truth_document(
		    text_of(action, "\"_index\":\""), text_of(action, "\"_id\":\""), json);

		if (items.len > 0)
			buf_byte(&items, ',');
		if (created)
			buf_printf(&items, "{\"create\":{\"status\":201}}");
		else
			buf_printf(&items,
			    "{\"create\":{\"status\":409,\"error\":{\"type\":"
			    "\"version_conflict_engine_exception\",\"reason\":\"[x]: version "
			    "conflict, document already exists\"}}}");
		errors |= !created;
	}
	buf_append(&items, "]}", 2);
	{
		struct buf whole = { 0 };

		buf_printf(&whole, "{\"errors\":%s,\"items\":[", errors ? "true" : "false");
		buf_str(&whole, buf_view(&items));
		answer(c, "200 OK", buf_view(&whole));
		buf_fini(&whole);
	}
}

/* False: the connection is gone. */
static bool
serve(struct client *c, struct str head, struct str body)
{
	bool is_bulk = head.len > 5 && memcmp(head.at, "POST ", 5) == 0 &&
		       memmem(head.at, head.len, "_bulk", 5) != NULL;

	if (mode == STORE_HANG)
		return true;
	if (is_bulk && mode == STORE_BUSY)
		answer(c, "429 Too Many Requests",
		    STR("{\"error\":{\"type\":\"es_rejected_execution_exception\",\"reason\":\"busy\"},"
			"\"status\":429}"));
	else if (is_bulk)
		bulk(c, body);
	else if (memmem(head.at, head.len, " / ", 3) != NULL)
		answer(c, "200 OK",
		    STR("{\"version\":{\"number\":\"8.15.0\",\"build_flavor\":\"default\"},"
			"\"tagline\":\"You Know, for Search\"}"));
	else
		answer(c, "404 Not Found", STR("{\"status\":404}"));
	if (is_bulk && mode == STORE_FLAKY && requests % FLAKY_EACH == 0) {
		client_close(c);
		return false;
	}
	if (delay > 0.) {
		ev_timer_set(&c->later, delay, 0.);
		ev_timer_start(loop, &c->later);
	} else
		write_out(c);
	return true;
}

static size_t
content_length(struct str head)
{
	for (const char *at = head.at; at + 16 < head.at + head.len; at++)
		if (strncasecmp(at, "\ncontent-length:", 16) == 0)
			return strtoul(at + 16, NULL, 10);
	return 0;
}

static void
on_readable(struct ev_loop *l, ev_io *w, int events)
{
	struct client *c = container_of(w, struct client, readable);
	ssize_t n;

	(void)l;
	(void)events;
	if (!buf_need(&c->in, READ_SIZE + 1))
		abort();
	n = recv(c->fd, buf_end(&c->in), READ_SIZE, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		client_close(c);
		return;
	}
	c->in.len += (size_t)n;
	for (;;) {
		const char *end = memmem(c->in.at, c->in.len, "\r\n\r\n", 4);
		size_t head = end != NULL ? (size_t)(end - c->in.at) + 4 : 0, body;
		bool asked;

		if (end == NULL)
			return;
		body = content_length((struct str){ c->in.at, head });
		if (c->in.len < head + body) {
			asked = memmem(c->in.at, head, "100-continue", 12) != NULL;
			if (asked && c->in.len == head) {
				buf_append(&c->out, "HTTP/1.1 100 Continue\r\n\r\n", 25);
				write_out(c);
			}
			return;
		}
		if (!serve(
			c, (struct str){ c->in.at, head }, (struct str){ c->in.at + head, body }))
			return;
		buf_drop(&c->in, head + body);
	}
}

static void
on_acceptable(struct ev_loop *l, ev_io *w, int events)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	(void)l;
	(void)events;
	if (fd < 0)
		return;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		abort();
	c->fd = fd;
	if ((c->next = clients) != NULL)
		clients->link = &c->next;
	c->link = &clients;
	clients = c;
	ev_io_init(&c->readable, on_readable, fd, EV_READ);
	ev_io_init(&c->writable, on_writable, fd, EV_WRITE);
	ev_timer_init(&c->later, on_later, 0., 0.);
	ev_io_start(loop, &c->readable);
}

static void
listen_on(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	socklen_t len = sizeof(sin);
	int on = 1;

	inet_pton(AF_INET, "127.0.0.1", &sin.sin_addr);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (listener < 0 || bind(listener, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    listen(listener, 64) != 0 ||
	    getsockname(listener, (struct sockaddr *)&sin, &len) != 0) {
		perror("listen");
		exit(1);
	}
	port = ntohs(sin.sin_port);
	ev_io_init(&acceptable, on_acceptable, listener, EV_READ);
	ev_io_start(loop, &acceptable);
}

uint16_t
store_open(struct ev_loop *l)
{
	loop = l;
	listen_on();
	return port;
}

void
store_mode(enum store_mode to)
{
	if (mode == STORE_DOWN && to != STORE_DOWN)
		listen_on();
	if (to == STORE_DOWN && mode != STORE_DOWN) {
		ev_io_stop(loop, &acceptable);
		close(listener);
	}
	/* What hangs is never answered: its connection has to end. */
	if (to == STORE_DOWN || mode == STORE_HANG)
		while (clients != NULL)
			client_close(clients);
	mode = to;
}

void
store_delay(double seconds)
{
	delay = seconds;
}

uint64_t
store_requests(void)
{
	return requests;
}
