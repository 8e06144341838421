/*
 * repair: takes what a server refuses out of a document, and keeps it where nothing is refused.
 *
 * Pure. The field goes, with its name, under the free object `misfit`, and `misfit` is added to
 * the list `tags`. Everything else stays as it was, to the byte.
 */
#ifndef OUTPUT_REPAIR_H
#define OUTPUT_REPAIR_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/str.h"

enum repair_status {
	REPAIR_DONE,    /* the repaired document was appended to out */
	REPAIR_NOTHING, /* there is nothing that could be moved */
	REPAIR_BROKEN,  /* the document is not an object of JSON */
};

/*
 * Moves the field of this path ("subject.uid"): one member, or, where the path leads through a
 * list or is there more than once, the members at the root that hold it. A field that is not
 * there (a sub-field of the mapping, say) is looked for by its parents. With an empty path, or
 * when nothing is found, the document's free parts are moved: every member at the root that is
 * not one of the fixed ones of the default shape.
 */
enum repair_status repair_document(struct buf *out, struct str json, struct str path) MUST_USE;

/*
 * Is there a field of this path, or of one of its parents but the last? For telling whose fault
 * is meant.
 */
bool repair_finds(struct str json, struct str path) MUST_USE;

#endif
