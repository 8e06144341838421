/* pretty: one line of JSON, over several indented lines. */
#ifndef CMD_PRETTY_H
#define CMD_PRETTY_H

#include "base/buf.h"

/*
 * Appends json, which has to be valid and compact, with an indentation of two blanks and a newline
 * at the end.
 */
void pretty_print(struct str json, struct buf *out);

#endif
