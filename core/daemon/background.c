/* background: two processes and the pipe on which the child says how it went. */
#include "daemon/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

#define READY       'R' /* the first byte that a child sends … */
#define FAILED      'F' /* … this one with the reason behind it */
#define REASON_MOST 4096

void
background_stay(struct background *b)
{
	b->fd = -1;
}

static void
send_all(int fd, const char *at, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <=
		    0) /* nobody waits any more: a parent that was killed is no reason to end */
			return;
		at += n;
		len -= (size_t)n;
	}
}

/* What the child says until it closes its end. */
static size_t
hear(int fd, char *out, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, out + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		if (out[0] == READY)
			break;
	}
	return len;
}

static int
status_of(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_FAILURE;
	if (WIFSIGNALED(status)) {
		log_error("failed", log_s("reason", "it was killed before it was ready"),
		    log_i("signal", WTERMSIG(status)));
		return 128 + WTERMSIG(status);
	}
	return WEXITSTATUS(status);
}

/* The parent's whole further life. _exit: what the caller holds is the child's to close. */
static void
wait_for(pid_t child, int fd)
{
	char said[1 + REASON_MOST];
	size_t len = hear(fd, said, sizeof(said));
	int status;

	if (len > 0 && said[0] == READY)
		_exit(EXIT_SUCCESS);
	if (len > 0 && said[0] == FAILED)
		log_error("failed", log_b("reason", ((struct str){ said + 1, len - 1 })));
	status = status_of(child);
	_exit(status != 0 ? status : EXIT_FAILURE); /* it never was ready: that is no success */
}

static struct err *
leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0)
		return err_sys("opening /dev/null");
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0) {
		close(null);
		return err_sys("leaving the terminal");
	}
	if (null > STDERR_FILENO)
		close(null);
	setsid(); /* a fresh child leads no group, so it cannot fail */
	return NULL;
}

struct err *
background_start(struct background *b)
{
	int ends[2];
	pid_t child;

	b->fd = -1;
	if (pipe(ends) < 0)
		return err_sys("going into the background");
	if (fcntl(ends[0], F_SETFD, FD_CLOEXEC) < 0 || fcntl(ends[1], F_SETFD, FD_CLOEXEC) < 0 ||
	    (child = fork()) < 0) {
		struct err *e = err_sys("going into the background");

		close(ends[0]);
		close(ends[1]);
		return e;
	}
	if (child != 0) {
		close(ends[1]);
		wait_for(child, ends[0]);
	}
	close(ends[0]);
	b->fd = ends[1];
	return leave_terminal();
}

void
background_ready(struct background *b)
{
	if (b->fd < 0)
		return;
	send_all(b->fd, &(char){ READY }, 1);
	close(b->fd);
	b->fd = -1;
}

bool
background_failed(struct background *b, const struct err *e)
{
	size_t len = strlen(err_text(e));

	if (b->fd < 0)
		return false;
	send_all(b->fd, &(char){ FAILED }, 1);
	send_all(b->fd, err_text(e), len < REASON_MOST ? len : REASON_MOST);
	close(b->fd);
	b->fd = -1;
	return true;
}
