/* encode_in: what the two halves of the encoder share. */
#ifndef SCRIPT_ENCODE_IN_H
#define SCRIPT_ENCODE_IN_H

#include "script/encode.h"

/* The value at an absolute stack index; shape is NULL where nothing is known. May raise. */
void encode_value(struct encoder *e, int index, const struct shape *shape, struct doc_parts parts);
/* The text there. */
void encode_text(struct encoder *e, int index);

#endif
