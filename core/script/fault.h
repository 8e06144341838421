/*
 * fault: what a failed rule is said to have done, in words that never quote the record.
 *
 * Lua's own messages name variables of the rule, so they are kept, but for what stands between
 * quotes and is no name. What a rule says itself with error() or assert() may hold anything, so
 * only its place is kept.
 */
#ifndef SCRIPT_FAULT_H
#define SCRIPT_FAULT_H

#include "base/buf.h"

/*
 * Replaces the content of out; message NULL: the error was no text. The content ends in a NUL
 * that is not counted.
 */
void fault_text(struct buf *out, const char *message, bool own_words);

#endif
