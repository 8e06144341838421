/* gone: the file is read, appended to, and written anew when most of it is history. */
#include "journal/gone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "journal/crc32c.h"
#include "journal/folder.h"

/* A number and its checksum. */
#define LINE  12
#define LINES 1024 /* at a time */
/* So many lines that say nothing any more are worth the work. */
#define PRUNE_LEAST 4096

static int
compare(const void *left, const void *right)
{
	uint64_t a, b;

	memcpy(&a, left, sizeof(a));
	memcpy(&b, right, sizeof(b));
	return (a > b) - (a < b);
}

static bool
add(struct gone *g, uint64_t number)
{
	uint64_t *more;

	if (g->len == g->room) {
		size_t room = g->room == 0 ? 64 : g->room * 2;

		if ((more = realloc(g->numbers, room * sizeof(*more))) == NULL)
			return false;
		g->numbers = more;
		g->room = room;
	}
	g->numbers[g->len++] = number;
	return true;
}

/* In order, and each once. */
static void
tidy(struct gone *g)
{
	size_t n = 0;

	if (g->len == 0)
		return;
	qsort(g->numbers, g->len, sizeof(*g->numbers), compare);
	for (size_t i = 0; i < g->len; i++)
		if (n == 0 || g->numbers[n - 1] != g->numbers[i])
			g->numbers[n++] = g->numbers[i];
	g->len = n;
}

bool
gone_read(struct gone *g, const struct storage *storage, int folder)
{
	uint8_t lines[LINE * LINES];
	bool fine = true;
	uint64_t size;
	ssize_t got;
	int fd;

	if ((fd = storage->open(storage->ctx, folder, FOLDER_GONE, STORAGE_READ)) < 0) {
		g->len = 0;
		g->read = 0;
		return errno == ENOENT;
	}
	if (storage->size(storage->ctx, fd, &size) != 0) {
		fine = false;
	} else if (size != g->read) {
		/* It is short, and may have been pruned. */
		g->len = 0;
		g->read = 0;
	}
	if (fine && size - g->read >= LINE) {
		while (fine &&
		       (got = storage_read(storage, fd, lines, sizeof(lines), g->read)) >= LINE) {
			for (ssize_t at = 0; got - at >= LINE; at += LINE, g->read += LINE)
				if (be32(lines + at + 8) == crc32c(0, lines + at, 8))
					fine = fine && add(g, be64(lines + at));
		}
		fine = fine && got >= 0;
		tidy(g);
	}
	storage_close(storage, &fd);
	return fine;
}

/* The first place whose number is at least this. */
static size_t
place(const struct gone *g, uint64_t number)
{
	size_t low = 0, high = g->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (g->numbers[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
gone_has(const struct gone *g, uint64_t number)
{
	size_t at;

	return g->len > 0 && (at = place(g, number)) < g->len && g->numbers[at] == number;
}

uint64_t
gone_between(const struct gone *g, uint64_t first, uint64_t after)
{
	return g->len == 0 ? 0 : place(g, after) - place(g, first);
}

void
gone_fini(struct gone *g)
{
	free(g->numbers);
	*g = (struct gone){ 0 };
}

/* Writes the numbers from the `from`th on as lines, at an offset, and syncs; where they end. */
static bool
write_lines(const struct gone *g, size_t from, const struct storage *storage, int fd,
    uint64_t offset, uint64_t *end)
{
	uint8_t line[LINE];

	for (size_t i = from; i < g->len; i++, offset += LINE) {
		put_be64(line, g->numbers[i]);
		put_be32(line + 8, crc32c(0, line, 8));
		if (!storage_write(storage, fd, line, LINE, offset))
			return false;
	}
	*end = offset;
	return storage_sync(storage, fd);
}

/*
 * Leaves only the numbers from the `from`th on. They are written behind everything first, so that
 * they are there while the front, where they belong, is written over.
 */
static bool
write_over(const struct gone *g, size_t from, const struct storage *storage, int fd)
{
	uint64_t end;

	return write_lines(g, from, storage, fd, g->read, &end) &&
	       write_lines(g, from, storage, fd, 0, &end) &&
	       storage->cut(storage->ctx, fd, end) == 0 && storage_sync(storage, fd);
}

void
gone_prune(struct gone *g, const struct storage *storage, int folder, uint64_t first)
{
	struct gone now = { .len = 0 };
	size_t lines = (size_t)(g->read / LINE);
	int fd;

	/* What is needed has to fit where what is not needed stood. */
	if (lines - (g->len - place(g, first)) < PRUNE_LEAST ||
	    (g->len - place(g, first)) * 2 > lines)
		return;
	if ((fd = storage->open(storage->ctx, folder, FOLDER_GONE, STORAGE_KEEP)) < 0)
		return;
	/* Nobody else appends from here on. */
	if (storage->lock(storage->ctx, fd) == 0 && gone_read(&now, storage, folder) &&
	    (now.len - place(&now, first)) * 2 <= now.read / LINE)
		(void)!write_over(&now, place(&now, first), storage, fd);
	gone_fini(&now);
	storage_close(storage, &fd);
	(void)!gone_read(g, storage, folder);
}

static bool
append(const struct storage *storage, int fd, const uint64_t *numbers, size_t count)
{
	uint8_t lines[LINE * LINES];
	uint64_t size;

	if (storage->size(storage->ctx, fd, &size) != 0)
		return false;
	/* A line that was cut off is written over. */
	size -= size % LINE;
	while (count > 0) {
		size_t n = count < LINES ? count : LINES;

		for (size_t i = 0; i < n; i++) {
			put_be64(lines + i * LINE, numbers[i]);
			put_be32(lines + i * LINE + 8, crc32c(0, lines + i * LINE, 8));
		}
		if (!storage_write(storage, fd, lines, n * LINE, size))
			return false;
		size += n * LINE;
		numbers += n;
		count -= n;
	}
	return storage_sync(storage, fd);
}

struct err *
gone_add(const struct storage *storage, int folder, const uint64_t *numbers, size_t count)
{
	struct err *e = NULL;
	int fd;

	if ((fd = storage->open(storage->ctx, folder, FOLDER_GONE, STORAGE_KEEP)) < 0)
		return err_sys("the list of deleted entries (%s)", FOLDER_GONE);
	if (storage->lock(storage->ctx, fd) != 0)
		e = errno == EWOULDBLOCK
			? err_new("somebody else is deleting entries; try again in a moment")
			: err_sys("locking the list of deleted entries");
	else if (!append(storage, fd, numbers, count) || !storage_sync(storage, folder))
		e = err_sys("writing the list of deleted entries");
	storage_close(storage, &fd);
	return e;
}
