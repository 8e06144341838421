/* journal: opening and closing, and the calls of its owner. */
#include "journal/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "journal/inside.h"

#define SEGMENT_LEAST ((uint64_t)16 << 10)
#define SEGMENT_MOST  ((uint64_t)1 << 30)
#define BYTES_LEAST   ((uint64_t)64 << 10)
#define ENTRY_MOST    ((size_t)1 << 30) /* bytes of one entry */

static struct err *
open_folder(struct journal *j)
{
	const struct storage *s = j->storage;

	if ((j->folder = s->folder(s->ctx, -1, j->config.directory, true)) < 0)
		return errno == ELOOP || errno == ENOTDIR
			   ? err_new("it is no folder (a symbolic link is not followed)")
			   : err_sys("opening the folder");
	if ((j->lock = s->open(s->ctx, j->folder, FOLDER_LOCK, STORAGE_KEEP)) < 0)
		return err_sys("opening %s", FOLDER_LOCK);
	if (s->lock(s->ctx, j->lock) != 0)
		return errno == EWOULDBLOCK ? err_new("another auditrecv uses it")
					    : err_sys("locking %s", FOLDER_LOCK);
	return NULL;
}

/* Records are for nobody else's eyes. */
static struct err *
make_private(struct journal *j)
{
	struct stat st;

	if (j->storage != &storage_system || fstat(j->folder, &st) != 0)
		return NULL;
	if (st.st_uid != geteuid())
		return err_new("it belongs to user %lu, not to the user that runs this (%lu)",
		    (unsigned long)st.st_uid, (unsigned long)geteuid());
	if ((st.st_mode & 077) != 0) {
		log_warn("journal_made_private", log_s("directory", j->config.directory));
		if (fchmod(j->folder, 0700) != 0)
			return err_sys("making it private (mode 0700)");
	}
	return NULL;
}

static void
take_config(struct journal *j, const struct journal_config *config)
{
	struct journal_config *c = &j->config;

	*c = *config;
	if (c->max_bytes < BYTES_LEAST)
		c->max_bytes = BYTES_LEAST;
	/* So that there is always one that can go when the others are full. */
	if (c->segment_bytes > c->max_bytes / 4)
		c->segment_bytes = c->max_bytes / 4;
	if (c->segment_bytes < SEGMENT_LEAST)
		c->segment_bytes = SEGMENT_LEAST;
	if (c->segment_bytes > SEGMENT_MOST)
		c->segment_bytes = SEGMENT_MOST;
	if (c->keep_for > 1e9)
		c->keep_for = 1e9;
	if (c->last_part > c->max_bytes / 2)
		c->last_part = c->max_bytes / 2;
	j->storage = c->storage != NULL ? c->storage : &storage_system;
}

static void
say_open(const struct journal *j)
{
	log_info("journal_open", log_s("directory", j->config.directory),
	    log_i("segments", (int64_t)j->segments_len),
	    log_i("bytes", (int64_t)j->counters.disk_bytes),
	    log_i("cursor", (int64_t)j->cursor.below), log_i("next", (int64_t)j->next),
	    log_i("damaged", (int64_t)j->counters.damaged),
	    log_i("torn_bytes", (int64_t)j->counters.torn_bytes));
}

struct err *
journal_open(struct journal **out, struct ev_loop *loop, const struct journal_config *config,
    const struct journal_handler *handler)
{
	struct journal *j;
	struct err *e;

	if ((j = calloc(1, sizeof(*j))) == NULL)
		return err_sys("journal");
	take_config(j, config);
	j->handler = *handler;
	j->loop = loop;
	j->folder = j->lock = j->fetch.fd = j->writer.fd = -1;
	if ((e = open_folder(j)) != NULL || (e = make_private(j)) != NULL ||
	    (e = pool_open(&j->front, loop, 1)) != NULL ||
	    (e = pool_open(&j->back, loop, 1)) != NULL)
		goto fail;
	writer_init(&j->writer, j->storage, j->folder);
	j->writer.segment_bytes = j->config.segment_bytes;
	if ((e = journal_recover(j)) != NULL)
		goto fail;
	/* From here on, a missing cursor is damage. */
	j->cursor.stored = j->stored;
	if (cursor_write(j->storage, j->folder, &j->cursor))
		j->cursor_saved = j->cursor.below;
	else
		log_error("journal_fault", log_s("directory", j->config.directory),
		    log_s("what", "writing the cursor"), log_s("reason", strerror(errno)));
	gone_prune(&j->gone, j->storage, j->folder,
	    j->segments_len > 0 ? j->segments[0].header.first : j->stored);
	commit_init(j);
	chores_init(j);
	j->opened = true;
	say_open(j);
	*out = j;
	return NULL;
fail:
	journal_close(j);
	return err_wrap(e, "journal %s", config->directory);
}

struct err *
journal_check(const struct journal_config *config)
{
	const char *slash = strrchr(config->directory, '/');
	struct err *e = NULL;
	struct stat st;
	char *above;

	if (lstat(config->directory, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			return err_new(
			    "journal %s: it is no folder (a symbolic link is not followed)",
			    config->directory);
		if (st.st_uid != geteuid())
			return err_new("journal %s: it belongs to user %lu, not to the user that "
				       "runs this (%lu)",
			    config->directory, (unsigned long)st.st_uid, (unsigned long)geteuid());
		return access(config->directory, R_OK | W_OK | X_OK) == 0
			   ? NULL
			   : err_sys("journal %s", config->directory);
	}
	if (errno != ENOENT)
		return err_sys("journal %s", config->directory);
	above = slash == NULL
		    ? strdup(".")
		    : strndup(config->directory,
			  slash == config->directory ? 1 : (size_t)(slash - config->directory));
	if (above == NULL)
		return err_sys("journal %s", config->directory);
	if (access(above, W_OK | X_OK) != 0)
		e = err_sys("journal %s cannot be made in %s", config->directory, above);
	free(above);
	return e;
}

uint64_t
journal_append(struct journal *j, const struct journal_entry *entry)
{
	uint64_t number = j->next, memory = j->pending.memory;

	if (UNLIKELY(entry->bytes.len > ENTRY_MOST || entry->note.len > ENTRY_MOST))
		return 0;
	/* One is always taken, so that nothing is too large for ever. */
	if (UNLIKELY(memory > 0 && memory + pending_size(entry) > j->config.max_memory))
		return 0;
	if (UNLIKELY(!pending_put(&j->pending, entry, number)))
		return 0;
	j->next++;
	j->counters.appended++;
	marks_add(&j->fresh, number, entry->received);
	commit_soon(j);
	return number;
}

void
journal_finish(struct journal *j)
{
	j->finishing = true;
	commit_retry(j);
}

uint64_t
journal_next(const struct journal *j)
{
	return j->next;
}

uint64_t
journal_stored(const struct journal *j)
{
	return j->stored;
}

uint64_t
journal_cursor(const struct journal *j)
{
	return j->cursor.below;
}

void
journal_move_cursor(struct journal *j, uint64_t below)
{
	/* A record may have its fate before it is on disk. */
	if (below > j->cursor_asked)
		j->cursor_asked = below;
	if (below > j->stored)
		below = j->stored;
	if (below <= j->cursor.below)
		return;
	j->cursor.below = below;
	marks_drop(&j->fresh, below);
	marks_drop(&j->backlog, below);
	/* Somebody waits for the room. */
	if (j->counters.stalled != NULL)
		chores_start(j);
}

int64_t
journal_oldest(const struct journal *j)
{
	uint64_t cursor = j->cursor.below;
	int64_t received;

	if (cursor >= j->next)
		return 0;
	if ((received = marks_find(&j->fresh, cursor)) == 0)
		received = marks_find(&j->backlog, cursor);
	/* Nothing nearer is known than when its segment began. */
	if (received == 0 && j->segments_len > 0)
		received = j->segments[segments_find(j, cursor)].header.created;
	return received;
}

void
journal_counters(const struct journal *j, struct journal_counters *out)
{
	*out = j->counters;
	out->segments = j->segments_len;
}

void
journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->opened) {
		fetch_close(j);
		commit_close(j);
		chores_close(j);
	}
	pool_close(j->front);
	pool_close(j->back);
	writer_fini(&j->writer);
	pending_fini(&j->pending);
	gone_fini(&j->gone);
	free(j->segments);
	if (j->storage != NULL) {
		storage_close(j->storage, &j->lock);
		storage_close(j->storage, &j->folder);
	}
	free(j);
}
