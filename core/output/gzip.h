/* gzip: compresses a body in one piece, fast rather than small. Pure; for threads too. */
#ifndef OUTPUT_GZIP_H
#define OUTPUT_GZIP_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/str.h"

/* Appends the compressed form; false: out of memory, out is to be cut by the caller. */
bool gzip_pack(struct buf *out, struct str in) MUST_USE;

#endif
