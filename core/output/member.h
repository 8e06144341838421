/*
 * member: finds the members of a document that a path like "subject.uid" names, wherever keys with
 * dots and lists on the way leave room for them.
 *
 * Pure, and without memory of its own; what is found lies in the document.
 */
#ifndef OUTPUT_MEMBER_H
#define OUTPUT_MEMBER_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/str.h"

#define MEMBER_DEPTH 64 /* brackets in brackets that a path is followed into */
#define MEMBER_ROOTS 8

/* What a search came to. Keys are as they are written, between their quotes. */
struct member_search {
	struct str path;
	unsigned found;                 /* matches */
	bool in_list;                   /* one of them stands in a list */
	struct str steps[MEMBER_DEPTH]; /* keys to the last match, from the root; of a list, "" */
	unsigned step_count;
	struct str value;               /* of the last match */
	struct str roots[MEMBER_ROOTS]; /* keys of the members at the root that hold matches */
	unsigned root_count;
};

/*
 * Looks for the path, and where it is not there for its parents: "k.raw" may be a sub-field of k
 * that only the mapping knows. False: the document is not an object of JSON.
 */
bool member_search(struct member_search *s, struct str json, struct str path) MUST_USE;

#endif
