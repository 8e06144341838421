/* aside: copies of damaged stretches and files, counted against the limit. */
#include "journal/aside.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "journal/folder.h"

#define NAME_SIZE (FORMAT_NAME_SIZE + 32)

static void
count_one(void *to, const char *name)
{
	(void)name;
	++*(size_t *)to;
}

/* The folder for it, when there is room in it; -1. */
static int
open_damaged(const struct storage *storage, int folder)
{
	size_t files = 0;
	int to;

	if ((to = storage->folder(storage->ctx, folder, FOLDER_DAMAGED, true)) < 0)
		return -1;
	if (storage->list(storage->ctx, to, count_one, &files) != 0 || files >= ASIDE_FILES)
		storage_close(storage, &to);
	return to;
}

bool
aside_file(const struct storage *storage, int folder, const char *name)
{
	char to_name[NAME_SIZE];
	int to, fd;
	bool moved = false;

	if ((to = open_damaged(storage, folder)) < 0)
		return false;
	for (unsigned i = 0; !moved && i < ASIDE_FILES; i++) {
		snprintf(to_name, sizeof(to_name), "%s.%u", name, i);
		/* Takes the name first: nothing that was set aside before is overwritten. */
		if ((fd = storage->open(storage->ctx, to, to_name, STORAGE_NEW)) < 0)
			continue;
		storage_close(storage, &fd);
		moved = storage->rename(storage->ctx, folder, name, to, to_name) == 0;
		if (!moved)
			break;
	}
	storage_close(storage, &to);
	return moved;
}

bool
aside_stretch(const struct storage *storage, int folder, int fd, const char *name, uint64_t offset,
    uint64_t bytes)
{
	char to_name[NAME_SIZE];
	size_t n = (size_t)(bytes < ASIDE_BYTES ? bytes : ASIDE_BYTES);
	ssize_t got;
	bool is_new = true;
	char *copy;
	int to, out;

	snprintf(to_name, sizeof(to_name), "%s.at-%" PRIu64, name, offset);
	if ((to = open_damaged(storage, folder)) < 0)
		return true;
	if ((out = storage->open(storage->ctx, to, to_name, STORAGE_NEW)) >= 0) {
		/* A copy for people; nothing depends on it. */
		if ((copy = malloc(n)) != NULL &&
		    (got = storage_read(storage, fd, copy, n, offset)) > 0)
			(void)!storage_write(storage, out, copy, (size_t)got, 0);
		free(copy);
		storage_close(storage, &out);
	} else {
		is_new = errno != EEXIST;
	}
	storage_close(storage, &to);
	return is_new;
}
