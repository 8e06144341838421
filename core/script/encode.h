/*
 * encode: writes the document that rules left behind, as JSON, to the byte what the record alone
 * would have become where rules changed nothing.
 *
 * Fields in the order of the field table: from the record in C where they were not made, else from
 * the doc; then the rules' own fields in the order of their bytes. Integers are exact, a float is
 * the shortest text that reads back the same, NaN and infinity are null, bytes that are not UTF-8
 * are spelled and the field is listed in `escaped`. What JSON does not have (functions, circles,
 * nesting without end) raises, and is the fault of a rule.
 */
#ifndef SCRIPT_ENCODE_H
#define SCRIPT_ENCODE_H

#include <lua.h>

#include "base/buf.h"
#include "script/doc.h"
#include "script/run.h"
#include "script/shape.h"

/* Objects and lists in each other that a document may have. */
#define ENCODE_DEPTH 32
/* Bytes of JSON that rules may make, beside 8 for each byte of the record. */
#define ENCODE_MOST ((size_t)4 << 20)

struct encoder {
	const struct shape *shape;
	struct interned names;
	struct buf items;   /* keys of the objects that are open, struct item */
	struct buf scratch; /* a text on its way */
	struct buf trial;   /* JSON that is only tried */
	struct buf tags;    /* names that we add to `tags`, each with an ENCODE_STOP behind it */
	/* of the document under way */
	lua_State *L;
	struct json json;
	size_t start; /* where it begins in the buf */
	size_t most;  /* bytes that it may have */
	int depth;    /* objects and lists that are open */
	struct encode_step {
		struct str name; /* at is NULL in a list */
		lua_Integer index;
	} path[ENCODE_DEPTH +
	       2]; /* of the value under way: path[0] is the field, path[depth] the last step */
	struct buf
	    spelled; /* paths of texts that were spelled, each with an ENCODE_STOP behind it */
};

#define ENCODE_STOP '\xff' /* no byte of UTF-8 */

/* Zeroed memory is an encoder; this ends it. */
void encode_fini(struct encoder *e);

/* Writes the doc at stack index doc. Raises; then what was written so far is still in out. */
void encode_doc(struct encoder *e, lua_State *L, const struct run *run, int doc,
    struct doc_parts parts, struct buf *out);

/*
 * Looks whether each field of the doc can be written. Takes those that cannot out of it, and raises
 * the reason of the first; when time is over, the field that it was over at.
 */
void encode_check(
    struct encoder *e, lua_State *L, const struct run *run, int doc, struct doc_parts parts);

#endif
