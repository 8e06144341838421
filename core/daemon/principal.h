/*
 * principal: names in Kerberos, and the lists of those that may send. Pure.
 *
 * A sender's principal is SERVICE/HOST@REALM; the host in it, in small letters, is who the sender
 * is. A pattern is such a name in full, or has one * in its host, which stands for one or more
 * characters there. Nothing matches in part: service and realm are compared exactly, the host but
 * for case.
 */
#ifndef DAEMON_PRINCIPAL_H
#define DAEMON_PRINCIPAL_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

#define PRINCIPAL_HOST_SIZE 256 /* of a host's name with its NUL */

/* The parts borrow from the text. */
struct principal {
	struct str service, host, realm;
};

struct principal_pattern {
	struct str service, realm;
	struct str head, tail; /* of the host, before and behind the *; without a *, all in head */
	bool star;
};

/* The error says what is wrong with the text, which it quotes. */
struct err *principal_parse(const char *text, struct principal *out) MUST_USE;
struct err *principal_pattern_parse(const char *text, struct principal_pattern *out) MUST_USE;
bool principal_matches(const struct principal_pattern *pattern, const struct principal *p);
/* The name of its host, in small letters. */
void principal_host(const struct principal *p, char out[PRINCIPAL_HOST_SIZE]);

#endif
