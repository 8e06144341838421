/*
 * hash: SHA-256, and base64 in the alphabet that is safe in URLs and file names (RFC 4648 section
 * 5).
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define SHA256_SIZE 32

/* The digest of the parts, one behind the other. */
void hash_sha256(const struct str *parts, size_t count, uint8_t out[SHA256_SIZE]);

/* Writes ceil(len * 4 / 3) characters without padding and without NUL; returns how many. */
size_t hash_base64url(const uint8_t *bytes, size_t len, char *out);

#endif
