/*
 * jsonread: reads JSON piece by piece, without memory of its own.
 *
 * The whole text has to be there; what is lent (`text`) points into it. Brackets, commas and colons
 * are checked as the grammar has them, strings for control characters and wrong escapes, not for
 * their UTF-8. Nesting is bounded, and nothing here calls itself. Once JSONREAD_BAD came, it comes
 * for ever.
 */
#ifndef BASE_JSONREAD_H
#define BASE_JSONREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/str.h"

#define JSONREAD_DEPTH 1024 /* brackets open at a time; more is JSONREAD_BAD */

enum jsonread_token {
	JSONREAD_BAD, /* not JSON, cut off, or too deep; `at` is where */
	JSONREAD_END, /* one whole value was read and nothing but blanks follows */
	JSONREAD_OBJECT,
	JSONREAD_OBJECT_END,
	JSONREAD_ARRAY,
	JSONREAD_ARRAY_END,
	JSONREAD_KEY,    /* text: between the quotes; its value comes next */
	JSONREAD_TEXT,   /* text: between the quotes, escapes as they are written */
	JSONREAD_NUMBER, /* text: as it is written */
	JSONREAD_TRUE,
	JSONREAD_FALSE,
	JSONREAD_NULL,
};

struct jsonread {
	const char *at, *end;
	struct str text;
	bool escaped; /* text (of a key or text) holds a backslash */
	uint8_t expect;
	unsigned depth;
	uint64_t is_object[JSONREAD_DEPTH / 64];
};

void jsonread_init(struct jsonread *r, struct str json);
enum jsonread_token jsonread_next(struct jsonread *r);

/*
 * Reads past the value that comes next, whatever it is, and lends it whole in `text`: as JSON, a
 * string with its quotes. False: no value comes here, or it is bad.
 */
bool jsonread_skip(struct jsonread *r) MUST_USE;

/* Is the key or text that was read this one, escapes understood? */
bool jsonread_is(const struct jsonread *r, struct str plain);

/*
 * Appends what the written form of a text stands for. A lone surrogate becomes U+FFFD. False when
 * the form is wrong, with the part before it appended.
 */
bool jsonread_decode(struct buf *out, struct str written);

/*
 * The number that was read as an integer; false when it has a fraction or an exponent, or does not
 * fit.
 */
bool jsonread_integer(const struct jsonread *r, int64_t *out) MUST_USE;

#endif
