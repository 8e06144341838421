/*
 * stream: what one peer sends, from its first byte on: the version, the tokens of a context, then
 * tokens with records. Bytes in, events out; no descriptor, no clock, no log.
 *
 * Frames that are too long are read past: only their head is kept, and becomes a record when the
 * whole frame has come. All that a stream does may be done on another thread, as long as it is
 * one at a time.
 */
#ifndef WIRE_STREAM_H
#define WIRE_STREAM_H

#include "wire/handshake.h"

#define STREAM_SEQUENCE 8 /* bytes of the sequence in front of each record */

struct stream_limits {
	uint32_t max_frame_login; /* bytes of a frame before authentication */
	uint32_t max_frame;       /* after; longer ones are read past */
	uint32_t kept_head;       /* bytes of the record that are kept then */
};

struct stream {
	struct stream_limits limits;
	struct handshake handshake;
	bool open; /* authenticated */
	/* A frame that is read past: bytes still to come, its size, what is kept of it. */
	uint32_t past_left, past_size;
	struct buf past_head;
};

enum stream_status {
	STREAM_MORE, /* no event; what was not used has to come again, with more bytes behind it */
	STREAM_STEP, /* a step of the handshake */
	STREAM_OPEN, /* authenticated: mechanism and context are in handshake */
	STREAM_RECORD,       /* a record */
	STREAM_SEEN,         /* a token that came before, or is too old to tell: no record */
	STREAM_BROKEN,       /* not our protocol; why says why, and nothing more may be asked */
	STREAM_NO_MECHANISM, /* likewise: the mechanism is not known, not allowed, or says no */
};

struct stream_event {
	/*
	 * RECORD: the plain text, sequence and record, or its head; at least STREAM_SEQUENCE
	 * bytes, borrowed from the bytes that were given or from the stream, until the next call.
	 */
	struct str plain;
	struct str whole; /* RECORD: likewise, what its MIC is made over: all that we have of it */
	uint64_t plain_size; /* of the whole */
	bool gap;            /* RECORD: its token is not the next one in order */
	struct err *why;     /* BROKEN, NO_MECHANISM: the caller owns it */
};

/*
 * allowed: mechanisms, NULL behind the last; these and kerberos (NULL: none) outlive the
 * stream.
 */
void stream_init(struct stream *s, const struct stream_limits *limits,
    const struct mech *const *allowed, struct kerberos_acceptor *kerberos);
void stream_fini(struct stream *s);

/*
 * The next event in these bytes. *used of them are done with; answers of the handshake are
 * appended to out as frames.
 */
enum stream_status stream_next(struct stream *s, struct str in, size_t *used, struct buf *out,
    struct stream_event *event) MUST_USE;
/* Would stream_next() find more in these bytes than the beginning of a frame? */
bool stream_has_frame(const struct stream *s, struct str in);
/* Is it in the middle of a frame that it reads past? */
static inline bool
stream_is_within(const struct stream *s)
{
	return s->past_left > 0;
}

#endif
