/* chores: the cursor, segments that nobody needs, deleted entries; now and then, on a thread. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "journal/inside.h"

#define TICK       1.0 /* seconds */
#define TICKS_GONE 30  /* between two looks at what was deleted */
/* The newest segment is not removed while entries come, even when nobody needs them any more. */
#define QUIET (600 * CLOCK_SECOND)

static void
work(struct pool_job *job)
{
	struct journal *j = container_of(job, struct journal, chores.job);
	struct chores *c = &j->chores;

	c->wrote = c->write && cursor_write(j->storage, j->folder, &c->cursor);
	c->error = c->write && !c->wrote ? errno : 0;
	c->removed = 0;
	while (c->wrote && c->removed < c->victims) {
		if (j->storage->unlink(j->storage->ctx, j->folder, c->names[c->removed]) != 0 &&
		    errno != ENOENT) {
			c->error = errno;
			break;
		}
		c->removed++;
	}
	/* Names that come back after a power cut are removed again: nothing depends on this. */
	if (c->removed > 0)
		(void)!storage_sync(j->storage, j->folder);
	if (c->look_gone) {
		(void)!gone_read(&j->gone, j->storage, j->folder);
		gone_prune(&j->gone, j->storage, j->folder, c->first);
	}
}

/* Has nobody a need for it? `kept`: bytes behind the cursor that come after it. */
static bool
is_over(struct journal *j, size_t i, uint64_t kept, bool pressed)
{
	const struct segment *s = &j->segments[i];
	int64_t age = segments_age(s->to), keep = (int64_t)(j->config.keep_for * 1e9);
	uint64_t after = segments_after(j, i);

	if (i + 1 == j->segments_len) {
		/* The writer may have it open. */
		if (j->commit.busy || j->pending.head != NULL || age < QUIET)
			return false;
	} else if (pressed) {
		return true;
	}
	return age >= keep || (j->config.keep_bytes > 0 && kept + s->end > j->config.keep_bytes) ||
	       gone_between(&j->gone, s->header.first, after) == after - s->header.first;
}

/* Segments behind the cursor, and their bytes. */
static size_t
behind(struct journal *j, uint64_t *bytes)
{
	size_t n = 0;

	*bytes = 0;
	while (n < j->segments_len && segments_after(j, n) <= j->cursor_saved)
		*bytes += j->segments[n++].end;
	return n;
}

/* Chooses the oldest segments that nobody needs; in order, so that none is left out. */
static size_t
choose(struct journal *j, bool pressed)
{
	uint64_t kept, want = 0, most = j->config.max_bytes - j->config.last_part;
	size_t count = behind(j, &kept), n = 0;

	/* Room for one more segment, before it is needed. */
	if (j->counters.disk_bytes + j->config.segment_bytes > most)
		want = j->counters.disk_bytes + j->config.segment_bytes - most;
	if (pressed && want == 0)
		want = 1;
	for (uint64_t freed = 0; n < count && n < CHORES_NAMES; n++) {
		kept -= j->segments[n].end;
		if (!is_over(j, n, kept, freed < want))
			break;
		/* Whatever is appended from now on goes into another one. */
		if (n + 1 == j->segments_len)
			writer_end(&j->writer);
		freed += j->segments[n].end;
		strcpy(j->chores.names[n], j->segments[n].name);
	}
	return n;
}

/* A disk that has only its reserve left is relieved of the archive, too. */
static bool
is_pressed(const struct journal *j)
{
	return j->counters.stalled != NULL || ev_is_active(&j->retry);
}

static void
done(struct pool_job *job)
{
	struct journal *j = container_of(job, struct journal, chores.job);
	struct chores *c = &j->chores;
	bool more = false;

	c->busy = false;
	if (c->write) {
		/* Slots and turn go on from what was tried. */
		j->cursor.turn = c->cursor.turn;
		j->cursor.named = c->cursor.named;
		if (c->wrote) {
			more = j->cursor_saved != c->cursor.below;
			j->cursor_saved = c->cursor.below;
			j->cursor.floor = c->cursor.floor;
		}
	}
	if (c->error != 0) {
		j->counters.write_faults++;
		log_error("journal_fault", log_s("directory", j->config.directory),
		    log_s("what",
			c->write && !c->wrote ? "writing the cursor" : "removing a segment"),
		    log_s("reason", strerror(c->error)));
	}
	if (c->removed > 0) {
		segments_drop(j, c->removed);
		j->counters.expired += c->removed;
		if (is_pressed(j))
			commit_retry(j);
	}
	if (is_pressed(j) && more)
		chores_start(j);
}

void
chores_start(struct journal *j)
{
	struct chores *c = &j->chores;

	if (c->busy)
		return;
	c->write = j->cursor.below != j->cursor_saved;
	c->victims = choose(j, is_pressed(j));
	c->cursor = j->cursor;
	c->cursor.stored = j->stored;
	/* It is on disk first, so that it explains whatever is missing then. */
	if (c->victims > 0) {
		c->cursor.floor = segments_after(j, c->victims - 1);
		c->write = true;
	}
	c->look_gone = j->ticks >= TICKS_GONE;
	c->first = j->segments_len > 0 ? j->segments[0].header.first : j->stored;
	if (!c->write && c->victims == 0 && !c->look_gone)
		return;
	if (c->look_gone)
		j->ticks = 0;
	c->busy = true;
	pool_submit(j->back, &c->job);
}

static void
on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	struct journal *j = container_of(w, struct journal, tick);

	(void)loop;
	(void)events;
	j->ticks++;
	chores_start(j);
}

void
chores_init(struct journal *j)
{
	j->chores.job = (struct pool_job){ .work = work, .done = done };
	ev_timer_init(&j->tick, on_tick, TICK, TICK);
	ev_timer_start(j->loop, &j->tick);
	ev_unref(j->loop);
}

void
chores_close(struct journal *j)
{
	struct cursor c = j->cursor;

	ev_ref(j->loop);
	ev_timer_stop(j->loop, &j->tick);
	if (j->chores.busy) {
		if (pool_cancel(j->back, &j->chores.job) && j->chores.write) {
			c.turn = j->chores.cursor.turn;
			c.named = j->chores.cursor.named;
			if (j->chores.wrote) /* segments below it may be gone by now */
				c.floor = j->chores.cursor.floor;
		}
		j->chores.busy = false;
	}
	/* What is not written here is only done again. */
	c.stored = j->stored;
	if (!cursor_write(j->storage, j->folder, &c))
		log_warn("journal_fault", log_s("directory", j->config.directory),
		    log_s("what", "writing the cursor"), log_s("reason", strerror(errno)));
}
