/* url: the addresses of servers. */
#ifndef OUTPUT_URL_H
#define OUTPUT_URL_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/err.h"

/*
 * Checks a URL of a server: http or https, a host, no credentials, no query. Tells whether it is
 * encrypted, and whether its host is this machine (a loopback address, or localhost).
 */
struct err *url_check(const char *url, bool *encrypted, bool *loopback) MUST_USE;

/*
 * The path, made as printf would, below a server's URL; the caller frees it. NULL: out of memory.
 */
char *url_below(const char *base, const char *format, ...) PRINTF_LIKE(2, 3) MUST_USE;

#endif
