/* csv: rows of RFC 4180, in place and without memory of its own beyond a cell that has quotes. */
#ifndef LOOKUP_CSV_H
#define LOOKUP_CSV_H

#include "base/buf.h"

enum csv_status {
	CSV_CELL, /* *out; another cell of the row follows */
	CSV_LAST, /* *out; the row ends with it */
	CSV_END,  /* nothing more */
	CSV_BAD,  /* a quote that does not end, or text behind one */
};

struct csv {
	const char *at, *end;
	unsigned line; /* of the row that comes next, or is read */
	bool in_row;
};

void csv_init(struct csv *c, struct str text);
/* The next cell; lent until the next call, from the text or from `room`. Empty lines are passed. */
enum csv_status csv_next(struct csv *c, struct buf *room, struct str *out) MUST_USE;

#endif
