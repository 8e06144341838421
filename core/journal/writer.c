/* writer: entries are gathered, written and synced; after a fault a new segment begins. */
#include "journal/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "journal/crc32c.h"
#include "journal/salt.h"
#include "journal/writer_senders.h"

#define OUT_ROOM      ((size_t)256 << 10)
#define COMMIT_BYTES  ((uint64_t)16 << 20) /* at most about that between two syncs */
#define ATTEMPTS_MAX  1000
#define SENDER_REPEAT ((uint64_t)1 << 20) /* a sender is written again after so many bytes */

void
writer_init(struct writer *w, const struct storage *storage, int folder)
{
	*w = (struct writer){ .storage = storage, .folder = folder, .fd = -1 };
}

static bool
flush(struct writer *w)
{
	if (!storage_write(w->storage, w->fd, w->out, w->out_len, w->size))
		return false;
	w->size += w->out_len;
	w->out_len = 0;
	return true;
}

/* Room for n more bytes of output; NULL and errno. */
static uint8_t *
room_for(struct writer *w, size_t n)
{
	size_t room = n > OUT_ROOM ? n : OUT_ROOM;
	uint8_t *out;

	if (w->out_room - w->out_len < n) {
		if (!flush(w))
			return NULL;
		/* A large record's room is not kept for small ones. */
		if (w->out_room < n || w->out_room > room) {
			if ((out = realloc(w->out, room)) == NULL)
				return NULL;
			w->out = out;
			w->out_room = room;
		}
	}
	return w->out + w->out_len;
}

static uint64_t
offset(const struct writer *w)
{
	return w->size + w->out_len;
}

/* Begins a file: its header is on its way. */
static bool
begin(struct writer *w, const struct writer_batch *batch)
{
	uint8_t *out;

	writer_end(w);
	w->header = (struct format_header){
		.size = FORMAT_HEADER,
		.first = batch->blocks->first,
		.created = clock_now(),
		.cursor = batch->cursor,
		.previous_first = w->last_first,
		.previous_attempt = w->last_attempt,
		.previous_end = w->last_end,
		.salt = salt_new(),
	};
	for (;; w->header.attempt++) {
		format_name(w->header.first, w->header.attempt, w->name);
		w->fd = w->storage->open(w->storage->ctx, w->folder, w->name, STORAGE_NEW);
		if (w->fd >= 0)
			break;
		/* One that failed, and could not be removed. */
		if (errno != EEXIST || w->header.attempt == ATTEMPTS_MAX)
			return false;
	}
	w->size = w->good = 0;
	w->out_len = 0;
	w->serial++;
	writer_senders_clear(w);
	if ((out = room_for(w, FORMAT_HEADER)) == NULL)
		return false;
	format_put_header(out, &w->header);
	w->out_len += FORMAT_HEADER;
	return true;
}

static bool
put_sender(struct writer *w, struct writer_sender *s)
{
	size_t size = format_sender_size(&s->sender);
	uint8_t *out;

	if ((out = room_for(w, FORMAT_HEAD + size)) == NULL)
		return false;
	s->written_at = offset(w);
	format_put_sender(out + FORMAT_HEAD, &s->sender);
	format_put_head(out, w->header.salt,
	    &(struct format_head){
		.body_check = crc32c(w->header.salt, out + FORMAT_HEAD, size),
		.length = (uint32_t)size,
		.kind = FORMAT_SENDER,
		.sender = s->number,
	    });
	w->out_len += FORMAT_HEAD + size;
	return true;
}

static bool
put_record(struct writer *w, const struct journal_entry *e, uint16_t sender)
{
	uint8_t *out, flags;
	size_t size = format_record_size(e, &flags);

	if ((out = room_for(w, FORMAT_HEAD + size)) == NULL)
		return false;
	format_put_record(out + FORMAT_HEAD, e, flags);
	format_put_head(out, w->header.salt,
	    &(struct format_head){
		.body_check = crc32c(w->header.salt, out + FORMAT_HEAD, size),
		.length = (uint32_t)size,
		.kind = FORMAT_RECORD,
		.flags = flags,
		.sender = sender,
		.relative = (uint32_t)(e->number - w->header.first),
		.sequence = e->sequence,
		.received = e->received,
	    });
	w->out_len += FORMAT_HEAD + size;
	return true;
}

/*
 * A record, with its sender where the segment needs it: before and behind its first record, so that
 * one damaged place never costs more than what stood there, and again now and then.
 */
static bool
put(struct writer *w, struct pending_record *r)
{
	struct writer_sender *s;
	bool is_new;

	if ((s = writer_senders_find(w, r->sender, &is_new)) == NULL)
		return false;
	if ((is_new || offset(w) - s->written_at > SENDER_REPEAT) && !put_sender(w, s))
		return false;
	if (!put_record(w, &r->entry, s->number))
		return false;
	return !is_new || put_sender(w, s);
}

/* What a record takes at most. */
static uint64_t
cost(const struct pending_record *r)
{
	uint8_t flags;

	return 3 * FORMAT_HEAD + format_record_size(&r->entry, &flags) +
	       2 * format_sender_size(r->entry.sender);
}

/* How far the blocks were taken. */
struct progress {
	struct pending_block *block;
	size_t taken, count; /* in that block */
	uint64_t records, number;
};

/* Puts records until there are no more, or enough. False and errno. */
static bool
put_all(struct writer *w, uint64_t budget, struct progress *out)
{
	uint64_t start = offset(w);

	for (; out->block != NULL; out->block = out->block->next) {
		struct pending_block *b = out->block;

		out->count = 0;
		out->taken = b->taken;
		while (out->count < b->count) {
			struct pending_item *item = (void *)(b->at + out->taken);
			struct pending_record *r = (void *)item;

			if (item->kind == PENDING_RECORD) {
				uint64_t used = offset(w) - start;

				if (used + cost(r) > budget || used >= COMMIT_BYTES ||
				    offset(w) >= w->segment_bytes ||
				    w->senders_len >= FORMAT_SENDERS_MAX)
					return true;
				if (!put(w, r))
					return false;
				out->count++;
				out->records++;
				out->number = r->entry.number;
			}
			out->taken += item->size;
		}
	}
	return true;
}

/* What was stored is taken from the blocks. */
static void
take(struct pending_block *blocks, const struct progress *done)
{
	for (struct pending_block *b = blocks; b != done->block; b = b->next)
		b->count = 0;
	if (done->block != NULL && done->count > 0) {
		done->block->taken = done->taken;
		done->block->count -= done->count;
		done->block->first += done->count;
	}
}

void
writer_end(struct writer *w)
{
	storage_close(w->storage, &w->fd);
}

/* The segment ends where it was good; one in which nothing is stored is not needed. */
static void
give_up(struct writer *w, struct writer_batch *batch)
{
	batch->error = errno;
	batch->status =
	    errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? WRITER_FULL : WRITER_FAULT;
	batch->faults++;
	batch->began = false;
	w->out_len = 0;
	if (w->fd < 0)
		return;
	if (w->good == 0)
		(void)w->storage->unlink(w->storage->ctx, w->folder, w->name);
	else
		(void)w->storage->cut(w->storage->ctx, w->fd, w->good);
	writer_end(w);
}

/* Bytes that may be written now. */
static uint64_t
budget_of(const struct writer *w, struct writer_batch *batch)
{
	uint64_t room;

	batch->status = WRITER_LIMIT;
	if (w->storage->room(w->storage->ctx, w->folder, &room) != 0)
		return batch->budget;
	room = room > w->reserve ? room - w->reserve : 0;
	if (room >= batch->budget)
		return batch->budget;
	batch->status = WRITER_FULL;
	return room;
}

void
writer_commit(struct writer *w, struct writer_batch *batch)
{
	struct progress done = { .block = batch->blocks };
	uint64_t budget = budget_of(w, batch), before;

	if (w->fd < 0 || batch->renew || w->good >= w->segment_bytes ||
	    w->senders_len >= FORMAT_SENDERS_MAX) {
		if (budget < FORMAT_HEADER)
			return;
		budget -= FORMAT_HEADER;
		batch->began = true;
		if (!begin(w, batch)) {
			give_up(w, batch);
			return;
		}
	}
	before = w->good;
	if (!put_all(w, budget, &done)) {
		give_up(w, batch);
		return;
	}
	if (done.records == 0) {
		/* No room for one. A file without an entry is of no use to anybody. */
		if (batch->began) {
			(void)w->storage->unlink(w->storage->ctx, w->folder, w->name);
			writer_end(w);
			batch->began = false;
		}
		w->out_len = 0;
		return;
	}
	batch->syncs++;
	if (!flush(w) || !storage_sync(w->storage, w->fd) ||
	    (batch->began && !storage_sync(w->storage, w->folder))) {
		give_up(w, batch);
		return;
	}
	w->good = w->last_end = w->size;
	w->last_first = w->header.first;
	w->last_attempt = w->header.attempt;
	batch->status = WRITER_DONE;
	batch->stored = done.records;
	batch->below = done.number + 1;
	batch->bytes = w->good - before;
	take(batch->blocks, &done);
}

void
writer_fini(struct writer *w)
{
	writer_end(w);
	writer_senders_fini(w);
	free(w->out);
	w->out = NULL;
}
