/* private: who may read a file that holds a secret, and its wiping. */
#include "base/private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct err *
check_file(const struct stat *st, const char *path)
{
	if (!S_ISREG(st->st_mode))
		return err_new("%s is not a regular file", path);
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return err_new(
		    "%s belongs to user %lu: chown it to the user of this program, or to root",
		    path, (unsigned long)st->st_uid);
	if ((st->st_mode & 077) != 0)
		return err_new("%s has mode %04o, so others get at the secret in it: chmod 600",
		    path, (unsigned)(st->st_mode & 07777));
	return NULL;
}

static struct err *
open_private(int *fd, struct stat *st, const char *path)
{
	struct err *e;

	/* Not blocked by a FIFO of that name. */
	if ((*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) < 0)
		return err_sys("%s", path);
	e = fstat(*fd, st) < 0 ? err_sys("%s", path) : check_file(st, path);
	if (e != NULL)
		close(*fd);
	return e;
}

struct err *
private_check(const char *path)
{
	struct stat st;
	struct err *e;
	int fd;

	if ((e = open_private(&fd, &st, path)) == NULL)
		close(fd);
	return e;
}

struct err *
private_read(struct buf *out, const char *path, size_t most)
{
	struct err *e;
	struct stat st;
	size_t got = 0, room;
	ssize_t n = 0;
	int fd;

	if ((e = open_private(&fd, &st, path)) != NULL)
		return e;
	if ((uintmax_t)st.st_size > most)
		e = err_new("%s is too large: at most %zu bytes", path, most);
	room = e == NULL ? (size_t)st.st_size : 0;
	if (e == NULL && !buf_need(out, room)) /* at once: no copy is left behind by growing */
		e = err_new("%s: out of memory", path);
	while (e == NULL && got < room) {
		n = read(fd, buf_end(out), room - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			e = err_sys("%s", path);
		if (n <= 0)
			break;
		out->len += (size_t)n;
		got += (size_t)n;
	}
	close(fd);
	return e;
}

void
private_wipe(struct buf *secret)
{
	if (secret->base != NULL)
		explicit_bzero(secret->base, (size_t)(secret->at - secret->base) + secret->room);
	buf_fini(secret);
}
