/* commit: hands what is pending to the writer, one commit at a time, and tells what came of it. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "journal/inside.h"

/* Seconds before the disk is tried again: the first time, and at most. */
#define PAUSE_LEAST 0.02
#define PAUSE_MOST  2.0

#define YOUNG (60 * INT64_C(1000000000)) /* a segment of that age is not ended for its age */

static const char *
reason_of(enum writer_status status)
{
	return status == WRITER_LIMIT ? "limit" : status == WRITER_FULL ? "full" : "fault";
}

static void
say_stalled(struct journal *j, enum writer_status status, int error)
{
	const char *reason = reason_of(status);

	if (j->counters.stalled == reason)
		return;
	j->counters.stalled = reason;
	log_error("journal_stalled", log_s("directory", j->config.directory),
	    log_s("reason", reason),
	    log_s("what", error != 0               ? strerror(error)
			  : status == WRITER_LIMIT ? "the journal has its largest size"
						   : "the disk has only its reserve left"));
	if (j->handler.stalled != NULL)
		j->handler.stalled(j->handler.ctx, reason);
}

static void
say_resumed(struct journal *j)
{
	j->pause = 0;
	ev_timer_stop(j->loop, &j->retry);
	if (j->counters.stalled == NULL)
		return;
	j->counters.stalled = NULL;
	log_info("journal_resumed", log_s("directory", j->config.directory));
	if (j->handler.stalled != NULL)
		j->handler.stalled(j->handler.ctx, NULL);
}

/* Entries should not stay much longer than was asked, so a segment does not grow for ever. */
static bool
is_old(const struct journal *j)
{
	int64_t age = (int64_t)(j->config.keep_for / 8 * 1e9);

	return j->config.keep_for > 0 && j->segments_len > 0 &&
	       segments_age(j->segments[j->segments_len - 1].header.created) >
		   (age > YOUNG ? age : YOUNG);
}

/* The room is the smaller of both: without the last part, until we stop. */
static void
measure(struct journal *j, struct writer_batch *b)
{
	const struct journal_config *c = &j->config;
	uint64_t used = j->counters.disk_bytes, most = c->max_bytes, reserve = c->reserve;

	if (!j->finishing)
		most -= c->last_part;
	else
		reserve -= c->last_part < reserve ? c->last_part : reserve;
	b->budget = most > used ? most - used : 0;
	j->writer.reserve = reserve;
	j->commit.used = used;
}

/* What the thread is to do; false: nothing. */
static bool
prepare(struct journal *j)
{
	struct writer_batch *b = &j->commit.batch;
	struct segment none = { .end = 0 };

	if (j->pending.head == NULL)
		return false;
	/* The list gets its room now: when the entries are on disk, nothing may fail. */
	if (!segments_add(j, &none))
		return false;
	j->segments_len--;
	*b = (struct writer_batch){
		.blocks = pending_take(&j->pending),
		.cursor = j->cursor.below,
		.renew = is_old(j),
	};
	measure(j, b);
	return true;
}

static void
work(struct pool_job *job)
{
	struct journal *j = container_of(job, struct journal, commit.job);

	writer_commit(&j->writer, &j->commit.batch);
}

/* What was written is known to the loop. */
static void
account(struct journal *j)
{
	struct writer_batch *b = &j->commit.batch;
	struct segment *s;

	j->counters.syncs += b->syncs;
	j->counters.write_faults += b->faults;
	pending_give_back(&j->pending, b->blocks);
	b->blocks = NULL;
	if (b->status != WRITER_DONE)
		return;
	if (b->began) {
		struct segment begun = { .header = j->writer.header };

		strcpy(begun.name, j->writer.name);
		if (!segments_add(j, &begun))
			return; /* prepare() made the room */
	}
	s = &j->segments[j->segments_len - 1];
	j->counters.disk_bytes += b->bytes;
	s->end += b->bytes;
	s->to = clock_now();
	j->counters.bytes += b->bytes;
	j->counters.stored += b->stored;
	j->stored = b->below;
	journal_move_cursor(j, j->cursor_asked);
}

static void
done(struct pool_job *job)
{
	struct journal *j = container_of(job, struct journal, commit.job);
	enum writer_status status = j->commit.batch.status;

	j->commit.busy = false;
	account(j);
	if (status == WRITER_DONE) {
		say_resumed(j);
		commit_soon(j);
		j->handler.stored(j->handler.ctx, j->stored);
		return;
	}
	if (status != WRITER_FAULT && j->counters.disk_bytes < j->commit.used) {
		commit_soon(j); /* room was made meanwhile */
		return;
	}
	j->pause = j->pause == 0 ? PAUSE_LEAST : j->pause * 2;
	if (j->pause > PAUSE_MOST)
		j->pause = PAUSE_MOST;
	ev_timer_set(&j->retry, j->pause, 0);
	ev_timer_start(j->loop, &j->retry);
	/* The archive gives way before anybody waits. */
	chores_start(j);
	if (status == WRITER_FAULT || !j->chores.busy || j->pause > PAUSE_LEAST)
		say_stalled(j, status, j->commit.batch.error);
}

static void
on_turn(struct ev_loop *loop, ev_prepare *w, int events)
{
	struct journal *j = container_of(w, struct journal, turn);

	(void)loop;
	(void)events;
	if (j->commit.busy)
		return;
	if (!prepare(j)) {
		/* Memory is out: later, then. */
		if (j->pending.head != NULL) {
			ev_timer_set(&j->retry, PAUSE_MOST, 0);
			ev_timer_start(j->loop, &j->retry);
		}
		return;
	}
	j->commit.busy = true;
	pool_submit(j->front, &j->commit.job);
}

static void
on_retry(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	commit_retry(container_of(w, struct journal, retry));
}

void
commit_init(struct journal *j)
{
	j->commit.job = (struct pool_job){ .work = work, .done = done };
	ev_prepare_init(&j->turn, on_turn);
	/* Behind everything else that this turn of the loop brings. */
	ev_set_priority(&j->turn, EV_MINPRI);
	ev_timer_init(&j->retry, on_retry, 0, 0);
}

void
commit_soon(struct journal *j)
{
	if (!j->commit.busy && j->pending.head != NULL && !ev_is_active(&j->retry) &&
	    !ev_is_pending(&j->turn))
		ev_feed_event(j->loop, &j->turn, EV_PREPARE);
}

void
commit_retry(struct journal *j)
{
	ev_timer_stop(j->loop, &j->retry);
	commit_soon(j);
}

void
commit_close(struct journal *j)
{
	ev_clear_pending(j->loop, &j->turn);
	ev_timer_stop(j->loop, &j->retry);
	if (j->commit.busy) {
		if (!pool_cancel(j->front, &j->commit.job))
			writer_commit(&j->writer, &j->commit.batch);
		j->commit.busy = false;
		account(j);
		if (j->commit.batch.status != WRITER_DONE)
			return;
	}
	do {
		if (!prepare(j))
			return;
		writer_commit(&j->writer, &j->commit.batch);
		account(j);
	} while (j->commit.batch.status == WRITER_DONE);
}
