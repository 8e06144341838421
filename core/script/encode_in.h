/* encode_in: what the two halves of the encoder share. */
#ifndef SCRIPT_ENCODE_IN_H
#define SCRIPT_ENCODE_IN_H

#include "script/encode.h"

/* The value at an absolute stack index; shape is NULL where nothing is known. May raise. */
void encode_value(struct encoder *e, int index, const struct shape *shape, struct doc_parts parts);
/* Is one of the names, each with an ENCODE_STOP behind it, this one? */
bool encode_has_name(struct str names, struct str name);
/* A key, spelled where it has to be. */
void encode_key(struct encoder *e, struct str name);
/* The text there. */
void encode_text(struct encoder *e, int index);

#endif
