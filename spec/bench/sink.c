/*
 * sink: takes bulk requests as fast as they come, for benches. It believes every document: it
 * counts lines, and answers at once that all of them are stored, in the filtered form. It must need
 * far less CPU than what it measures.
 *
 *	cc -O3 -o .build/sink spec/bench/sink.c
 *	.build/sink PORT		0: any; the port is the first line of its output
 *
 * SIGUSR1 prints the totals so far, SIGTERM and SIGINT print them and end it.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define HEAD_MAX  8192
#define READ_SIZE (256 * 1024)
#define EVENTS    64
#define ITEM      "{\"create\":{\"status\":201}},"
#define ITEM_LEN  (sizeof(ITEM) - 1)
#define FRONT     "{\"errors\":false,\"items\":["
#define BACK      "]}"

struct conn {
	int fd;
	char head[HEAD_MAX];
	size_t head_len;
	bool in_body, is_bulk, is_packed;
	uint64_t missing; /* bytes of the body that have not come */
	uint64_t lines;   /* of this request */
	char *out;        /* what the socket would not take */
	size_t out_len, out_sent, out_room;
	uint32_t events;
};

static struct {
	uint64_t requests, documents, bytes, others, connections;
} totals;

static int epoll_fd;
static char input[READ_SIZE];
static char *items; /* ITEM, again and again */
static size_t items_made;

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* Counts newlines; written so that the compiler makes vector code of it. */
static uint64_t
count_lines(const char *bytes, size_t len)
{
	uint64_t sum = 0;

	while (len > 0) {
		size_t part = len < 255 ? len : 255;
		uint8_t few = 0; /* cannot run over: at most 255 in a part */

		for (size_t i = 0; i < part; i++)
			few += bytes[i] == '\n';
		sum += few;
		bytes += part;
		len -= part;
	}
	return sum;
}

static void
make_items(size_t count)
{
	if (count <= items_made)
		return;
	count = count * 2 + 1024;
	if ((items = realloc(items, count * ITEM_LEN)) == NULL)
		die("memory");
	for (; items_made < count; items_made++)
		memcpy(items + items_made * ITEM_LEN, ITEM, ITEM_LEN);
}

static void
watch(struct conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (c->events == events)
		return;
	c->events = events;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &ev) < 0)
		die("epoll_ctl");
}

static void
conn_close(struct conn *c)
{
	close(c->fd);
	free(c->out);
	free(c);
}

static void
keep(struct conn *c, const char *bytes, size_t len)
{
	if (c->out_len + len > c->out_room) {
		c->out_room = (c->out_len + len) * 2;
		if ((c->out = realloc(c->out, c->out_room)) == NULL)
			die("memory");
	}
	memcpy(c->out + c->out_len, bytes, len);
	c->out_len += len;
}

/* Sends, and keeps what the socket does not take; false when the peer has gone. */
static bool
send_parts(struct conn *c, struct iovec *parts, int count)
{
	ssize_t sent = 0;

	if (c->out_len == 0 && (sent = writev(c->fd, parts, count)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return false;
		sent = 0;
	}
	for (int i = 0; i < count; i++) {
		size_t skip = (size_t)sent < parts[i].iov_len ? (size_t)sent : parts[i].iov_len;

		sent -= (ssize_t)skip;
		if (skip < parts[i].iov_len)
			keep(c, (char *)parts[i].iov_base + skip, parts[i].iov_len - skip);
	}
	if (c->out_len > 0)
		watch(c, EPOLLIN | EPOLLOUT);
	return true;
}

static bool
answer_text(struct conn *c, const char *status, const char *body)
{
	char text[512];
	int len = snprintf(text, sizeof(text),
	    "HTTP/1.1 %s\r\nX-elastic-product: Elasticsearch\r\ncontent-type: application/json\r\n"
	    "content-length: %zu\r\n\r\n%s",
	    status, strlen(body), body);
	struct iovec part = { text, (size_t)len };

	return send_parts(c, &part, 1);
}

/* All documents of the request are stored. */
static bool
answer_bulk(struct conn *c, size_t documents)
{
	char head[256];
	size_t list = documents > 0 ? documents * ITEM_LEN - 1 : 0;
	int len;
	struct iovec parts[4];

	make_items(documents);
	len = snprintf(head, sizeof(head),
	    "HTTP/1.1 200 OK\r\nX-elastic-product: Elasticsearch\r\ncontent-type: application/json\r\n"
	    "content-length: %zu\r\n\r\n",
	    sizeof(FRONT) - 1 + list + sizeof(BACK) - 1);
	parts[0] = (struct iovec){ head, (size_t)len };
	parts[1] = (struct iovec){ (void *)(uintptr_t)FRONT, sizeof(FRONT) - 1 };
	parts[2] = (struct iovec){ items, list };
	parts[3] = (struct iovec){ (void *)(uintptr_t)BACK, sizeof(BACK) - 1 };
	return send_parts(c, parts, 4);
}

static bool
answer_other(struct conn *c)
{
	totals.others++;
	if (strncmp(c->head, "GET /_index_template", 20) == 0)
		return answer_text(c, "200 OK", "{\"index_templates\":[]}");
	if (strncmp(c->head, "GET / ", 6) == 0)
		return answer_text(c, "200 OK",
		    "{\"version\":{\"number\":\"8.19.5\",\"build_flavor\":\"default\"},"
		    "\"tagline\":\"You Know, for Search\"}");
	return answer_text(c, "200 OK", "{\"acknowledged\":true}");
}

static bool
request_done(struct conn *c)
{
	size_t documents = c->lines / 2;

	c->in_body = false;
	c->head_len = 0;
	if (c->is_packed)
		return answer_text(c, "400 Bad Request",
		    "{\"error\":\"this sink unpacks nothing\",\"status\":400}");
	if (!c->is_bulk)
		return answer_other(c);
	totals.requests++;
	totals.documents += documents;
	return answer_bulk(c, documents);
}

/* The value of a header in c->head (NUL-terminated), or NULL. */
static const char *
header(const struct conn *c, const char *name)
{
	size_t len = strlen(name);
	const char *line = c->head;

	while ((line = strstr(line, "\r\n")) != NULL) {
		line += 2;
		if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
			line += len + 1;
			return line + strspn(line, " \t");
		}
	}
	return NULL;
}

/* Takes bytes into the head; how many were used, or -1 when this is no request. */
static ssize_t
take_head(struct conn *c, const char *bytes, size_t len)
{
	size_t room = sizeof(c->head) - 1 - c->head_len, had = c->head_len, used;
	const char *end, *value;

	if (len > room)
		len = room;
	memcpy(c->head + had, bytes, len);
	c->head[had + len] = '\0';
	if ((end = strstr(c->head, "\r\n\r\n")) == NULL) {
		c->head_len += len;
		return len == room ? -1 : (ssize_t)len;
	}
	used = (size_t)(end + 4 - c->head) - had;
	c->head[had + used] = '\0';
	c->is_bulk = strncmp(c->head, "POST ", 5) == 0 && strstr(c->head, "/_bulk") != NULL;
	c->is_packed = header(c, "content-encoding") != NULL;
	c->missing = (value = header(c, "content-length")) != NULL ? strtoull(value, NULL, 10) : 0;
	if (header(c, "transfer-encoding") != NULL)
		return -1;
	c->lines = 0;
	c->in_body = true;
	if (header(c, "expect") != NULL) {
		static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
		struct iovec part = { text, sizeof(text) - 1 };

		if (!send_parts(c, &part, 1))
			return -1;
	}
	return (ssize_t)used;
}

/* False when the connection is to be closed. */
static bool
take(struct conn *c, const char *bytes, size_t len)
{
	for (;;) {
		if (!c->in_body) {
			ssize_t used;

			if (len == 0)
				return true;
			if ((used = take_head(c, bytes, len)) < 0)
				return false;
			bytes += used;
			len -= (size_t)used;
		}
		if (c->in_body) {
			size_t part = len < c->missing ? len : (size_t)c->missing;

			c->lines += count_lines(bytes, part);
			totals.bytes += part;
			c->missing -= part;
			bytes += part;
			len -= part;
			if (c->missing > 0)
				return true;
			if (!request_done(c))
				return false;
		}
	}
}

static void
readable(struct conn *c)
{
	for (;;) {
		ssize_t n = recv(c->fd, input, sizeof(input), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0 || !take(c, input, (size_t)n)) {
			conn_close(c);
			return;
		}
		if ((size_t)n < sizeof(input))
			return;
	}
}

/* False when the connection has been closed. */
static bool
writable(struct conn *c)
{
	ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		conn_close(c);
		return false;
	}
	if (n > 0)
		c->out_sent += (size_t)n;
	if (c->out_sent == c->out_len) {
		c->out_sent = c->out_len = 0;
		watch(c, EPOLLIN);
	}
	return true;
}

static void
accept_all(int listener)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct epoll_event ev = { .events = EPOLLIN };
		struct conn *c = calloc(1, sizeof(*c));

		if (c == NULL)
			die("memory");
		c->fd = fd;
		c->events = ev.events;
		ev.data.ptr = c;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
			die("epoll_ctl");
		totals.connections++;
	}
}

static int
listen_on(const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		die("socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die("bind");
	if (listen(fd, 512) < 0)
		die("listen");
	if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		die("getsockname");
	printf("%u\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

static void
print_totals(void)
{
	struct rusage use;

	if (getrusage(RUSAGE_SELF, &use) < 0)
		die("getrusage");
	printf("requests=%llu documents=%llu bytes=%llu others=%llu connections=%llu cpu=%.6f\n",
	    (unsigned long long)totals.requests, (unsigned long long)totals.documents,
	    (unsigned long long)totals.bytes, (unsigned long long)totals.others,
	    (unsigned long long)totals.connections,
	    (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
		(double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
	fflush(stdout);
}

static int
watch_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || (fd = signalfd(-1, &set, SFD_CLOEXEC)) < 0)
		die("signalfd");
	return fd;
}

int
main(int argc, char **argv)
{
	static char listener_mark, signal_mark;
	struct epoll_event events[EVENTS];
	struct epoll_event ev = { .events = EPOLLIN };
	int listener, signals;

	if (argc != 2) {
		fprintf(stderr, "usage: sink PORT\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	signals = watch_signals();
	if ((epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
		die("epoll_create1");
	listener = listen_on(argv[1]);
	ev.data.ptr = &listener_mark;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &ev) < 0)
		die("epoll_ctl");
	ev.data.ptr = &signal_mark;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, signals, &ev) < 0)
		die("epoll_ctl");
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;

			if (events[i].data.ptr == &listener_mark) {
				accept_all(listener);
			} else if (events[i].data.ptr == &signal_mark) {
				struct signalfd_siginfo info;

				if (read(signals, &info, sizeof(info)) != sizeof(info))
					die("read");
				print_totals();
				if (info.ssi_signo != SIGUSR1)
					return 0;
			} else {
				if ((events[i].events & EPOLLOUT) != 0 && !writable(c))
					continue;
				if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
					readable(c);
			}
		}
	}
}
