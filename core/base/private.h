/* private: files that hold secrets, read only when they are as private as what is in them. */
#ifndef BASE_PRIVATE_H
#define BASE_PRIVATE_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Appends the whole file, of at most `most` bytes. It has to be a regular file of ours or of root,
 * which nobody else may read or write; the reason says what to do where it is not.
 */
struct err *private_read(struct buf *out, const char *path, size_t most) MUST_USE;
/* The same check, without reading. */
struct err *private_check(const char *path) MUST_USE;
/* Overwrites what a buf held, and frees it. */
void private_wipe(struct buf *secret);

#endif
