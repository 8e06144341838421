/*
 * cursor: the file that says below which number every record has a fate. Two slots, written in
 * turn, so that one of them is always whole.
 */
#ifndef JOURNAL_CURSOR_H
#define JOURNAL_CURSOR_H

#include "journal/storage.h"

struct cursor {
	uint64_t below;  /* everything below has a fate */
	uint64_t stored; /* everything below was stored then */
	uint64_t floor;  /* everything below may have been removed for its age or size */
	uint64_t turn;   /* the later one counts */
	bool named;      /* the file itself is in the folder for good */
};

/* False: there is no whole slot (any more). */
bool cursor_read(const struct storage *storage, int folder, struct cursor *out) MUST_USE;
/* Into the other slot, and on the disk; counts the turn up. False and errno: the old one stands. */
bool cursor_write(const struct storage *storage, int folder, struct cursor *c) MUST_USE;

#endif
