/*
 * journal_disk: a disk in memory for the journal's specs. It knows what was synced and what was
 * not: when its power is cut, of what was not synced some is there and some is not. It can refuse
 * calls, and it counts them.
 */
#ifndef BINDING_JOURNAL_DISK_H
#define BINDING_JOURNAL_DISK_H

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/storage.h"

#define DISK_NAMES   4096
#define DISK_FDS     256
#define DISK_FOLDERS 2

enum disk_call {
	DISK_OPEN,
	DISK_READ,
	DISK_WRITE,
	DISK_SYNC,
	DISK_CUT,
	DISK_RENAME,
	DISK_UNLINK,
	DISK_CALLS
};

static const char *const disk_call_names[] = { "open", "read", "write", "sync", "cut", "rename",
	"unlink", NULL };

/* A change that is not synced yet: bytes at an offset, or (bytes NULL) a new size. */
struct disk_change {
	struct disk_change *next;
	uint64_t offset;
	size_t len;
	char *bytes;
};

struct disk_bytes {
	char *at;
	size_t len;
};

struct disk_file {
	struct disk_bytes now, safe;
	struct disk_change *first, **last;
	int lock;                /* descriptor + 1 */
	struct disk_file *older; /* every file that ever was */
};

struct disk_name {
	char name[96];
	struct disk_file *now, *safe; /* NULL: not there */
	unsigned change;              /* names that change together */
};

struct disk {
	struct storage storage;
	pthread_mutex_t lock;
	struct disk_name *names[DISK_FOLDERS];
	size_t names_len[DISK_FOLDERS];
	struct {
		struct disk_file *file; /* NULL: a folder, or not open */
		int folder;             /* + 1 */
	} fds[DISK_FDS];
	struct disk_file *files;
	unsigned changes;
	uint64_t room; /* bytes that are free */
	unsigned random;
	bool off;       /* nothing works */
	int power_left; /* calls that change something until the power goes; -1: it stays */
	unsigned calls[DISK_CALLS];
	/* Calls that fail, from the nth on. */
	struct {
		int error; /* 0: a short count */
		unsigned after, times;
	} fails[DISK_CALLS];
};

static unsigned
disk_random(struct disk *d, unsigned below)
{
	d->random = d->random * 1103515245u + 12345u;
	return (d->random >> 12) % below;
}

static struct disk *
disk_of(void *ctx)
{
	return ctx;
}

/* Begins a call: 0 when it goes on, 1 for a short count, -1 and errno; takes the lock. */
static int
disk_enter(struct disk *d, enum disk_call call)
{
	pthread_mutex_lock(&d->lock);
	d->calls[call]++;
	if (call != DISK_OPEN && call != DISK_READ && d->power_left > 0 && --d->power_left == 0)
		d->off = true;
	if (d->off) {
		errno = EIO;
		return -1;
	}
	if (d->fails[call].times == 0)
		return 0;
	if (d->fails[call].after > 0) {
		d->fails[call].after--;
		return 0;
	}
	d->fails[call].times--;
	errno = d->fails[call].error;
	return errno == 0 ? 1 : -1;
}

static int
disk_leave(struct disk *d, int rc)
{
	int failed = errno;

	pthread_mutex_unlock(&d->lock);
	errno = failed;
	return rc;
}

static void
disk_put_bytes(struct disk_bytes *b, uint64_t offset, const char *from, size_t len)
{
	if (offset + len > b->len) {
		b->at = realloc(b->at, offset + len);
		memset(b->at + b->len, 0, offset + len - b->len);
		b->len = offset + len;
	}
	if (len > 0)
		memcpy(b->at + offset, from, len);
}

static void
disk_resize(struct disk_bytes *b, size_t len)
{
	if (len > b->len)
		disk_put_bytes(b, len, NULL, 0);
	b->len = len;
}

static void
disk_apply(struct disk_bytes *b, const struct disk_change *c, size_t len)
{
	if (c->bytes == NULL)
		disk_resize(b, c->offset);
	else
		disk_put_bytes(b, c->offset, c->bytes, len);
}

static void
disk_forget_changes(struct disk_file *f)
{
	struct disk_change *next;

	for (struct disk_change *c = f->first; c != NULL; c = next) {
		next = c->next;
		free(c->bytes);
		free(c);
	}
	f->first = NULL;
	f->last = &f->first;
}

static void
disk_change(struct disk_file *f, uint64_t offset, const char *bytes, size_t len)
{
	struct disk_change *c = calloc(1, sizeof(*c));

	c->offset = offset;
	c->len = len;
	if (bytes != NULL) {
		c->bytes = malloc(len + 1);
		memcpy(c->bytes, bytes, len);
	}
	*f->last = c;
	f->last = &c->next;
	disk_apply(&f->now, c, len);
}

static struct disk_name *
disk_name(struct disk *d, int folder, const char *name, bool make)
{
	struct disk_name *n, *unused = NULL;

	for (size_t i = 0; i < d->names_len[folder]; i++) {
		n = &d->names[folder][i];
		if (strcmp(n->name, name) == 0)
			return n;
		if (n->now == NULL && n->safe == NULL)
			unused = n;
	}
	if (!make || (unused == NULL && d->names_len[folder] == DISK_NAMES))
		return NULL;
	n = unused != NULL ? unused : &d->names[folder][d->names_len[folder]++];
	*n = (struct disk_name){ .now = NULL };
	snprintf(n->name, sizeof(n->name), "%s", name);
	return n;
}

static struct disk_file *
disk_make(struct disk *d)
{
	struct disk_file *f = calloc(1, sizeof(*f));

	f->last = &f->first;
	f->older = d->files;
	d->files = f;
	return f;
}

/* Puts a file there for good. */
static void
disk_put(struct disk *d, const char *name, const char *bytes, size_t len)
{
	struct disk_name *n = disk_name(d, 0, name, true);

	n->now = n->safe = disk_make(d);
	disk_put_bytes(&n->now->now, 0, bytes, len);
	disk_put_bytes(&n->now->safe, 0, bytes, len);
}

static int
disk_fd(struct disk *d, struct disk_file *file, int folder)
{
	for (int fd = 3; fd < DISK_FDS; fd++)
		if (d->fds[fd].file == NULL && d->fds[fd].folder == 0) {
			d->fds[fd].file = file;
			d->fds[fd].folder = folder;
			return fd;
		}
	errno = EMFILE;
	return -1;
}

static int
disk_folder(void *ctx, int below, const char *path, bool make)
{
	struct disk *d = disk_of(ctx);
	int fd;

	(void)path;
	(void)make;
	pthread_mutex_lock(&d->lock);
	fd = disk_fd(d, NULL, below < 0 ? 1 : 2);
	return disk_leave(d, fd);
}

static int
disk_open(void *ctx, int folder, const char *name, enum storage_how how)
{
	struct disk *d = disk_of(ctx);
	struct disk_name *n;
	int f = d->fds[folder].folder - 1;

	if (disk_enter(d, DISK_OPEN) != 0)
		return disk_leave(d, -1);
	n = disk_name(d, f, name, how != STORAGE_READ);
	if (how == STORAGE_NEW && n != NULL && n->now != NULL) {
		errno = EEXIST;
		return disk_leave(d, -1);
	}
	if (n == NULL || (n->now == NULL && how == STORAGE_READ)) {
		errno = n == NULL && how != STORAGE_READ ? ENOSPC : ENOENT;
		return disk_leave(d, -1);
	}
	if (n->now == NULL) {
		n->now = disk_make(d);
		n->change = ++d->changes;
	}
	return disk_leave(d, disk_fd(d, n->now, 0));
}

static void
disk_close(void *ctx, int fd)
{
	struct disk *d = disk_of(ctx);

	pthread_mutex_lock(&d->lock);
	if (d->fds[fd].file != NULL && d->fds[fd].file->lock == fd + 1)
		d->fds[fd].file->lock = 0;
	d->fds[fd].file = NULL;
	d->fds[fd].folder = 0;
	pthread_mutex_unlock(&d->lock);
}

static ssize_t
disk_read(void *ctx, int fd, void *to, size_t n, uint64_t offset)
{
	struct disk *d = disk_of(ctx);
	struct disk_bytes *b;
	int short_count;

	if ((short_count = disk_enter(d, DISK_READ)) < 0)
		return disk_leave(d, -1);
	b = &d->fds[fd].file->now;
	if (offset >= b->len)
		n = 0;
	else if (n > b->len - offset)
		n = b->len - offset;
	if (short_count && n > 1)
		n /= 2;
	if (n > 0)
		memcpy(to, b->at + offset, n);
	return disk_leave(d, (int)n);
}

static ssize_t
disk_write(void *ctx, int fd, const void *from, size_t n, uint64_t offset)
{
	struct disk *d = disk_of(ctx);
	struct disk_file *f = d->fds[fd].file;
	int short_count;

	if ((short_count = disk_enter(d, DISK_WRITE)) < 0)
		return disk_leave(d, -1);
	if (short_count && n > 1)
		n /= 2;
	if (offset + n > f->now.len) {
		uint64_t more = offset + n - f->now.len;

		if (more > d->room) {
			errno = ENOSPC;
			return disk_leave(d, -1);
		}
		d->room -= more;
	}
	disk_change(f, offset, from, n);
	return disk_leave(d, (int)n);
}

static int
disk_sync(void *ctx, int fd)
{
	struct disk *d = disk_of(ctx);
	struct disk_file *f = d->fds[fd].file;
	int folder = d->fds[fd].folder - 1;

	if (disk_enter(d, DISK_SYNC) != 0) {
		/* What a failed sync was about is clean in memory now, and not on the disk. */
		if (f != NULL && !d->off && errno != EINTR)
			disk_forget_changes(f);
		return disk_leave(d, -1);
	}
	if (f != NULL) {
		for (struct disk_change *c = f->first; c != NULL; c = c->next)
			disk_apply(&f->safe, c, c->len);
		disk_forget_changes(f);
	} else {
		for (size_t i = 0; i < d->names_len[folder]; i++)
			d->names[folder][i].safe = d->names[folder][i].now;
	}
	return disk_leave(d, 0);
}

/* A file's memory is what the disk has, where a sync has failed. */
static void
disk_refresh(void *ctx, int fd)
{
	struct disk *d = disk_of(ctx);
	struct disk_file *f;

	pthread_mutex_lock(&d->lock);
	f = d->fds[fd].file;
	if (f->first == NULL && !d->off) {
		disk_resize(&f->now, f->safe.len);
		disk_put_bytes(&f->now, 0, f->safe.at, f->safe.len);
	}
	pthread_mutex_unlock(&d->lock);
}

static int
disk_cut(void *ctx, int fd, uint64_t size)
{
	struct disk *d = disk_of(ctx);
	struct disk_file *f = d->fds[fd].file;

	if (disk_enter(d, DISK_CUT) != 0)
		return disk_leave(d, -1);
	if (size < f->now.len)
		d->room += f->now.len - size;
	disk_change(f, size, NULL, 0);
	return disk_leave(d, 0);
}

static int
disk_rename(void *ctx, int folder, const char *name, int to_folder, const char *to)
{
	struct disk *d = disk_of(ctx);
	struct disk_name *from, *target;

	if (disk_enter(d, DISK_RENAME) != 0)
		return disk_leave(d, -1);
	from = disk_name(d, d->fds[folder].folder - 1, name, false);
	target = disk_name(d, d->fds[to_folder].folder - 1, to, true);
	if (from == NULL || from->now == NULL || target == NULL) {
		errno = ENOENT;
		return disk_leave(d, -1);
	}
	target->now = from->now;
	from->now = NULL;
	target->change = from->change = ++d->changes;
	return disk_leave(d, 0);
}

static int
disk_unlink(void *ctx, int folder, const char *name)
{
	struct disk *d = disk_of(ctx);
	struct disk_name *n;

	if (disk_enter(d, DISK_UNLINK) != 0)
		return disk_leave(d, -1);
	n = disk_name(d, d->fds[folder].folder - 1, name, false);
	if (n == NULL || n->now == NULL) {
		errno = ENOENT;
		return disk_leave(d, -1);
	}
	d->room += n->now->now.len;
	n->now = NULL;
	n->change = ++d->changes;
	return disk_leave(d, 0);
}

static int
disk_size(void *ctx, int fd, uint64_t *out)
{
	struct disk *d = disk_of(ctx);

	pthread_mutex_lock(&d->lock);
	*out = d->fds[fd].file->now.len;
	return disk_leave(d, 0);
}

static int
disk_list(void *ctx, int folder, void (*each)(void *to, const char *name), void *to)
{
	struct disk *d = disk_of(ctx);
	int f;

	pthread_mutex_lock(&d->lock);
	f = d->fds[folder].folder - 1;
	for (size_t i = 0; i < d->names_len[f]; i++)
		if (d->names[f][i].now != NULL)
			each(to, d->names[f][i].name);
	return disk_leave(d, 0);
}

static int
disk_room(void *ctx, int folder, uint64_t *out)
{
	struct disk *d = disk_of(ctx);

	(void)folder;
	pthread_mutex_lock(&d->lock);
	*out = d->room;
	return disk_leave(d, 0);
}

static int
disk_lock(void *ctx, int fd)
{
	struct disk *d = disk_of(ctx);
	struct disk_file *f = d->fds[fd].file;

	pthread_mutex_lock(&d->lock);
	if (f->lock != 0) {
		errno = EWOULDBLOCK;
		return disk_leave(d, -1);
	}
	f->lock = fd + 1;
	return disk_leave(d, 0);
}

static void
disk_init(struct disk *d, unsigned seed)
{
	*d = (struct disk){ .random = seed, .power_left = -1, .room = UINT64_MAX / 2 };
	pthread_mutex_init(&d->lock, NULL);
	for (int f = 0; f < DISK_FOLDERS; f++)
		d->names[f] = calloc(DISK_NAMES, sizeof(struct disk_name));
	d->storage = (struct storage){ d, disk_folder, disk_open, disk_close, disk_read, disk_write,
		disk_sync, disk_refresh, disk_cut, disk_rename, disk_unlink, disk_size, disk_list,
		disk_room, disk_lock };
}

static void
disk_fini(struct disk *d)
{
	struct disk_file *older;

	for (struct disk_file *f = d->files; f != NULL; f = older) {
		older = f->older;
		disk_forget_changes(f);
		free(f->now.at);
		free(f->safe.at);
		free(f);
	}
	for (int f = 0; f < DISK_FOLDERS; f++)
		free(d->names[f]);
	pthread_mutex_destroy(&d->lock);
}

/* Of what was not synced, some is there: all up to some point, or this and that. */
static void
disk_lose_bytes(struct disk *d, struct disk_file *f)
{
	bool in_order = disk_random(d, 2) == 0;

	for (struct disk_change *c = f->first; c != NULL; c = c->next) {
		unsigned fate = disk_random(d, 4);

		if (fate == 0 && in_order)
			break;
		if (fate == 1)
			disk_apply(&f->safe, c, disk_random(d, (unsigned)c->len + 1));
		else if (fate > 1)
			disk_apply(&f->safe, c, c->len);
	}
	disk_forget_changes(f);
	disk_resize(&f->now, f->safe.len);
	disk_put_bytes(&f->now, 0, f->safe.at, f->safe.len);
}

static void
disk_lose_names(struct disk *d)
{
	bool in_order = disk_random(d, 2) == 0;
	unsigned until = d->changes == 0 ? 0 : disk_random(d, d->changes + 1);
	unsigned pick = disk_random(d, 1u << 16);

	for (int f = 0; f < DISK_FOLDERS; f++)
		for (size_t i = 0; i < d->names_len[f]; i++) {
			struct disk_name *n = &d->names[f][i];
			/* Names that changed together have one fate. */
			bool kept = in_order ? n->change <= until
					     : ((n->change * 2654435761u) >> 13 ^ pick) & 1;

			if (n->now != n->safe && !kept)
				n->now = n->safe;
			n->safe = n->now;
		}
}

/* The power comes back: what is there now is all there is. Everything has to be closed. */
static void
disk_power_cut(struct disk *d)
{
	disk_lose_names(d);
	for (int f = 0; f < DISK_FOLDERS; f++)
		for (size_t i = 0; i < d->names_len[f]; i++)
			if (d->names[f][i].now != NULL) {
				disk_lose_bytes(d, d->names[f][i].now);
				d->names[f][i].now->lock = 0;
			}
	d->off = false;
	d->power_left = -1;
	memset(d->fails, 0, sizeof(d->fails));
}

#endif
