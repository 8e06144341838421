/* form: what keys look like; only a key that has its form gets into a URL. */
#ifndef LOOKUP_FORM_H
#define LOOKUP_FORM_H

#include <stdbool.h>

#include "base/addr.h"
#include "base/buf.h"

#define FORM_KEY_MOST 256

enum form {
	FORM_UUID,    /* lower case, 8-4-4-4-12 */
	FORM_ADDRESS, /* IPv4 or IPv6, in their one spelling after form_check() */
	FORM_TEXT,    /* 1 to 256 bytes of valid UTF-8 without control characters */
};

/* False: there is no form of that name. */
bool form_named(struct str name, enum form *out) MUST_USE;
/*
 * Is this a key? *key may be pointed to `room`, which then holds its one spelling.
 */
bool form_check(enum form form, struct str *key, char room[ADDR_TEXT_SIZE]) MUST_USE;
/* Appends the bytes as a URL has them: all but [A-Za-z0-9._~-] as %XX. */
void form_escape(struct buf *out, struct str text);

#endif
