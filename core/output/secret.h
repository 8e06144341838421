/* secret: keys and passwords from files, read only when the file is as private as they are. */
#ifndef OUTPUT_SECRET_H
#define OUTPUT_SECRET_H

#include "base/buf.h"
#include "base/err.h"

/*
 * The value of an Authorization header, from an API key file ("id:key", or its base64), or a
 * user's name and a password file; `out` stays empty when neither is set. Each file has to be a
 * regular one of ours or of root, which nobody else may read or write; the reason says what to do
 * where it is not.
 */
struct err *secret_authorization(struct buf *out, const char *api_key_file, const char *username,
    const char *password_file) MUST_USE;

/* Overwrites and frees. */
void secret_wipe(struct buf *secret);

#endif
