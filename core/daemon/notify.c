/* notify: the socket of the service manager, and what is sent there. */
#include "daemon/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define STATUS_MOST 256
#define MICROSECOND INT64_C(1000) /* in nanoseconds */
#define MARGIN      5.0           /* seconds beyond what the settings say */

struct notify {
	int fd;
	struct sockaddr_un to;
	socklen_t to_size;
	bool watched; /* a watchdog waits for us */
	char status[STATUS_MOST];
};

/* Best effort by nature: a manager that does not listen must not harm us. */
static void
tell(const struct notify *n, const char *lines)
{
	while (sendto(n->fd, lines, strlen(lines), 0, (const struct sockaddr *)&n->to, n->to_size) <
		   0 &&
	       errno == EINTR)
		;
}

/* "/run/…" is a file, "@…" a name without one (Linux). */
static struct err *
take_address(struct notify *n, const char *path)
{
	size_t len = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || len < 2)
		return err_new("NOTIFY_SOCKET is \"%s\", and should begin with / or @", path);
	if (len >= sizeof(n->to.sun_path))
		return err_new("NOTIFY_SOCKET is longer than the name of a socket may be");
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, path, len);
	if (path[0] == '@')
		n->to.sun_path[0] = '\0';
	n->to_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return NULL;
}

/* The watchdog is for us when it names no process, or ours: the variables may be inherited. */
static bool
is_watched(void)
{
	const char *period = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (period == NULL || strtoull(period, NULL, 10) == 0)
		return false;
	return pid == NULL || strtoll(pid, NULL, 10) == (long long)getpid();
}

struct err *
notify_open(struct notify **out)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct notify *n;
	struct err *e;

	*out = NULL;
	if (path == NULL || path[0] == '\0')
		return NULL;
	if ((n = calloc(1, sizeof(*n))) == NULL)
		return err_sys("NOTIFY_SOCKET");
	n->fd = -1;
	n->watched = is_watched();
	if ((e = take_address(n, path)) != NULL)
		goto fail;
	if ((n->fd = socket(AF_UNIX, SOCK_DGRAM, 0)) < 0 || fcntl(n->fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(n->fd, F_SETFL, O_NONBLOCK) < 0) {
		e = err_sys("NOTIFY_SOCKET %s", path);
		goto fail;
	}
	*out = n;
	return NULL;
fail:
	notify_close(n);
	return e;
}

/* The manager lengthens the time that it allows, and never shortens it. */
static uint64_t
allowance(double seconds)
{
	return (uint64_t)((seconds + MARGIN) * 1e6);
}

void
notify_starting(const struct notify *n, double seconds)
{
	char lines[96];

	if (n == NULL)
		return;
	snprintf(lines, sizeof(lines), "EXTEND_TIMEOUT_USEC=%" PRIu64 "\nSTATUS=starting",
	    allowance(seconds));
	tell(n, lines);
}

void
notify_ready(const struct notify *n, const char *status)
{
	char lines[STATUS_MOST + 64];

	if (n == NULL)
		return;
	snprintf(lines, sizeof(lines), "READY=1\nSTATUS=%.*s", STATUS_MOST - 1, status);
	tell(n, lines);
}

void
notify_reloading(const struct notify *n)
{
	char lines[96];

	if (n == NULL)
		return;
	/* The time tells which of two reloads close to each other is done when READY=1 comes. */
	snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=reloading",
	    clock_steady() / MICROSECOND);
	tell(n, lines);
}

void
notify_stopping(const struct notify *n, double seconds)
{
	char lines[96];

	if (n == NULL)
		return;
	snprintf(
	    lines, sizeof(lines), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRIu64, allowance(seconds));
	tell(n, lines);
}

void
notify_alive(struct notify *n, const char *status)
{
	char lines[STATUS_MOST + 64] = "";
	bool news;

	if (n == NULL)
		return;
	news = strncmp(status, n->status, STATUS_MOST - 1) != 0;
	if (news) {
		snprintf(n->status, sizeof(n->status), "%s", status);
		snprintf(lines, sizeof(lines), "STATUS=%s", n->status);
	}
	if (n->watched)
		strcat(lines, news ? "\nWATCHDOG=1" : "WATCHDOG=1");
	if (lines[0] != '\0')
		tell(n, lines);
}

void
notify_close(struct notify *n)
{
	if (n == NULL)
		return;
	if (n->fd >= 0)
		close(n->fd);
	free(n);
}
