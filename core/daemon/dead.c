#include "daemon/dead.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/utf8.h"

#define HELD_MOST \
	(8u * 1024 * 1024) /* bytes of letters that wait for the disk, beside a single one */
#define FULL (-1)          /* no errno: the file has reached its cap */

/* Letters that go to disk together. */
struct batch {
	struct buf text;
	void **cookies;
	size_t count, room;
};

struct dead {
	struct pool_job job;
	struct pool *pool;
	char *file;
	int fd;
	uint64_t size; /* of the file, as far as it is whole */
	uint64_t max_bytes;
	void (*kept)(void *ctx, void *cookie);
	void *ctx;
	struct batch coming; /* letters of now */
	struct batch going;  /* what the job writes */
	bool busy;
	bool stuck; /* the last try failed; the next one is dead_tick()'s */
	int error;  /* errno of that, 0: fine, FULL */
};

/*
 * Ends a last line that was cut: whatever is there stays, the next letter begins on its own line.
 */
static struct err *
end_last_line(struct dead *d)
{
	struct stat st;
	char last = '\n';

	if (fstat(d->fd, &st) < 0)
		return err_sys("dead letters %s", d->file);
	if (!S_ISREG(st.st_mode))
		return err_new("dead letters %s: not a regular file", d->file);
	d->size = (uint64_t)st.st_size;
	if (st.st_size > 0 && pread(d->fd, &last, 1, st.st_size - 1) != 1)
		return err_sys("dead letters %s", d->file);
	if (last != '\n') {
		if (write(d->fd, "\n", 1) != 1)
			return err_sys("dead letters %s", d->file);
		d->size++;
	}
	return NULL;
}

/* A name that was made is safe when its directory is. */
static struct err *
sync_directory(const char *file)
{
	char path[PATH_MAX];
	struct err *e = NULL;
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s", file) >= sizeof(path))
		return err_new("dead letters %s: the name is too long", file);
	fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Some file systems do not sync directories. */
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		e = err_sys("dead letters %s: its directory", file);
	if (fd >= 0)
		close(fd);
	return e;
}

/*
 * Opens the file of that name, which may be another one than before. The lock keeps a second
 * daemon away: what one of them cuts off after a failed write could be the other's.
 */
static struct err *
open_file(struct dead *d)
{
	struct err *e;

	if (d->fd >= 0)
		close(d->fd);
	d->fd =
	    open(d->file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);
	if (d->fd < 0)
		return err_sys("dead letters %s", d->file);
	if (flock(d->fd, LOCK_EX | LOCK_NB) < 0)
		return err_sys(
		    "dead letters %s: lock (does another process write to it?)", d->file);
	if ((e = end_last_line(d)) != NULL)
		return e;
	return sync_directory(d->file);
}

/*
 * Is our file still the one of that name? Somebody who has dealt with its letters may have moved
 * or removed it; what we would add there might never be seen again.
 */
static bool
is_in_place(const struct dead *d)
{
	struct stat ours, named;

	return fstat(d->fd, &ours) == 0 && stat(d->file, &named) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

static void write_batch(struct pool_job *job);
static void batch_written(struct pool_job *job);

struct err *
dead_open(struct dead **out, struct pool *pool, const char *file, uint64_t max_bytes,
    void (*kept)(void *ctx, void *cookie), void *ctx)
{
	struct dead *d = calloc(1, sizeof(*d));
	struct err *e;

	if (d == NULL)
		return err_sys("dead letters");
	d->job.work = write_batch;
	d->job.done = batch_written;
	d->pool = pool;
	d->max_bytes = max_bytes;
	d->kept = kept;
	d->ctx = ctx;
	d->fd = -1;
	if ((d->file = strdup(file)) == NULL)
		e = err_sys("dead letters");
	else
		e = open_file(d);
	if (e != NULL) {
		dead_close(d);
		return e;
	}
	*out = d;
	return NULL;
}

struct err *
dead_check(const char *file)
{
	char directory[PATH_MAX];
	struct err *e = NULL;
	struct stat st;
	int fd = open(file, O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW);

	if (fd >= 0) {
		if (fstat(fd, &st) < 0)
			e = err_sys("dead letters %s", file);
		else if (!S_ISREG(st.st_mode))
			e = err_new("dead letters %s: not a regular file", file);
		close(fd);
		return e;
	}
	if (errno != ENOENT)
		return err_sys("dead letters %s", file);
	if ((size_t)snprintf(directory, sizeof(directory), "%s", file) >= sizeof(directory))
		return err_new("dead letters %s: the name is too long", file);
	if (access(dirname(directory), W_OK | X_OK) != 0)
		return err_sys("dead letters %s: its directory", file);
	return NULL;
}

/* A key and a text, which need not be UTF-8. */
static void
put_text(struct json *j, const char *key, struct str text)
{
	struct buf spelled = { 0 };

	json_key(j, key, strlen(key));
	if (utf8_valid(text.at, text.len))
		json_text(j, text.at, text.len);
	else {
		utf8_spell(&spelled, text.at, text.len);
		json_text(j, spelled.at, spelled.len);
	}
	buf_fini(&spelled);
}

static void
put_pair(struct json *j, const char *key, const char *text)
{
	if (text != NULL)
		put_text(j, key, str_of(text));
}

static void
put_integer(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key, strlen(key));
	json_integer(j, (int64_t)v);
}

static void
put_time(struct json *j, const char *key, int64_t ns)
{
	char text[CLOCK_TEXT_SIZE];

	clock_text(ns / CLOCK_SECOND, (uint32_t)(ns % CLOCK_SECOND), text);
	put_pair(j, key, text);
}

static void
put_hex(struct json *j, const char *key, struct str bytes)
{
	static const char hex[] = "0123456789abcdef";
	char *p;

	json_key(j, key, strlen(key));
	if (!buf_need(j->out, bytes.len * 2 + 2))
		return;
	p = buf_end(j->out);
	*p++ = '"';
	for (size_t i = 0; i < bytes.len; i++) {
		*p++ = hex[(unsigned char)bytes.at[i] >> 4];
		*p++ = hex[(unsigned char)bytes.at[i] & 15];
	}
	*p++ = '"';
	j->out->len = (size_t)(p - j->out->at);
	j->comma = true;
}

/* The answer is the server's word, whatever it is; as a text it can never break the line. */
static void
put_answer(struct json *j, struct str answer)
{
	if (answer.len > 0)
		put_text(j, "answer", answer);
}

static void
put_letter(struct buf *out, const struct dead_letter *l)
{
	struct json j;

	json_init(&j, out);
	json_open(&j, '{');
	put_time(&j, "time", clock_now());
	put_pair(&j, "reason", l->reason);
	put_pair(&j, "rule", l->rule);
	put_pair(&j, "rules", l->rules);
	put_pair(&j, "sender", l->sender);
	put_pair(&j, "from", l->from);
	put_integer(&j, "sender_sequence", l->sequence);
	put_time(&j, "received", l->received);
	if (l->id.len > 0) {
		json_key(&j, "id", 2);
		json_text(&j, l->id.at, l->id.len);
	}
	put_integer(&j, "size", l->full_size);
	put_answer(&j, l->answer);
	put_hex(&j, "record_hex", l->record);
	json_close(&j, '}');
	buf_byte(out, '\n');
}

/*
 * On a thread: all of it and fsync, or the file as it was. No letter goes to a file that was moved
 * away.
 */
static void
write_batch(struct pool_job *job)
{
	struct dead *d = container_of(job, struct dead, job);
	size_t done = 0;
	struct err *e;
	ssize_t n;

	if (!is_in_place(d) && (e = open_file(d)) != NULL) {
		d->error = errno != 0 ? errno : EIO;
		err_free(e);
		return;
	}
	if (d->size >= d->max_bytes) {
		d->error = FULL;
		return;
	}
	while (done < d->going.text.len) {
		n = write(d->fd, d->going.text.at + done, d->going.text.len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			goto fail;
		done += (size_t)n;
	}
	if (fsync(d->fd) < 0)
		goto fail;
	d->size += d->going.text.len;
	d->error = 0;
	return;
fail:
	d->error = errno != 0 ? errno : EIO;
	/* What went out in part must not stand in the file twice, nor half. */
	if (ftruncate(d->fd, (off_t)d->size) < 0)
		d->error = errno;
}

static void
start(struct dead *d)
{
	struct batch swap = d->going;

	if (d->busy || d->stuck)
		return;
	if (d->going.count == 0) {
		if (d->coming.count == 0)
			return;
		d->going = d->coming;
		d->coming = swap;
	}
	d->busy = true;
	pool_submit(d->pool, &d->job);
}

static void
batch_written(struct pool_job *job)
{
	struct dead *d = container_of(job, struct dead, job);

	d->busy = false;
	if (d->error != 0) {
		d->stuck = true;
		log_error("dead_letters_not_written",
		    log_s("reason", d->error == FULL ? "dead_letters.max_bytes is reached"
						     : strerror(d->error)),
		    log_i("letters", (int64_t)dead_pending(d)));
		return;
	}
	for (size_t i = 0; i < d->going.count; i++)
		d->kept(d->ctx, d->going.cookies[i]);
	d->going.count = 0;
	buf_cut(&d->going.text, 0);
	start(d);
}

bool
dead_put(struct dead *d, const struct dead_letter *letter, void *cookie)
{
	struct batch *b = &d->coming;
	size_t before = b->text.len;

	if (before >= HELD_MOST)
		return false;
	if (b->count == b->room) {
		size_t room = b->room == 0 ? 64 : b->room * 2;
		void **cookies = realloc(b->cookies, room * sizeof(*cookies));

		if (cookies == NULL)
			return false;
		b->cookies = cookies;
		b->room = room;
	}
	put_letter(&b->text, letter);
	if (buf_failed(&b->text)) {
		b->text.failed = false;
		buf_cut(&b->text, before);
		return false;
	}
	b->cookies[b->count++] = cookie;
	start(d);
	return true;
}

size_t
dead_pending(const struct dead *d)
{
	return d->coming.count + d->going.count;
}

void
dead_tick(struct dead *d)
{
	struct err *e;

	if (!d->stuck)
		return;
	/* Somebody may have made room: emptied the file, or moved it away. */
	if ((e = open_file(d)) != NULL) {
		log_error("dead_letters_not_opened", log_e(e));
		err_free(e);
		return;
	}
	d->stuck = false;
	start(d);
}

void
dead_close(struct dead *d)
{
	if (d == NULL)
		return;
	if (d->busy)
		pool_cancel(d->pool, &d->job);
	if (d->fd >= 0)
		close(d->fd);
	free(d->file);
	buf_fini(&d->coming.text);
	buf_fini(&d->going.text);
	free(d->coming.cookies);
	free(d->going.cookies);
	free(d);
}
