/* storage: the system calls themselves. */
#include "journal/storage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The folder's own name is on the disk for good, as far as we may see to that. */
static void
keep_name(int folder)
{
	int above = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (above < 0)
		return;
	(void)fsync(above);
	close(above);
}

static int
system_folder(void *ctx, int below, const char *path, bool make)
{
	int at = below < 0 ? AT_FDCWD : below, fd;

	(void)ctx;
	if (make && mkdirat(at, path, 0700) != 0 && errno != EEXIST)
		return -1;
	fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && make)
		keep_name(fd);
	return fd;
}

/*
 * What root makes in somebody's folder is his, else he could not read it. Only what is new, so that
 * nobody gets another file by linking it there.
 */
static void
give_away(int folder, int fd, const struct stat *file)
{
	struct stat owner;

	if (geteuid() != 0 || file->st_uid != 0 || file->st_size > 0 || file->st_nlink != 1 ||
	    fstat(folder, &owner) != 0 || owner.st_uid == 0)
		return;
	(void)!fchown(fd, owner.st_uid, owner.st_gid);
}

static int
system_open(void *ctx, int folder, const char *name, enum storage_how how)
{
	static const int flags[] = { O_RDONLY, O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_EXCL };
	struct stat st;
	int fd;

	(void)ctx;
	/* Without O_NONBLOCK, opening a pipe that somebody put here would wait for its other end. */
	if ((fd = openat(folder, name, flags[how] | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600)) < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		if (how != STORAGE_READ)
			give_away(folder, fd, &st);
		return fd;
	}
	close(fd);
	errno = EINVAL;
	return -1;
}

static void
system_close(void *ctx, int fd)
{
	(void)ctx;
	close(fd);
}

static ssize_t
system_read(void *ctx, int fd, void *to, size_t n, uint64_t offset)
{
	(void)ctx;
	return pread(fd, to, n, (off_t)offset);
}

static ssize_t
system_write(void *ctx, int fd, const void *from, size_t n, uint64_t offset)
{
	(void)ctx;
	return pwrite(fd, from, n, (off_t)offset);
}

static int
system_sync(void *ctx, int fd)
{
	struct stat st;

	(void)ctx;
	/* Times of a file need not be on the disk; folders have nothing but their names. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fdatasync(fd);
	return fsync(fd);
}

static void
system_refresh(void *ctx, int fd)
{
	(void)ctx;
#ifdef POSIX_FADV_DONTNEED
	(void)!posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
#endif
}

static int
system_cut(void *ctx, int fd, uint64_t size)
{
	(void)ctx;
	return ftruncate(fd, (off_t)size);
}

static int
system_rename(void *ctx, int folder, const char *name, int to_folder, const char *to)
{
	(void)ctx;
	return renameat(folder, name, to_folder, to);
}

static int
system_unlink(void *ctx, int folder, const char *name)
{
	(void)ctx;
	return unlinkat(folder, name, 0);
}

static int
system_size(void *ctx, int fd, uint64_t *out)
{
	struct stat st;

	(void)ctx;
	if (fstat(fd, &st) != 0)
		return -1;
	*out = (uint64_t)st.st_size;
	return 0;
}

static int
system_list(void *ctx, int folder, void (*each)(void *to, const char *name), void *to)
{
	int fd, failed;
	struct dirent *entry;
	DIR *dir;

	(void)ctx;
	if ((fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -1;
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return -1;
	}
	while (errno = 0, (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			each(to, entry->d_name);
	failed = errno;
	closedir(dir);
	errno = failed;
	return failed == 0 ? 0 : -1;
}

static int
system_room(void *ctx, int folder, uint64_t *out)
{
	struct statvfs fs;

	(void)ctx;
	if (fstatvfs(folder, &fs) != 0)
		return -1;
	*out = (uint64_t)fs.f_bavail * fs.f_frsize;
	return 0;
}

static int
system_lock(void *ctx, int fd)
{
	(void)ctx;
	return flock(fd, LOCK_EX | LOCK_NB);
}

const struct storage storage_system = {
	.folder = system_folder,
	.open = system_open,
	.close = system_close,
	.read = system_read,
	.write = system_write,
	.sync = system_sync,
	.refresh = system_refresh,
	.cut = system_cut,
	.rename = system_rename,
	.unlink = system_unlink,
	.size = system_size,
	.list = system_list,
	.room = system_room,
	.lock = system_lock,
};

bool
storage_write(const struct storage *s, int fd, const void *from, size_t n, uint64_t offset)
{
	const char *at = from;
	ssize_t wrote;

	while (n > 0) {
		wrote = s->write(s->ctx, fd, at, n, offset);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0) {
			if (wrote == 0)
				errno = EIO;
			return false;
		}
		at += wrote;
		n -= (size_t)wrote;
		offset += (uint64_t)wrote;
	}
	return true;
}

ssize_t
storage_read(const struct storage *s, int fd, void *to, size_t n, uint64_t offset)
{
	size_t have = 0;
	ssize_t got;

	while (have < n) {
		got = s->read(s->ctx, fd, (char *)to + have, n - have, offset + have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

bool
storage_sync(const struct storage *s, int fd)
{
	int rc;

	while ((rc = s->sync(s->ctx, fd)) != 0 && errno == EINTR)
		;
	return rc == 0;
}

void
storage_close(const struct storage *s, int *fd)
{
	if (*fd >= 0)
		s->close(s->ctx, *fd);
	*fd = -1;
}
