/* folder: what lies there, by name and header, sorted. */
#include "journal/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct listing {
	struct folder *folder;
	bool failed;
};

static void
on_name(void *to, const char *name)
{
	struct listing *l = to;
	struct folder *f = l->folder;
	struct folder_segment *more;

	if (!format_is_name(name) || l->failed)
		return;
	if (f->len == f->room) {
		size_t room = f->room == 0 ? 16 : f->room * 2;

		if ((more = realloc(f->segments, room * sizeof(*more))) == NULL) {
			l->failed = true;
			return;
		}
		f->segments = more;
		f->room = room;
	}
	f->segments[f->len] = (struct folder_segment){ .state = FOLDER_BAD };
	/* format_is_name() has looked at the length. */
	strcpy(f->segments[f->len++].name, name);
}

/* False: it went while we looked. */
static bool
read_header(struct folder_segment *s, const struct storage *storage, int folder)
{
	uint8_t header[FORMAT_HEADER];
	ssize_t got;
	int fd;

	s->state = FOLDER_SHUT;
	if ((fd = storage->open(storage->ctx, folder, s->name, STORAGE_READ)) < 0)
		return errno != ENOENT;
	if (storage->size(storage->ctx, fd, &s->size) == 0 &&
	    (got = storage_read(storage, fd, header, sizeof(header), 0)) >= 0) {
		s->state = FOLDER_BAD;
		switch (format_get_header(header, (size_t)got, &s->header)) {
		case FORMAT_OK:
			if (s->header.size <= s->size)
				s->state = FOLDER_SEGMENT;
			break;
		case FORMAT_NEWER: s->state = FOLDER_NEWER; break;
		case FORMAT_BAD: break;
		}
	}
	s->end = s->size;
	storage_close(storage, &fd);
	return true;
}

/* Segments first, by their numbers; where two are the same, the one with its own name is later. */
static int
compare(const void *left, const void *right)
{
	const struct folder_segment *a = left, *b = right;
	char name[FORMAT_NAME_SIZE];

	if (a->state != b->state)
		return a->state < b->state ? -1 : 1;
	if (a->state != FOLDER_SEGMENT)
		return strcmp(a->name, b->name);
	if (a->header.first != b->header.first)
		return a->header.first < b->header.first ? -1 : 1;
	if (a->header.attempt != b->header.attempt)
		return a->header.attempt < b->header.attempt ? -1 : 1;
	format_name(a->header.first, a->header.attempt, name);
	if (strcmp(a->name, name) == 0)
		return 1;
	return strcmp(b->name, name) == 0 ? -1 : strcmp(a->name, b->name);
}

static void
sort(struct folder *f)
{
	if (f->len > 1)
		qsort(f->segments, f->len, sizeof(*f->segments), compare);
}

size_t
folder_segments(const struct folder *f)
{
	size_t n = 0;

	while (n < f->len && f->segments[n].state == FOLDER_SEGMENT)
		n++;
	return n;
}

/* Is the segment the one that `next` says came before it? */
static bool
comes_before(const struct folder_segment *s, const struct folder_segment *next)
{
	return next->header.previous_first == s->header.first &&
	       next->header.previous_attempt == s->header.attempt;
}

bool
folder_read(struct folder *f, const struct storage *storage, int fd)
{
	struct listing listing = { f, false };
	size_t there = 0;

	f->len = 0;
	if (storage->list(storage->ctx, fd, on_name, &listing) != 0)
		return false;
	if (listing.failed) {
		errno = ENOMEM;
		return false;
	}
	for (size_t i = 0; i < f->len; i++)
		if (read_header(&f->segments[i], storage, fd))
			f->segments[there++] = f->segments[i];
	f->len = there;
	sort(f);
	for (size_t i = 0, n = folder_segments(f); i + 1 < n; i++) {
		struct folder_segment *s = &f->segments[i], *next = s + 1;

		if (s->header.first == next->header.first)
			s->state = FOLDER_AGAIN;
		else if (comes_before(s, next) && next->header.previous_end < s->end)
			s->end = next->header.previous_end;
	}
	sort(f);
	return true;
}

void
folder_fini(struct folder *f)
{
	free(f->segments);
	*f = (struct folder){ 0 };
}
