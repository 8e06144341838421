/*
 * utf8: is it UTF-8, and the one spelling for bytes that are not.
 *
 * The spelling: a byte that does not belong to valid UTF-8 is written as `\xNN` (four characters,
 * upper-case hex), and a backslash in the same text is doubled, so that the bytes can be had back
 * exactly.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>

#include "base/buf.h"

/* Valid as RFC 3629 has it: shortest forms, no surrogates, nothing above U+10FFFF. */
bool utf8_valid(const char *at, size_t len);

/* Appends the spelling of bytes that are not valid as a whole. */
void utf8_spell(struct buf *out, const char *at, size_t len);

#endif
