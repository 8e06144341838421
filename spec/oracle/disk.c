/*
 * disk: loaded before the receiver (LD_PRELOAD), watches that no acknowledgement leaves before its
 * record is on disk, and lets the disk fail.
 *
 * It knows the records of the oracle by their paths, /oracle/HOST/NUMBER/, the journal by the
 * folder DISK_JOURNAL, and the hosts by their addresses. A record is safe when an fsync that began
 * after the last write of it has come back with success. What is acknowledged before that is
 * written to the file DISK_FAULTS, a line each; at the end, how many acknowledgements were seen.
 *
 * The file DISK_FAIL, when it is there, says what fails: "write", "space", "short" or "sync".
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define HOSTS   1000
#define NUMBERS (1u << 22)
#define FILES   1024
#define DIRTY   (1u << 16)
#define TAIL    40 /* bytes; a path that tells a record is shorter */
#define EXPORT  __attribute__((visibility("default")))

enum mark { UNSEEN, WRITTEN, SAFE };

struct spot {
	uint32_t host, number;
};

/* What was written to a file and not synced. */
struct file {
	bool is_journal, known;
	struct spot *dirty;
	size_t count, room;
	size_t skip;     /* of what is sent next: the rest of a frame */
	char tail[TAIL]; /* the end of what was written last: a path may go on behind it */
	size_t tail_len;
};

/* Recursive: telling of a fault opens and closes a file. */
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static uint8_t *marks[HOSTS];
static struct file files[FILES];
static uint64_t seen, faults;
static const char *folder, *fail_file, *faults_file;

static void __attribute__((constructor)) begin(void)
{
	folder = getenv("DISK_JOURNAL");
	fail_file = getenv("DISK_FAIL");
	faults_file = getenv("DISK_FAULTS");
	unsetenv("LD_PRELOAD");
}

static void
tell(const char *format, ...)
{
	char line[256];
	va_list args;
	int fd, n;

	if (faults_file == NULL ||
	    (fd = open(faults_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0)
		return;
	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n > 0)
		dprintf(fd, "%.*s\n", n < 255 ? n : 255, line);
	close(fd);
}

static void __attribute__((destructor)) end(void)
{
	tell("seen=%llu faults=%llu", (unsigned long long)seen, (unsigned long long)faults);
}

static bool
fails(const char *how)
{
	char word[16] = "";
	int fd;
	ssize_t n;

	if (fail_file == NULL || (fd = open(fail_file, O_RDONLY | O_CLOEXEC)) < 0)
		return false;
	n = read(fd, word, sizeof(word) - 1);
	close(fd);
	return n > 0 && strncmp(word, how, strlen(how)) == 0;
}

static bool
is_journal(int fd)
{
	char name[64], path[PATH_MAX];
	ssize_t n;

	if (fd < 0 || fd >= FILES || folder == NULL)
		return false;
	if (!files[fd].known) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		n = readlink(name, path, sizeof(path) - 1);
		files[fd].known = true;
		files[fd].is_journal = n > 0 && strncmp(path, folder, strlen(folder)) == 0 &&
				       memmem(path, (size_t)n, "/dead/", 6) == NULL;
	}
	return files[fd].is_journal;
}

static uint8_t *
mark_of(uint32_t host, uint32_t number)
{
	if (host >= HOSTS || number >= NUMBERS)
		return NULL;
	if (marks[host] == NULL)
		marks[host] = calloc(NUMBERS, 1);
	return marks[host] != NULL ? &marks[host][number] : NULL;
}

static void
note_written(int fd, const char *at, size_t len)
{
	struct file *f = &files[fd];
	const char *end = at + len;
	unsigned host, number;
	char text[40];

	while ((at = memmem(at, (size_t)(end - at), "/oracle/", 8)) != NULL) {
		size_t n =
		    (size_t)(end - at) < sizeof(text) - 1 ? (size_t)(end - at) : sizeof(text) - 1;

		memcpy(text, at, n);
		text[n] = '\0';
		at += 8;
		if (sscanf(text, "/oracle/%u/%u/", &host, &number) != 2 ||
		    mark_of(host, number) == NULL)
			continue;
		if (f->count == f->room) {
			f->room = f->room == 0 ? 1024 : f->room * 2;
			if ((f->dirty = realloc(f->dirty, f->room * sizeof(*f->dirty))) == NULL)
				abort();
		}
		f->dirty[f->count++] = (struct spot){ host, number };
	}
}

/* A path may lie on the edge of two pieces: they are looked at as one. */
static void
note_parts(int fd, const struct iovec *parts, int count, size_t written)
{
	struct file *f = &files[fd];
	size_t len = f->tail_len, most = written + len;
	char *whole = malloc(most + 1);

	if (whole == NULL)
		abort();
	memcpy(whole, f->tail, len);
	for (int i = 0; i < count && len < most; i++) {
		size_t n = parts[i].iov_len < most - len ? parts[i].iov_len : most - len;

		memcpy(whole + len, parts[i].iov_base, n);
		len += n;
	}
	pthread_mutex_lock(&lock);
	note_written(fd, whole, len);
	pthread_mutex_unlock(&lock);
	f->tail_len = len < TAIL ? len : TAIL;
	memcpy(f->tail, whole + len - f->tail_len, f->tail_len);
	free(whole);
}

/* The number of entries of a file that a sync which begins now covers. */
static size_t
sync_begins(int fd)
{
	size_t count;

	pthread_mutex_lock(&lock);
	count = files[fd].count;
	pthread_mutex_unlock(&lock);
	return count;
}

static void
sync_ends(int fd, size_t count)
{
	struct file *f = &files[fd];
	uint8_t *mark;

	pthread_mutex_lock(&lock);
	if (count > f->count) /* it was closed meanwhile */
		count = f->count;
	for (size_t i = 0; i < count; i++)
		if ((mark = mark_of(f->dirty[i].host, f->dirty[i].number)) != NULL)
			*mark = SAFE;
	memmove(f->dirty, f->dirty + count, (f->count - count) * sizeof(*f->dirty));
	f->count -= count;
	pthread_mutex_unlock(&lock);
}

static void
note_acknowledged(const struct sockaddr_in *to, const uint8_t *at, size_t len)
{
	uint32_t address = ntohl(to->sin_addr.s_addr), size, number;
	uint32_t host = ((address >> 8 & 255) - 1) * 250 + (address & 255) - 1;
	uint8_t *mark;

	while (len >= 12) {
		size = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
		if (size == 2) { /* the version */
			at += 6;
			len -= 6;
			continue;
		}
		if (size < 8 || len < size + 4)
			return;
		number =
		    (uint32_t)at[8] << 24 | (uint32_t)at[9] << 16 | (uint32_t)at[10] << 8 | at[11];
		pthread_mutex_lock(&lock);
		mark = mark_of(host, number);
		seen++;
		if (mark == NULL || *mark != SAFE) {
			faults++;
			tell(
			    "host %u number %u is acknowledged before it is on disk", host, number);
		}
		pthread_mutex_unlock(&lock);
		at += size + 4;
		len -= size + 4;
	}
}

static size_t
frame_size(const uint8_t *at)
{
	return 4 + ((size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3]);
}

/* Before it leaves: who it is for, and what is in it. */
static void
look_at_sent(int fd, const uint8_t *bytes, size_t len)
{
	struct sockaddr_in to = { 0 };
	socklen_t size = sizeof(to);
	size_t skip = fd < FILES ? files[fd].skip : 0;

	if (folder != NULL && getpeername(fd, (struct sockaddr *)&to, &size) == 0 &&
	    to.sin_family == AF_INET && (ntohl(to.sin_addr.s_addr) >> 8 & 255) != 0 && skip < len)
		note_acknowledged(&to, bytes + skip, len - skip);
}

/* Only a part has gone: where the next frame begins in what goes next. */
static void
note_sent(int fd, const uint8_t *bytes, size_t len, ssize_t n)
{
	size_t at = fd < FILES ? files[fd].skip : 0;

	if (folder == NULL || n < 0 || fd >= FILES)
		return;
	while (at < (size_t)n && at + 4 <= len)
		at += frame_size(bytes + at);
	files[fd].skip = at >= (size_t)n ? at - (size_t)n : 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* How many bytes of so many go to the journal, or -1 with errno. */
static ssize_t
allowed(int fd, size_t len)
{
	if (!is_journal(fd))
		return (ssize_t)len;
	if (fails("space") || fails("write")) {
		errno = fails("space") ? ENOSPC : EIO;
		return -1;
	}
	return fails("short") && len > 1 ? (ssize_t)(len / 2) : (ssize_t)len;
}

EXPORT ssize_t
write(int fd, const void *bytes, size_t len)
{
	ssize_t n = allowed(fd, len);

	if (n >= 0 && (n = REAL(write)(fd, bytes, (size_t)n)) > 0 && is_journal(fd))
		note_parts(fd, &(struct iovec){ (void *)(uintptr_t)bytes, len }, 1, (size_t)n);
	return n;
}

EXPORT ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	ssize_t n = allowed(fd, len);

	if (n >= 0 && (n = REAL(pwrite)(fd, bytes, (size_t)n, at)) > 0 && is_journal(fd))
		note_parts(fd, &(struct iovec){ (void *)(uintptr_t)bytes, len }, 1, (size_t)n);
	return n;
}

EXPORT ssize_t
writev(int fd, const struct iovec *parts, int count)
{
	ssize_t n;

	if (is_journal(fd) && allowed(fd, 2) < 0)
		return -1;
	if ((n = REAL(writev)(fd, parts, count)) > 0 && is_journal(fd))
		note_parts(fd, parts, count, (size_t)n);
	return n;
}

EXPORT ssize_t
pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	ssize_t n;

	if (is_journal(fd) && allowed(fd, 2) < 0)
		return -1;
	if ((n = REAL(pwritev)(fd, parts, count, at)) > 0 && is_journal(fd))
		note_parts(fd, parts, count, (size_t)n);
	return n;
}

static int
sync_with(int fd, int (*real)(int fd))
{
	size_t count;
	int rc;

	if (!is_journal(fd))
		return real(fd);
	count = sync_begins(fd);
	if (fails("sync")) {
		errno = EIO;
		return -1;
	}
	if ((rc = real(fd)) == 0)
		sync_ends(fd, count);
	return rc;
}

EXPORT int
fsync(int fd)
{
	return sync_with(fd, REAL(fsync));
}

EXPORT int
fdatasync(int fd)
{
	return sync_with(fd, REAL(fdatasync));
}

EXPORT int
close(int fd)
{
	if (fd >= 0 && fd < FILES) {
		pthread_mutex_lock(&lock);
		files[fd].known = false;
		files[fd].skip = 0;
		files[fd].tail_len = 0;
		files[fd].count = 0;
		pthread_mutex_unlock(&lock);
	}
	return REAL(close)(fd);
}

EXPORT ssize_t
send(int fd, const void *bytes, size_t len, int flags)
{
	ssize_t n;

	look_at_sent(fd, bytes, len);
	n = REAL(send)(fd, bytes, len, flags);
	note_sent(fd, bytes, len, n);
	return n;
}
