/* folder: the segments that stand in a journal's folder, in the order of their numbers. */
#ifndef JOURNAL_FOLDER_H
#define JOURNAL_FOLDER_H

#include "journal/format.h"
#include "journal/storage.h"

#define FOLDER_CURSOR  "cursor"
#define FOLDER_LOCK    "lock"
#define FOLDER_GONE    "gone"
#define FOLDER_DAMAGED "damaged"

enum folder_state {
	FOLDER_SEGMENT,
	FOLDER_NEWER, /* of a version that is not known here: left alone */
	FOLDER_SHUT,  /* the system does not let us read it now: left alone */
	FOLDER_BAD,   /* no segment, whatever its name says */
	FOLDER_AGAIN, /* another file has its numbers: it was begun again there */
};

struct folder_segment {
	char name[FORMAT_NAME_SIZE];
	enum folder_state state;
	struct format_header header; /* when it is a segment */
	uint64_t size;               /* of the file */
	uint64_t end;                /* bytes that count, as the next segment knows */
};

struct folder {
	struct folder_segment *segments;
	size_t len, room;
};

/*
 * Looks at every file that is named like a segment. Segments stand in front, in order; the others
 * behind them. False and errno: the folder cannot be read.
 */
bool folder_read(struct folder *f, const struct storage *storage, int fd) MUST_USE;
/* Segments among them. */
size_t folder_segments(const struct folder *f);
void folder_fini(struct folder *f);

#endif
