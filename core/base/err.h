/*
 * err: why something failed, in words for a person, from the outermost to the innermost.
 *
 * A function that returns `struct err *` returns NULL when it succeeded. The caller owns
 * what it gets: it passes it on (perhaps wrapped), or reports it and frees it.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/compiler.h"

struct err;

/* A new error. When memory is out, a fixed one that says so. */
struct err *err_new(const char *format, ...) PRINTF_LIKE(1, 2) MUST_USE;
/* The same, followed by ": " and the text of errno. */
struct err *err_sys(const char *format, ...) PRINTF_LIKE(1, 2) MUST_USE;
/* Puts "format: " in front; takes cause over. */
struct err *err_wrap(struct err *cause, const char *format, ...) PRINTF_LIKE(2, 3) MUST_USE;
/* The whole text; belongs to the error. */
const char *err_text(const struct err *e);
/* NULL is fine. */
void err_free(struct err *e);

#endif
