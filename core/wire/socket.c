/* socket: options of TCP, and names for what systems call differently. */
#include "wire/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __sun
#include <sys/filio.h>
#endif

#define BACKLOG 1024

/*
 * A host that is gone without a word keeps its descriptor until keep-alive notices. Not too
 * early: as long as the host's own end stands (minutes, on illumos), it goes on after a failure
 * of the network; were ours gone by then, it could be silenced for good.
 */
#define KEEP_IDLE     600
#define KEEP_INTERVAL 60
#define KEEP_COUNT    10
/* Of a connection whose sender has come again over another one. */
#define DOUBT_IDLE     30
#define DOUBT_INTERVAL 10
#define DOUBT_COUNT    6

static void
set(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

static void
set_port(struct sockaddr *sa, uint16_t port)
{
	if (sa->sa_family == AF_INET)
		((struct sockaddr_in *)(void *)sa)->sin_port = htons(port);
	else if (sa->sa_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)sa)->sin6_port = htons(port);
}

struct err *
socket_listen(int *out, const struct addrinfo *ai, uint16_t port)
{
	struct sockaddr_storage sa = { 0 };
	const char *step = "socket";
	struct err *e;
	int fd;

	memcpy(&sa, ai->ai_addr, ai->ai_addrlen);
	if (port != 0)
		set_port((struct sockaddr *)&sa, port);
	fd = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
	if (fd < 0)
		return err_sys("%s", step);
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (ai->ai_family == AF_INET6)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	step = "bind";
	if (bind(fd, (struct sockaddr *)&sa, ai->ai_addrlen) != 0)
		goto fail;
	step = "listen";
	if (listen(fd, BACKLOG) != 0)
		goto fail;
	*out = fd;
	return NULL;
fail:
	e = err_sys("%s", step);
	close(fd);
	return e;
}

uint16_t
socket_port(int fd)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		return 0;
	if (sa.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)(void *)&sa)->sin_port);
	if (sa.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)(void *)&sa)->sin6_port);
	return 0;
}

size_t
socket_unread(int fd)
{
	int unread = 0;

	return ioctl(fd, FIONREAD, &unread) == 0 && unread > 0 ? (size_t)unread : 0;
}

bool
socket_has_unread(int fd)
{
	return socket_unread(fd) > 0;
}

static void
keep_alive(int fd, int idle, int interval, int count)
{
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef TCP_KEEPIDLE
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
#endif
#ifdef TCP_KEEPINTVL
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
#endif
#ifdef TCP_KEEPCNT
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, count);
#endif
	(void)idle;
	(void)interval;
	(void)count;
}

void
socket_tune(int fd)
{
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	keep_alive(fd, KEEP_IDLE, KEEP_INTERVAL, KEEP_COUNT);
}

void
socket_doubt(int fd)
{
	keep_alive(fd, DOUBT_IDLE, DOUBT_INTERVAL, DOUBT_COUNT);
}

void
socket_quick_ack(int fd)
{
#ifdef TCP_QUICKACK
	set(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
#else
	(void)fd;
#endif
}
