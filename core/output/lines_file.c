/* lines_file: the lock, the cut at the start, appending, and older files. */
#include "output/lines_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define STAMP_LEN 26 /* 20261122T182541.123456789Z */

static bool
fail(struct lines_file *f, const char *step)
{
	f->error = errno != 0 ? errno : EIO;
	f->step = step;
	return false;
}

/* A name that was made or moved is safe when its directory is. */
static bool
sync_directory(struct lines_file *f)
{
	char *copy = strdup(f->path), *slash;
	int fd, ok;

	if (copy == NULL)
		return fail(f, "memory");
	if ((slash = strrchr(copy, '/')) == NULL)
		strcpy(copy, ".");
	else
		slash[slash == copy] = '\0';
	fd = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = fd >= 0 &&
	     (fsync(fd) == 0 || errno == EINVAL); /* some file systems do not sync directories */
	if (!ok)
		fail(f, "fsync of the directory");
	if (fd >= 0)
		close(fd);
	free(copy);
	return ok;
}

/* Where the last whole line ends. */
static bool
find_end(struct lines_file *f, uint64_t size, uint64_t *out)
{
	char piece[65536];
	uint64_t at = size;
	ssize_t n;

	while (at > 0) {
		size_t len = at < sizeof(piece) ? (size_t)at : sizeof(piece);
		const char *newline;

		if ((n = pread(f->fd, piece, len, (off_t)(at - len))) < 0) {
			if (errno == EINTR)
				continue;
			return fail(f, "read");
		}
		if ((size_t)n != len) {
			errno = EIO;
			return fail(f, "read");
		}
		if ((newline = memrchr(piece, '\n', len)) != NULL) {
			*out = at - len + (uint64_t)(newline - piece) + 1;
			return true;
		}
		at -= len;
	}
	*out = 0;
	return true;
}

/* Opens the file of that name; known: it is the one that was written before, up to f->size. */
static bool
open_file(struct lines_file *f, bool known)
{
	uint64_t end;
	struct stat st;

	if ((f->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600)) < 0)
		return fail(f, "open");
	if (fstat(f->fd, &st) < 0)
		return fail(f, "stat");
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return fail(f, "open (it is not a regular file)");
	}
	if (flock(f->fd, LOCK_EX | LOCK_NB) < 0)
		return fail(f, "lock (does another process write to it?)");
	if (known && (uint64_t)st.st_size >= f->size)
		end = f->size;
	else if (!find_end(f, (uint64_t)st.st_size, &end))
		return false;
	if (end < (uint64_t)st.st_size && ftruncate(f->fd, (off_t)end) < 0)
		return fail(f, "truncate");
	f->size = end;
	return sync_directory(f);
}

static void
close_file(struct lines_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Is it PATH's name with a stamp behind it? */
static bool
is_older(const char *name, const char *base)
{
	size_t len = strlen(base);

	return strlen(name) == len + 1 + STAMP_LEN && strncmp(name, base, len) == 0 &&
	       name[len] == '.' && strspn(name + len + 1, "0123456789T.Z") == STAMP_LEN;
}

/*
 * Removes the oldest beyond rotate_keep. What cannot be removed stays: that is no reason to stop
 * writing.
 */
static void
remove_oldest(struct lines_file *f)
{
	char *directory = strdup(f->path), *slash, **names = NULL, **more;
	const char *base;
	size_t count = 0, room = 0;
	struct dirent *entry;
	DIR *dir = NULL;

	if (directory == NULL)
		return;
	if ((slash = strrchr(directory, '/')) != NULL)
		*slash = '\0';
	base = slash != NULL ? slash + 1 : f->path;
	dir = opendir(slash == NULL ? "." : slash == directory ? "/" : directory);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (!is_older(entry->d_name, base))
			continue;
		if (count == room) {
			room = room > 0 ? room * 2 : 16;
			if ((more = realloc(names, room * sizeof(*names))) == NULL)
				break;
			names = more;
		}
		if ((names[count] = strdup(entry->d_name)) == NULL)
			break;
		count++;
	}
	qsort(names, count, sizeof(*names), by_name);
	for (size_t i = 0; i < count; i++) {
		if (count - i > f->rotate_keep)
			unlinkat(dirfd(dir), names[i], 0);
		free(names[i]);
	}
	free(names);
	if (dir != NULL)
		closedir(dir);
	free(directory);
}

static bool
rotate(struct lines_file *f)
{
	struct clock_date d;
	int64_t now = clock_now();
	struct buf name = { 0 };
	int rc;

	clock_date(now / CLOCK_SECOND, &d);
	buf_printf(&name, "%s.%04d%02u%02uT%02u%02u%02u.%09dZ", f->path, (int)d.year, d.month,
	    d.day, d.hour, d.minute, d.second, (int)(now % CLOCK_SECOND));
	buf_byte(&name, '\0');
	if (buf_failed(&name)) {
		errno = ENOMEM;
		rc = -1;
	} else
		rc = rename(f->path, name.at);
	buf_fini(&name);
	if (rc < 0)
		return fail(f, "rename");
	close_file(f);
	f->size = 0;
	f->rotated = true;
	f->reopen = true; /* until the new one stands: what is under the name then is not known */
	if (!open_file(f, false))
		return false;
	f->reopen = false;
	if (f->rotate_keep > 0)
		remove_oldest(f);
	return true;
}

static bool
write_all(struct lines_file *f, struct str lines)
{
	size_t done = 0;
	ssize_t n;

	while (done < lines.len) {
		n = pwrite(f->fd, lines.at + done, lines.len - done, (off_t)(f->size + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(f, "write");
		done += (size_t)n;
	}
	if (fdatasync(f->fd) < 0)
		return fail(f, "fsync");
	return true;
}

/* Somebody may have cut the file under us; a hole of zeros is worse than what he wants. */
static bool
check_size(struct lines_file *f)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return fail(f, "stat");
	return (uint64_t)st.st_size >= f->size || find_end(f, (uint64_t)st.st_size, &f->size);
}

static bool
is_in_place(const struct lines_file *f)
{
	struct stat ours, named;

	return fstat(f->fd, &ours) == 0 && stat(f->path, &named) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

void
lines_file_append(struct lines_file *f, struct str lines)
{
	f->error = 0;
	f->rotated = false;
	/* Moved or removed by somebody: what is written to it now could not be found. */
	if (f->fd >= 0 && !is_in_place(f))
		f->reopen = true;
	if (f->reopen)
		close_file(f);
	if (f->fd < 0 && !open_file(f, !f->reopen))
		goto failed;
	f->reopen = false;
	if (!check_size(f))
		goto failed;
	if (f->rotate_bytes > 0 && f->size > 0 && f->size + lines.len > f->rotate_bytes &&
	    !rotate(f))
		goto failed;
	if (!write_all(f, lines))
		goto failed;
	f->size += lines.len;
	return;
failed:
	/*
	 * What reached the file of these lines must not be taken for written; the descriptor's
	 * error state goes with it.
	 */
	if (f->fd >= 0) {
		/* Where this fails, too, it is cut when it is opened again. */
		int ignored = ftruncate(f->fd, (off_t)f->size);

		(void)ignored;
	}
	close_file(f);
}

struct err *
lines_file_open(struct lines_file *f, const char *path, uint64_t rotate_bytes, unsigned rotate_keep)
{
	*f = (struct lines_file){
		.fd = -1, .rotate_bytes = rotate_bytes, .rotate_keep = rotate_keep
	};
	if ((f->path = strdup(path)) == NULL)
		return err_new("%s: out of memory", path);
	if (!open_file(f, false)) {
		errno = f->error;
		return err_sys("%s: %s", path, f->step);
	}
	return NULL;
}

struct err *
lines_file_check(const char *path)
{
	char *copy, *slash;
	struct stat st;
	struct err *e = NULL;

	if (stat(path, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			return err_new("%s is not a regular file", path);
		return access(path, R_OK | W_OK) < 0 ? err_sys("%s", path) : NULL;
	}
	if (errno != ENOENT)
		return err_sys("%s", path);
	if ((copy = strdup(path)) == NULL)
		return err_new("%s: out of memory", path);
	if ((slash = strrchr(copy, '/')) != NULL)
		slash[slash == copy] = '\0';
	if (access(slash != NULL ? copy : ".", W_OK | X_OK) < 0)
		e = err_sys("%s: the directory", path);
	free(copy);
	return e;
}

void
lines_file_close(struct lines_file *f)
{
	if (f->path == NULL)
		return;
	close_file(f);
	free(f->path);
	f->path = NULL;
}
