/*
 * handshake: the acceptor's part before the first record: the version, then the tokens of a
 * security context. Frames in, frames out; no descriptor, no clock.
 */
#ifndef WIRE_HANDSHAKE_H
#define WIRE_HANDSHAKE_H

#include "wire/mech.h"

#define HANDSHAKE_VERSION     "01"
#define HANDSHAKE_VERSION_MAX 64 /* bytes of the list of versions that a peer may offer */
#define HANDSHAKE_TOKENS_MAX  16 /* context tokens that a peer may send */

struct handshake {
	const struct mech *const *allowed;  /* ends with NULL; outlives the handshake */
	struct kerberos_acceptor *kerberos; /* outlives the handshake; NULL: none */
	const struct mech *mech;            /* the one in use, once the first token has told it */
	void *context;                      /* its context */
	unsigned tokens;                    /* context tokens so far */
	uint8_t binding_len;                /* 0: the version is still to come */
	char binding[HANDSHAKE_VERSION_MAX + sizeof(HANDSHAKE_VERSION)];
};

enum handshake_step {
	HANDSHAKE_MORE,
	HANDSHAKE_DONE,   /* records may come; mech and context stay valid until handshake_fini() */
	HANDSHAKE_BROKEN, /* not our protocol */
	HANDSHAKE_NO_MECHANISM, /* the mechanism is not known or not allowed */
	HANDSHAKE_REFUSED,      /* the mechanism says no */
};

void handshake_init(
    struct handshake *h, const struct mech *const *allowed, struct kerberos_acceptor *kerberos);
/*
 * One frame from the peer; answers are appended to out as frames. At one of the last three
 * answers *why says why (the caller owns it), and the connection is to be closed.
 */
enum handshake_step handshake_frame(
    struct handshake *h, struct str body, struct buf *out, struct err **why) MUST_USE;
/* Ends the context. */
void handshake_fini(struct handshake *h);

#endif
