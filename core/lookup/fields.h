/*
 * fields: what is kept of an answer, and where an element of one says its key.
 *
 * A path is names parted by dots, "tags.role"; in a key's path a step "*" is every name or element.
 * Answers come from others: what is kept is bounded in nesting and size.
 */
#ifndef LOOKUP_FIELDS_H
#define LOOKUP_FIELDS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "lookup/form.h"

#define FIELDS_STEPS     8           /* in a path */
#define FIELDS_MOST      64          /* paths, and so names on one level */
#define FIELDS_NESTING   16          /* of a value that is kept */
#define FIELDS_VALUE     (16 * 1024) /* bytes of one that is kept */
#define FIELDS_ANSWER    (64 * 1024) /* bytes of all that is kept of an answer */
#define FIELDS_KEYS_EACH 64          /* keys that one element may have */

/* A name that is wanted, with what is wanted below it. */
struct field {
	char *name; /* NULL: the root */
	struct field *children;
	size_t count; /* 0: all of it */
};

struct key_path {
	char *text;
	struct str steps[FIELDS_STEPS];
	size_t count;
};

struct err *field_add(struct field *root, struct str path) MUST_USE;
void field_fini(struct field *root);
struct err *key_path_parse(struct key_path *out, struct str path) MUST_USE;
void key_path_fini(struct key_path *p);

/*
 * Appends what is kept of an answer, `json`. False: it is no valid JSON or UTF-8, it is too large or
 * nested too deep, or an array stands where fields are wanted. Nothing appended and true: a null.
 */
bool fields_keep(struct buf *out, const struct field *root, struct str json) MUST_USE;

/* The value at a path of names, as JSON, or an empty one. False: bad JSON. */
bool fields_at(struct str json, const struct key_path *path, struct str *out) MUST_USE;

/*
 * Calls back with the keys of an element: of the first path that leads to any. False: bad JSON, or
 * a callback said so.
 */
bool fields_keys(struct str json, const struct key_path *paths, size_t count, enum form form,
    bool (*found)(void *ctx, struct str key), void *ctx) MUST_USE;

/*
 * Calls back for each element of a list (key is empty), or of an object. False: it is neither, bad,
 * or a callback said so.
 */
bool fields_each(struct str json, bool object,
    bool (*element)(void *ctx, struct str key, struct str json), void *ctx) MUST_USE;

/* Is it JSON from its beginning to its end? */
bool fields_whole(struct str json) MUST_USE;

/* Is the top-level "code" this text? */
bool fields_code_is(struct str json, struct str code);

#endif
