/* pidfile: the lock is what counts; the number in the file is for people. */
#include "daemon/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 8 /* that a file may vanish under us, with an instance that ends */

struct pidfile {
	int fd;
	char *path;
};

/* Our open file still is the one of that name: its last owner did not remove it meanwhile. */
static bool
is_named(int fd, const char *path)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 && lstat(path, &named) == 0 && ours.st_dev == named.st_dev &&
	       ours.st_ino == named.st_ino;
}

static struct err *
lock(int fd, const char *path)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_SETLK, &whole) == 0)
		return NULL;
	if (errno != EACCES && errno != EAGAIN)
		return err_sys("pid file %s", path);
	if (fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK)
		return err_new(
		    "pid file %s: process %ld already runs with it", path, (long)whole.l_pid);
	return err_new("pid file %s: another process already runs with it", path);
}

static struct err *
write_pid(int fd, const char *path)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (fchmod(fd, 0644) < 0 || ftruncate(fd, 0) < 0 || write(fd, text, (size_t)len) != len)
		return err_sys("pid file %s", path);
	return NULL;
}

struct err *
pidfile_open(struct pidfile **out, const char *path)
{
	struct pidfile *p = calloc(1, sizeof(*p));
	struct err *e = NULL;

	if (p == NULL || (p->path = strdup(path)) == NULL) {
		e = err_sys("pid file %s", path);
		free(p);
		return e;
	}
	for (int tries = 0;; tries++) {
		p->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644);
		if (p->fd < 0) {
			e = err_sys("pid file %s", path);
			break;
		}
		if ((e = lock(p->fd, path)) != NULL)
			break;
		if (is_named(p->fd, path)) {
			if ((e = write_pid(p->fd, path)) == NULL) {
				*out = p;
				return NULL;
			}
			break;
		}
		close(p->fd);
		p->fd = -1;
		if (tries == TRIES) {
			e = err_new("pid file %s: somebody keeps removing it", path);
			break;
		}
	}
	if (p->fd >= 0)
		close(p->fd);
	free(p->path);
	free(p);
	return e;
}

void
pidfile_close(struct pidfile *p)
{
	if (p == NULL)
		return;
	/* Emptied first: with the privileges of the start, its folder may be out of reach. */
	if (ftruncate(p->fd, 0) < 0 || unlink(p->path) < 0)
		errno = 0;
	close(p->fd);
	free(p->path);
	free(p);
}
