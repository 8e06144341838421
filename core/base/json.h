/*
 * json: writes JSON into a buf, with no memory of its own and no look back.
 *
 * The caller opens, names and closes in the right order; json only sets the commas. Text has to be
 * valid UTF-8 (see utf8.h); integers are exact.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>

#include "base/buf.h"

struct json {
	struct buf *out;
	bool comma; /* the next value or key needs one in front */
};

static inline void
json_init(struct json *j, struct buf *out)
{
	j->out = out;
	j->comma = false;
}

static inline void
json_open(struct json *j, char bracket)
{
	if (j->comma)
		buf_byte(j->out, ',');
	buf_byte(j->out, bracket);
	j->comma = false;
}

static inline void
json_close(struct json *j, char bracket)
{
	buf_byte(j->out, bracket);
	j->comma = true;
}

/* A key; one value has to follow. */
void json_key(struct json *j, const char *name, size_t len);
/* A text value. */
void json_text(struct json *j, const char *at, size_t len);
void json_integer(struct json *j, int64_t v);
/*
 * The shortest decimal that reads back as the same number; null for what JSON does not have (NaN,
 * infinity).
 */
void json_number(struct json *j, double v);
void json_bool(struct json *j, bool v);
void json_null(struct json *j);
/* A value that is JSON already. */
void json_raw(struct json *j, struct str value);
/* A key and its text, which is spelled where it is not UTF-8; neither when it is empty. */
void json_member(struct json *j, const char *name, struct str text);

#endif
