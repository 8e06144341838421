/* cursor: two slots, of which the newer whole one counts. */
#include "journal/cursor.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "journal/crc32c.h"
#include "journal/folder.h"

#define SLOT     44
#define SLOT_GAP 4096 /* slots stand in different blocks of the disk */
#define MAGIC    "jcursor1"

static bool
get_slot(const uint8_t *in, struct cursor *out)
{
	if (memcmp(in, MAGIC, 8) != 0 || be32(in + 40) != crc32c(0, in, 40))
		return false;
	out->turn = be64(in + 8);
	out->below = be64(in + 16);
	out->stored = be64(in + 24);
	out->floor = be64(in + 32);
	return out->below > 0 && out->below <= UINT64_MAX / 2 && out->stored <= UINT64_MAX / 2;
}

bool
cursor_read(const struct storage *storage, int folder, struct cursor *out)
{
	uint8_t slot[SLOT];
	struct cursor c = { .named = false };
	bool any = false;
	int fd;

	if ((fd = storage->open(storage->ctx, folder, FOLDER_CURSOR, STORAGE_READ)) < 0)
		return false;
	for (uint64_t i = 0; i < 2; i++) {
		if (storage_read(storage, fd, slot, SLOT, i * SLOT_GAP) != SLOT ||
		    !get_slot(slot, &c) || (any && c.turn < out->turn))
			continue;
		*out = c;
		any = true;
	}
	storage_close(storage, &fd);
	return any;
}

bool
cursor_write(const struct storage *storage, int folder, struct cursor *c)
{
	uint8_t slot[SLOT] = { 0 };
	bool done = false;
	int fd, failed;

	if ((fd = storage->open(storage->ctx, folder, FOLDER_CURSOR, STORAGE_KEEP)) < 0)
		return false;
	memcpy(slot, MAGIC, 8);
	put_be64(slot + 8, c->turn + 1);
	put_be64(slot + 16, c->below);
	put_be64(slot + 24, c->stored);
	put_be64(slot + 32, c->floor);
	put_be32(slot + 40, crc32c(0, slot, 40));
	/* A file that was just made has to be found again, too. */
	if (storage_write(storage, fd, slot, SLOT, (c->turn + 1) % 2 * SLOT_GAP) &&
	    storage_sync(storage, fd) && (c->named || storage_sync(storage, folder))) {
		c->turn++;
		c->named = done = true;
	}
	failed = errno;
	storage_close(storage, &fd);
	errno = failed;
	return done;
}
