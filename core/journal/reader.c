/* reader: entries of a journal from outside, also while a daemon writes it. */
#include "journal/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal/cursor.h"
#include "journal/folder.h"
#include "journal/gone.h"
#include "journal/walk.h"

#define WINDOW ((size_t)256 << 10)

struct journal_reader {
	const struct storage *storage;
	int folder;
	struct folder files;
	size_t count;  /* of segments among them */
	size_t at;     /* the segment we are in, or come to */
	size_t strays; /* files behind the segments that were reported */
	int fd;        /* of the segment; -1: not entered yet */
	struct walk walk;
	uint64_t here; /* number with which the segment begins that was entered last; 0: none */
	uint64_t from; /* smaller numbers are passed over */
	uint64_t passed;
	struct gone gone;
	struct cursor cursor;
};

struct err *
journal_reader_open_on(
    struct journal_reader **out, const struct storage *storage, const char *directory)
{
	struct journal_reader *r;
	struct err *e;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return err_sys("journal %s", directory);
	r->storage = storage;
	r->fd = -1;
	if ((r->folder = storage->folder(storage->ctx, -1, directory, false)) < 0 ||
	    !folder_read(&r->files, storage, r->folder) ||
	    !gone_read(&r->gone, storage, r->folder)) {
		e = err_sys("journal %s", directory);
		journal_reader_close(r);
		return e;
	}
	r->count = folder_segments(&r->files);
	if (!cursor_read(storage, r->folder, &r->cursor))
		r->cursor.below = r->count > 0 ? r->files.segments[r->count - 1].header.cursor : 1;
	*out = r;
	return NULL;
}

struct err *
journal_reader_open(struct journal_reader **out, const char *directory)
{
	return journal_reader_open_on(out, &storage_system, directory);
}

uint64_t
journal_reader_cursor(const struct journal_reader *r)
{
	return r->cursor.below;
}

size_t
journal_reader_segments(const struct journal_reader *r)
{
	return r->count;
}

/* Number behind the segment's last, as the next one knows. */
static uint64_t
until(const struct journal_reader *r, size_t i)
{
	return i + 1 < r->count ? r->files.segments[i + 1].header.first : UINT64_MAX;
}

void
journal_reader_segment(struct journal_reader *r, size_t i, struct journal_segment *out)
{
	const struct folder_segment *s = &r->files.segments[i];
	struct walk_stretch stretch;
	struct journal_entry entry;
	enum walk_status status;
	struct walk w;
	uint64_t last;
	int fd;

	*out =
	    (struct journal_segment){ .file = s->name, .first = s->header.first, .bytes = s->end };
	out->from = out->to = s->header.created;
	out->after = i + 1 < r->count ? until(r, i) : s->header.first;
	if ((fd = r->storage->open(r->storage->ctx, r->folder, s->name, STORAGE_READ)) < 0)
		return;
	walk_init(&w, r->storage, fd, &s->header, s->end, 0);
	w.until = until(r, i);
	while ((status = walk_next(&w, &entry, &stretch)) == WALK_DAMAGE)
		;
	if (status == WALK_ENTRY)
		out->from = entry.received;
	if (walk_last(&w, &last, &out->to))
		out->after = last + 1;
	walk_fini(&w);
	storage_close(r->storage, &fd);
}

static void
leave(struct journal_reader *r)
{
	if (r->fd >= 0)
		walk_fini(&r->walk);
	storage_close(r->storage, &r->fd);
}

void
journal_reader_seek(struct journal_reader *r, uint64_t number)
{
	leave(r);
	r->here = 0;
	r->from = number;
	r->passed = 0;
	for (r->at = 0; r->at + 1 < r->count && until(r, r->at) <= number; r->at++)
		r->passed += r->files.segments[r->at].end;
}

/* The bounds of the segment, as they are known now. */
static void
bound(struct journal_reader *r)
{
	r->walk.end = r->files.segments[r->at].end;
	r->walk.until = until(r, r->at);
}

/* Is that the segment in which we are? */
static bool
is_ours(const struct journal_reader *r, size_t i)
{
	const struct format_header *h = &r->files.segments[i].header, *own = &r->walk.header;

	return r->fd >= 0 && h->first == own->first && h->attempt == own->attempt;
}

/*
 * What is in the folder now. We stay in our segment, unless it was removed. After an error nothing
 * is there, until the folder can be read.
 */
static struct err *
look_again(struct journal_reader *r)
{
	r->count = r->at = 0;
	if (!gone_read(&r->gone, r->storage, r->folder) ||
	    !folder_read(&r->files, r->storage, r->folder)) {
		r->files.len = 0;
		return err_sys("looking for what comes next");
	}
	r->count = folder_segments(&r->files);
	while (r->at < r->count && r->files.segments[r->at].header.first <= r->here &&
	       !is_ours(r, r->at))
		r->at++;
	if (r->at < r->count && is_ours(r, r->at)) {
		bound(r);
		walk_forget(&r->walk);
	} else
		leave(r);
	return NULL;
}

/* Is the last segment still the last one? When it grew, or has a successor, we go on. */
static bool
has_more(struct journal_reader *r, struct err **why)
{
	uint64_t end = r->walk.end;

	if ((*why = look_again(r)) != NULL)
		return false;
	return r->fd < 0 ? r->at < r->count : r->at + 1 < r->count || r->walk.end > end;
}

static bool
enter(struct journal_reader *r, struct journal_damage *damage, bool *missing)
{
	const struct folder_segment *s = &r->files.segments[r->at];

	*missing = false;
	r->here = s->header.first;
	r->fd = r->storage->open(r->storage->ctx, r->folder, s->name, STORAGE_READ);
	if (r->fd < 0)
		return false;
	walk_init(&r->walk, r->storage, r->fd, &s->header, s->end, WINDOW);
	bound(r);
	if (r->at > 0 && (s->header.previous_first != (s - 1)->header.first ||
			     s->header.previous_attempt != (s - 1)->header.attempt)) {
		*damage =
		    (struct journal_damage){ s->name, 0, 0, "the segment before it is missing" };
		*missing = true;
	}
	return true;
}

/* A file that is named like a segment and is none, which was not reported yet. */
static bool
next_stray(struct journal_reader *r, struct journal_damage *damage)
{
	while (r->count + r->strays < r->files.len) {
		const struct folder_segment *s = &r->files.segments[r->count + r->strays++];

		if (s->state == FOLDER_AGAIN || (s->state == FOLDER_BAD && s->size == 0))
			continue;
		*damage = (struct journal_damage){ s->name, 0, s->size,
			s->state == FOLDER_NEWER  ? "it was written by a later version"
			: s->state == FOLDER_SHUT ? "it cannot be read"
						  : "its header is not readable" };
		return true;
	}
	return false;
}

/* What a walk's answer means to the reader; false: go on. */
static bool
answer(struct journal_reader *r, enum walk_status status, const struct journal_entry *entry,
    const struct walk_stretch *stretch, struct journal_damage *damage,
    enum journal_read_status *out)
{
	if (status == WALK_ENTRY) {
		*out = JOURNAL_ENTRY;
		return entry->number >= r->from && !gone_has(&r->gone, entry->number);
	}
	*damage = (struct journal_damage){ r->files.segments[r->at].name, stretch->offset,
		stretch->bytes, stretch->what };
	*out = JOURNAL_DAMAGE;
	return true;
}

enum journal_read_status
journal_reader_next(struct journal_reader *r, struct journal_entry *entry,
    struct journal_damage *damage, struct err **why)
{
	enum journal_read_status result = JOURNAL_END;
	struct walk_stretch stretch;
	enum walk_status status;
	bool missing, last;

	*why = NULL;
	if (next_stray(r, damage))
		return JOURNAL_DAMAGE;
	for (;;) {
		if (r->at >= r->count && ((*why = look_again(r)) != NULL || r->at >= r->count))
			return JOURNAL_END;
		if (r->fd < 0) {
			if (!enter(r, damage, &missing)) {
				if (errno == ENOENT) { /* it was removed meanwhile */
					if ((*why = look_again(r)) != NULL)
						return JOURNAL_END;
					continue;
				}
				*why = err_sys("%s", r->files.segments[r->at].name);
				r->at++;
				return JOURNAL_END;
			}
			if (missing)
				return JOURNAL_DAMAGE;
		}
		last = r->at + 1 >= r->count;
		status = walk_next(&r->walk, entry, &stretch);
		if (status == WALK_TAIL && last &&
		    strcmp(stretch.what, "an entry was cut off") == 0) {
			/* It is being written, or will be cut off. */
			r->walk.offset = stretch.offset;
			status = WALK_END;
		}
		if (status == WALK_FAULT) {
			*why = err_sys("%s", r->files.segments[r->at].name);
			return JOURNAL_END;
		}
		if (status == WALK_END) {
			if (last) {
				if (!has_more(r, why))
					return JOURNAL_END;
				continue;
			}
			r->passed += r->files.segments[r->at++].end;
			leave(r);
			continue;
		}
		if (answer(r, status, entry, &stretch, damage, &result))
			return result;
	}
}

void
journal_reader_progress(const struct journal_reader *r, uint64_t *at, uint64_t *of)
{
	*at = r->passed + (r->fd >= 0 ? r->walk.offset : 0);
	*of = r->passed;
	for (size_t i = r->at; i < r->count; i++)
		*of += r->files.segments[i].end;
	if (*at > *of)
		*at = *of;
}

void
journal_reader_close(struct journal_reader *r)
{
	if (r == NULL)
		return;
	leave(r);
	gone_fini(&r->gone);
	folder_fini(&r->files);
	storage_close(r->storage, &r->folder);
	free(r);
}

struct err *
journal_forget_on(
    const struct storage *storage, const char *directory, const uint64_t *numbers, size_t count)
{
	struct err *e;
	int folder;

	if ((folder = storage->folder(storage->ctx, -1, directory, false)) < 0)
		return err_sys("journal %s", directory);
	e = gone_add(storage, folder, numbers, count);
	storage_close(storage, &folder);
	return e != NULL ? err_wrap(e, "journal %s", directory) : NULL;
}

struct err *
journal_forget(const char *directory, const uint64_t *numbers, size_t count)
{
	return journal_forget_on(&storage_system, directory, numbers, count);
}
