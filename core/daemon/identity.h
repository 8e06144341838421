/*
 * identity: the _id of a document, the same for the same record over whatever connection, receiver
 * and time it comes: eight hex digits of the event's second, which keep neighbours together in the
 * index, then base64url of the first 128 bits of SHA-256(sender ‖ 0 ‖ sequence ‖ record bytes).
 */
#ifndef DAEMON_IDENTITY_H
#define DAEMON_IDENTITY_H

#include <stdint.h>

#include "base/str.h"

#define IDENTITY_SIZE   30 /* characters; no NUL */
#define IDENTITY_DIGEST 16 /* bytes */

/* The digest alone tells a record from all others, too. */
void identity_digest(
    const char *sender, uint64_t sequence, struct str record, uint8_t out[IDENTITY_DIGEST]);
/*
 * seconds: the event's, 0 where the record has none: the time of receipt would differ between two
 * copies.
 */
void identity_make(const uint8_t digest[IDENTITY_DIGEST], int64_t seconds, char out[IDENTITY_SIZE]);

#endif
