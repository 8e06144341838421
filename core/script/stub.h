/* stub: what stands in the index for a record that must not be shown. */
#ifndef SCRIPT_STUB_H
#define SCRIPT_STUB_H

#include "base/buf.h"
#include "bsm/document.h"

/* Appends a line of JSON, without newline: who, when, what, and the rule that failed. */
void stub_write(
    const struct record *record, const struct origin *origin, const char *rule, struct buf *out);
/* Appends the tag that says that a rule failed. */
void stub_failed_tag(struct buf *out, const char *rule);

#endif
