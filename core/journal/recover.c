/* recover: every segment at the start: cuts off what a crash left, sets aside what is odd. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "journal/aside.h"
#include "journal/inside.h"

#define RECOVER_WINDOW ((size_t)1 << 20)

static void
damaged(struct journal *j, const char *file, uint64_t offset, uint64_t bytes, const char *what)
{
	j->counters.damaged++;
	j->counters.damaged_bytes += bytes;
	log_error("journal_damaged", log_s("directory", j->config.directory), log_s("file", file),
	    log_i("offset", (int64_t)offset), log_i("bytes", (int64_t)bytes), log_s("what", what));
}

static void
remove_file(struct journal *j, const char *name)
{
	if (j->storage->unlink(j->storage->ctx, j->folder, name) != 0)
		log_warn("journal_leftover", log_s("directory", j->config.directory),
		    log_s("file", name), log_s("reason", strerror(errno)));
}

static void
set_aside(struct journal *j, const char *name)
{
	if (!aside_file(j->storage, j->folder, name))
		log_warn("journal_leftover", log_s("directory", j->config.directory),
		    log_s("file", name), log_s("reason", strerror(errno)));
}

/*
 * A file with the name of a segment that is none. An empty one is what a power cut leaves of a
 * segment that was just begun; whether more than that was lost, the neighbours' numbers tell.
 */
static void
not_a_segment(struct journal *j, const struct folder_segment *s, bool last)
{
	switch (s->state) {
	case FOLDER_NEWER:
		log_error("journal_newer", log_s("directory", j->config.directory),
		    log_s("file", s->name),
		    log_s("reason", "it was written by a later version, and is left alone"));
		return;
	case FOLDER_SHUT: damaged(j, s->name, 0, s->size, "it cannot be read now"); return;
	case FOLDER_AGAIN:
		/* Begun again elsewhere: nothing in it was ever reported stored. */
		if (s->size <= s->header.size)
			remove_file(j, s->name);
		else
			set_aside(j, s->name);
		return;
	case FOLDER_BAD:
	case FOLDER_SEGMENT: break;
	}
	if (s->size == 0) {
		if (!last)
			damaged(j, s->name, 0, 0, "the file is empty");
		remove_file(j, s->name);
		return;
	}
	damaged(j, s->name, 0, s->size, "its header is not readable");
	set_aside(j, s->name);
}

/* A segment whose file has another's name gets its own. */
static void
give_name(struct journal *j, struct folder_segment *s, bool on_the_way)
{
	char name[FORMAT_NAME_SIZE], way[FORMAT_NAME_SIZE];
	int fd;

	format_name(s->header.first, s->header.attempt, name);
	if (strcmp(name, s->name) == 0)
		return;
	if (on_the_way) {
		/* First to a name that nobody has: two may have changed places. */
		strcpy(way, name);
		strcpy(strrchr(way, '.'), ".moved");
		damaged(j, s->name, 0, 0, "it has the name of another segment");
		if (j->storage->rename(j->storage->ctx, j->folder, s->name, j->folder, way) == 0)
			strcpy(s->name, way);
		return;
	}
	if ((fd = j->storage->open(j->storage->ctx, j->folder, name, STORAGE_READ)) >= 0) {
		storage_close(j->storage, &fd);
		return;
	}
	if (errno == ENOENT &&
	    j->storage->rename(j->storage->ctx, j->folder, s->name, j->folder, name) == 0)
		strcpy(s->name, name);
}

/* Is anything missing between two segments, or at the end of the first? */
static void
check_chain(struct journal *j, const struct folder_segment *s, const struct folder_segment *next)
{
	if (next->header.previous_first != s->header.first ||
	    next->header.previous_attempt != s->header.attempt)
		damaged(j, next->name, 0, 0, "the segment before it is missing");
	else if (next->header.previous_end > s->size)
		damaged(j, s->name, s->size, next->header.previous_end - s->size,
		    "the file is shorter than it was");
}

/* What a walk through the last segment found. */
struct look {
	bool any;
	bool explained;     /* something was lost there, and counted */
	uint64_t last, end; /* number of the last entry, and where it ends */
	int64_t to;
};

/* Zeros are what a power cut leaves where nothing was written yet. */
static bool
is_empty(struct journal *j, int fd, uint64_t from, uint64_t to)
{
	char bytes[4096];
	ssize_t got;

	for (; from < to; from += (uint64_t)got) {
		size_t n = to - from < sizeof(bytes) ? (size_t)(to - from) : sizeof(bytes);

		if ((got = storage_read(j->storage, fd, bytes, n, from)) <= 0)
			return false;
		for (ssize_t i = 0; i < got; i++)
			if (bytes[i] != 0)
				return false;
	}
	return true;
}

static void
set_stretch_aside(struct journal *j, const char *name, int fd, const struct walk_stretch *stretch)
{
	if (aside_stretch(j->storage, j->folder, fd, name, stretch->offset, stretch->bytes))
		damaged(j, name, stretch->offset, stretch->bytes, stretch->what);
}

/*
 * Behind the last entry: a write that a crash cut short; or damage, when it is more than the begin
 * of an entry.
 */
static void
cut_tail(struct journal *j, const char *name, int fd, uint64_t end, const struct walk_stretch *tail,
    bool torn)
{
	uint64_t bytes = tail->offset + tail->bytes - end;

	if (!torn && !is_empty(j, fd, end, end + bytes))
		set_stretch_aside(j, name, fd, &(struct walk_stretch){ end, bytes, tail->what });
	j->counters.torn_bytes += bytes;
	log_warn("journal_tail_cut", log_s("directory", j->config.directory), log_s("file", name),
	    log_i("bytes", (int64_t)bytes));
	if (j->storage->cut(j->storage->ctx, fd, end) != 0)
		log_warn("journal_leftover", log_s("directory", j->config.directory),
		    log_s("file", name), log_s("reason", strerror(errno)));
}

/*
 * The disk cannot read what comes next. It may be able to later, so everything stays as it is, and
 * new entries get numbers that nothing in there can have.
 */
static void
pass_fault(struct journal *j, const struct folder_segment *s, uint64_t offset, struct look *out)
{
	damaged(j, s->name, offset, s->end - offset, strerror(errno));
	if (!out->any) {
		out->any = true;
		out->last = s->header.first;
		out->to = s->header.created;
	}
	out->last += (s->end - offset) / FORMAT_HEAD;
	out->end = s->end;
	out->explained = true;
}

/* Looks at every entry of the last segment. What it finds is on the disk afterwards. */
static void
walk_through(struct journal *j, const struct folder_segment *s, int fd, struct look *out)
{
	struct walk_stretch stretch, tail = { 0 };
	struct journal_entry entry;
	enum walk_status status;
	bool torn = false;
	struct walk w;

	out->end = s->header.size;
	if (!storage_sync(j->storage, fd))
		j->counters.write_faults++;
	j->storage->refresh(j->storage->ctx, fd);
	walk_init(&w, j->storage, fd, &s->header, s->end, RECOVER_WINDOW);
	while ((status = walk_next(&w, &entry, &stretch)) != WALK_END && status != WALK_FAULT) {
		if (status == WALK_ENTRY) {
			out->any = true;
			out->last = entry.number;
			out->to = entry.received;
			out->end = w.offset;
		} else if (status == WALK_DAMAGE) {
			set_stretch_aside(j, s->name, fd, &stretch);
			out->explained = true;
		} else {
			tail = stretch;
			torn = strcmp(stretch.what, "an entry was cut off") == 0;
		}
	}
	if (status == WALK_FAULT)
		pass_fault(j, s, w.offset, out);
	else if (tail.bytes > 0)
		cut_tail(j, s->name, fd, tail.offset, &tail, torn);
	if (tail.bytes > 0) {
		out->end = tail.offset;
		out->explained = true;
	} else if (status == WALK_END) {
		out->end = w.end;
	}
	walk_fini(&w);
}

/* The last segment with an entry in it is looked through; those without one go. */
static void
look_at_last(struct journal *j, struct folder *f, size_t *count, struct look *look)
{
	while (*count > 0) {
		struct folder_segment *s = &f->segments[*count - 1];
		uint64_t damages = j->counters.damaged;
		int fd;

		*look = (struct look){ .explained = look->explained };
		fd = j->storage->open(j->storage->ctx, j->folder, s->name, STORAGE_KEEP);
		if (fd < 0) {
			pass_fault(j, s, s->header.size, look);
		} else {
			walk_through(j, s, fd, look);
			storage_close(j->storage, &fd);
		}
		if (look->any) {
			s->end = look->end;
			return;
		}
		if (damages < j->counters.damaged)
			set_aside(j, s->name);
		else
			remove_file(j, s->name);
		--*count;
	}
}

static struct err *
keep_segments(struct journal *j, const struct folder *f, size_t count, const struct look *look)
{
	for (size_t i = 0; i < count; i++) {
		const struct folder_segment *s = &f->segments[i];
		struct segment kept = { .header = s->header, .end = s->end };

		strcpy(kept.name, s->name);
		kept.to = i + 1 < count ? f->segments[i + 1].header.created : look->to;
		if (!segments_add(j, &kept))
			return err_sys("the list of segments");
	}
	return NULL;
}

/* Where the cursor stands, and what numbers come next. */
static void
find_place(struct journal *j, const struct look *look)
{
	struct cursor *c = &j->cursor;
	uint64_t next = look->any ? look->last + 1 : 1;

	if (!cursor_read(j->storage, j->folder, c)) {
		*c = (struct cursor){ .below = 1 };
		for (size_t i = 0; i < j->segments_len; i++)
			if (j->segments[i].header.cursor > c->below)
				c->below = j->segments[i].header.cursor;
		if (j->segments_len > 0)
			damaged(j, FOLDER_CURSOR, 0, 0, "there is no cursor");
	}
	if (j->segments_len > 0) {
		uint64_t first = j->segments[0].header.first;

		if (first > c->floor && first > 1)
			damaged(j, j->segments[0].name, 0, 0, "segments before it are missing");
		if (first > c->below)
			c->below = first;
	}
	if (c->stored > next || c->below > next) {
		/* A segment that went by age leaves numbers behind, and no entries. */
		if (c->floor < c->stored && !look->explained)
			damaged(j, "-", 0, 0, "the last entries are missing");
		next = c->stored > c->below ? c->stored : c->below;
	}
	j->next = j->stored = next;
	if (c->below > next)
		c->below = next;
}

/* The number of a deleted entry is not given again: what had it would be taken for deleted, too. */
static void
pass_gone(struct journal *j)
{
	uint64_t last;

	(void)!gone_read(&j->gone, j->storage, j->folder);
	if (j->gone.len == 0 || (last = j->gone.numbers[j->gone.len - 1]) > UINT64_MAX / 2)
		return;
	if (last >= j->next)
		j->next = j->stored = last + 1;
}

/* When the first entry at or beyond the cursor was received. */
static void
find_oldest(struct journal *j)
{
	struct walk_stretch stretch;
	struct journal_entry entry;
	enum walk_status status;
	struct segment *s;
	struct walk w;
	int fd;

	if (j->segments_len == 0 || j->cursor.below >= j->stored)
		return;
	s = &j->segments[segments_find(j, j->cursor.below)];
	if ((fd = j->storage->open(j->storage->ctx, j->folder, s->name, STORAGE_READ)) < 0)
		return;
	walk_init(&w, j->storage, fd, &s->header, s->end, RECOVER_WINDOW);
	while ((status = walk_next(&w, &entry, &stretch)) != WALK_END && status != WALK_FAULT)
		if (status == WALK_ENTRY && entry.number >= j->cursor.below) {
			marks_add(&j->backlog, entry.number, entry.received);
			break;
		}
	walk_fini(&w);
	storage_close(j->storage, &fd);
	if (j->backlog.len == 0)
		marks_add(&j->backlog, j->cursor.below, s->to);
}

struct err *
journal_recover(struct journal *j)
{
	struct look look = { .any = false };
	struct folder f = { 0 };
	struct err *e;
	size_t count;

	if (!folder_read(&f, j->storage, j->folder)) {
		e = err_sys("reading the folder");
		folder_fini(&f);
		return e;
	}
	count = folder_segments(&f);
	for (size_t i = count; i < f.len; i++) {
		bool last =
		    count == 0 || strcmp(f.segments[i].name, f.segments[count - 1].name) > 0;

		not_a_segment(j, &f.segments[i], last);
	}
	for (int way = 1; way >= 0; way--)
		for (size_t i = 0; i < count; i++)
			give_name(j, &f.segments[i], way);
	for (size_t i = 0; i + 1 < count; i++)
		check_chain(j, &f.segments[i], &f.segments[i + 1]);
	look_at_last(j, &f, &count, &look);
	e = keep_segments(j, &f, count, &look);
	folder_fini(&f);
	if (e != NULL)
		return e;
	find_place(j, &look);
	pass_gone(j);
	find_oldest(j);
	/* Names that were changed here last, before anything relies on them. */
	if (!storage_sync(j->storage, j->folder))
		j->counters.write_faults++;
	if (j->segments_len > 0) {
		struct segment *s = &j->segments[j->segments_len - 1];

		j->writer.last_first = s->header.first;
		j->writer.last_attempt = s->header.attempt;
		j->writer.last_end = s->end;
	}
	return NULL;
}
