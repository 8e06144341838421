/*
 * identity: the _id of a document, the same for the same record over whatever connection, receiver
 * and time it comes: eight hex digits of the event's second, which keep neighbours together in the
 * index, then base64url of the first 128 bits of SHA-256(sender ‖ 0 ‖ sequence ‖ record bytes).
 */
#ifndef DAEMON_IDENTITY_H
#define DAEMON_IDENTITY_H

#include <stdint.h>

#include "base/str.h"

#define IDENTITY_SIZE 30 /* characters; no NUL */

/*
 * seconds: the event's, 0 where the record has none: the time of receipt would differ between two
 * copies.
 */
void identity_make(const char *sender, uint64_t sequence, int64_t seconds, struct str record,
    char out[IDENTITY_SIZE]);

#endif
