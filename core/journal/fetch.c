/* fetch: entries are read back into memory on a thread, a batch at a time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "journal/aside.h"
#include "journal/inside.h"

#define BYTES_LEAST  ((size_t)64 << 10)
#define PATIENCE     (30 * CLOCK_SECOND) /* with a place that cannot be read */
#define PAUSE        0.5                 /* seconds before the caller may try that again */
#define RECORD_LEAST 64 /* bytes an entry takes on average at least: bounds their number */

static void
leave_segment(struct journal *j, struct fetch *f)
{
	walk_fini(&f->walk);
	storage_close(j->storage, &f->fd);
}

/* The segment that is asked for, at or before the entry. */
static bool
enter_segment(struct journal *j, struct fetch *f)
{
	const struct segment *s = &f->segment;

	if (f->fd >= 0 &&
	    (f->walk.header.first != s->header.first ||
		f->walk.header.attempt != s->header.attempt || f->walk.least > f->number))
		leave_segment(j, f);
	if (f->fd < 0) {
		f->fd = j->storage->open(j->storage->ctx, j->folder, s->name, STORAGE_READ);
		if (f->fd < 0)
			return false;
		walk_init(&f->walk, j->storage, f->fd, &s->header, s->end, f->bytes);
	}
	/* It may have grown. The window begins where we are, so that much can be read at once. */
	f->walk.end = s->end;
	f->walk.until = f->until;
	f->walk.step = f->bytes;
	walk_forget(&f->walk);
	return true;
}

static bool
add_entry(struct fetch *f, const struct journal_entry *entry)
{
	struct journal_entry *more;

	if (f->count == f->room) {
		size_t room = f->room == 0 ? 256 : f->room * 2;

		if ((more = realloc(f->entries, room * sizeof(*more))) == NULL)
			return false;
		f->entries = more;
		f->room = room;
	}
	f->entries[f->count++] = *entry;
	return true;
}

static void
note_damage(struct journal *j, struct fetch *f, const struct walk_stretch *stretch)
{
	if (!aside_stretch(
		j->storage, j->folder, f->fd, f->segment.name, stretch->offset, stretch->bytes))
		return;
	if (f->damaged++ == 0)
		f->damage = *stretch;
	f->damaged_bytes += stretch->bytes;
}

static void
read_entries(struct journal *j, struct fetch *f)
{
	size_t most = f->bytes / RECORD_LEAST;
	struct walk_stretch stretch;
	struct journal_entry entry;

	for (;;) {
		switch (walk_next(&f->walk, &entry, &stretch)) {
		case WALK_ENTRY:
			if (entry.number < f->number || gone_has(&f->gone, entry.number)) {
				/* Nothing borrows from the window yet. */
				if (f->count == 0)
					continue;
			} else if (!add_entry(f, &entry)) {
				f->error = ENOMEM;
				f->walk.least = entry.number;
				return;
			}
			if (f->count >= most || !walk_is_near(&f->walk))
				return;
			break;
		case WALK_DAMAGE:
		case WALK_TAIL:
			note_damage(j, f, &stretch);
			if (f->count > 0)
				return;
			break;
		case WALK_END: f->over = true; return;
		case WALK_FAULT: f->error = errno != 0 ? errno : EIO; return;
		}
	}
}

static void
work(struct pool_job *job)
{
	struct journal *j = container_of(job, struct journal, fetch.job);
	struct fetch *f = &j->fetch;

	f->count = 0;
	f->over = false;
	f->damaged = f->damaged_bytes = 0;
	f->error = 0;
	if (!f->any)
		return;
	(void)!gone_read(&f->gone, j->storage, j->folder);
	if (!enter_segment(j, f)) {
		f->error = errno;
		/* It went by age, or somebody removed it. */
		f->over = errno == ENOENT;
		return;
	}
	read_entries(j, f);
	/* Reading goes on at its place only after an answer that was whole. */
	if (f->error != 0)
		leave_segment(j, f);
}

/* Asks for what comes next, from the segment that has it. */
static void
ask(struct journal *j)
{
	struct fetch *f = &j->fetch;
	size_t i;

	f->any = j->segments_len > 0 && f->number < j->stored;
	f->until = j->stored;
	if (f->any) {
		i = segments_find(j, f->number);
		f->segment = j->segments[i];
		f->until = segments_after(j, i);
	}
	pool_submit(j->back, &f->job);
}

static void
answer(struct journal *j, uint64_t after)
{
	struct fetch *f = &j->fetch;

	f->busy = false;
	f->done(f->ctx, f->entries, f->count, after);
}

static void
on_later(struct ev_loop *loop, ev_timer *w, int events)
{
	struct journal *j = container_of(w, struct journal, fetch.later);

	(void)loop;
	(void)events;
	answer(j, j->fetch.number);
}

/*
 * The disk cannot read that place: is it time to go on behind the segment? Nobody else's records
 * are held up for ever; until then, a disk that comes back loses nothing.
 */
static bool
is_hopeless(struct journal *j)
{
	struct fetch *f = &j->fetch;

	/* That is not the disk's fault, and passes. */
	if (f->error == ENOMEM || f->error == EMFILE || f->error == ENFILE || f->error == EACCES)
		return false;
	if (f->failed_at != f->number) {
		f->failed_at = f->number;
		f->failed_since = clock_steady();
	}
	if (clock_steady() - f->failed_since < PATIENCE)
		return false;
	j->counters.damaged++;
	return true;
}

static void
done(struct pool_job *job)
{
	struct journal *j = container_of(job, struct journal, fetch.job);
	struct fetch *f = &j->fetch;
	uint64_t after = f->until;

	if (f->damaged > 0) {
		j->counters.damaged += f->damaged;
		j->counters.damaged_bytes += f->damaged_bytes;
		log_error("journal_damaged", log_s("directory", j->config.directory),
		    log_s("file", f->segment.name), log_i("offset", (int64_t)f->damage.offset),
		    log_i("bytes", (int64_t)f->damaged_bytes), log_s("what", f->damage.what));
	}
	if (f->error != 0)
		log_error("journal_fault", log_s("directory", j->config.directory),
		    log_s("file", f->segment.name), log_s("what", "reading the backlog"),
		    log_s("reason", strerror(f->error)));
	if (f->count > 0) {
		after = f->entries[f->count - 1].number + 1;
		if (f->over)
			after = f->until;
		for (size_t i = 0; i < f->count; i++)
			marks_add(&j->backlog, f->entries[i].number, f->entries[i].received);
	} else if (f->any && (f->over || f->error == 0 || is_hopeless(j))) {
		/* Nothing there: what comes behind it? */
		f->number = f->until;
		if (f->number < j->stored) {
			ask(j);
			return;
		}
	} else if (f->any) {
		ev_timer_init(&f->later, on_later, PAUSE, 0);
		ev_timer_start(j->loop, &f->later);
		return;
	}
	answer(j, after);
}

bool
journal_fetch(struct journal *j, uint64_t number, size_t bytes,
    void (*on_done)(void *ctx, const struct journal_entry *entries, size_t count, uint64_t after),
    void *ctx)
{
	struct fetch *f = &j->fetch;
	uint64_t most = j->config.max_memory / 2;

	if (f->busy)
		return false;
	if (bytes > most)
		bytes = (size_t)most;
	f->busy = true;
	f->number = number;
	f->bytes = bytes > BYTES_LEAST ? bytes : BYTES_LEAST;
	f->done = on_done;
	f->ctx = ctx;
	f->job.work = work;
	f->job.done = done;
	ask(j);
	return true;
}

void
fetch_close(struct journal *j)
{
	struct fetch *f = &j->fetch;

	if (f->busy)
		(void)pool_cancel(j->back, &f->job);
	ev_timer_stop(j->loop, &f->later);
	leave_segment(j, f);
	gone_fini(&f->gone);
	free(f->entries);
	f->entries = NULL;
}
