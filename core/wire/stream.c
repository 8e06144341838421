/* stream: which frame may come now, and the long ones that are read past. */
#include "wire/stream.h"

#include "wire/frame.h"

void
stream_init(struct stream *s, const struct stream_limits *limits, const struct mech *const *allowed,
    struct kerberos_acceptor *kerberos)
{
	*s = (struct stream){ .limits = *limits };
	handshake_init(&s->handshake, allowed, kerberos);
}

void
stream_fini(struct stream *s)
{
	handshake_fini(&s->handshake);
	buf_fini(&s->past_head);
}

static enum stream_status
broken(struct stream_event *event, struct err *why)
{
	event->why = why;
	return STREAM_BROKEN;
}

static enum stream_status
take_login(struct stream *s, struct str body, struct buf *out, struct stream_event *event)
{
	switch (handshake_frame(&s->handshake, body, out, &event->why)) {
	case HANDSHAKE_MORE: return STREAM_STEP;
	case HANDSHAKE_DONE: s->open = true; return STREAM_OPEN;
	case HANDSHAKE_BROKEN: return STREAM_BROKEN;
	case HANDSHAKE_NO_MECHANISM:
	case HANDSHAKE_REFUSED: break;
	}
	return STREAM_NO_MECHANISM;
}

/* A plain text, plain_size bytes in whole, of which as much is lent as may be kept. */
static enum stream_status
lend(const struct stream *s, struct str plain, uint64_t plain_size, bool too_long,
    struct stream_event *event)
{
	size_t kept = STREAM_SEQUENCE + (size_t)s->limits.kept_head;

	if (plain_size < STREAM_SEQUENCE)
		return broken(event,
		    err_new("a record of %u bytes, without a sequence", (unsigned)plain_size));
	event->whole = plain;
	if (too_long && plain.len > kept)
		plain.len = kept;
	event->plain = plain;
	event->plain_size = plain_size;
	return STREAM_RECORD;
}

static enum stream_status
take_token(struct stream *s, struct str token, struct stream_event *event)
{
	struct err *why = NULL;
	struct str plain;

	switch (s->handshake.mech->unwrap(s->handshake.context, token, &plain, &why)) {
	case MECH_TEXT: break;
	case MECH_TEXT_GAP: event->gap = true; break;
	case MECH_TEXT_SEEN: return STREAM_SEEN;
	case MECH_TEXT_FAILED:
		return broken(event, err_wrap(why, "a token of %zu bytes", token.len));
	}
	/* Above the limit although it came whole: the mechanism wanted to see all of it. */
	return lend(s, plain, plain.len, UNLIKELY(token.len > s->limits.max_frame), event);
}

/*
 * The head of a token that is read past. Something that is no token at all shows in its first
 * bytes, so nobody has to read gigabytes of it; a record becomes of it when all has come, and not
 * before.
 */
static enum stream_status
take_past(struct stream *s, struct stream_event *event)
{
	struct err *why = NULL;
	struct str plain;
	uint64_t size;

	switch (s->handshake.mech->unwrap_head(
	    s->handshake.context, buf_view(&s->past_head), s->past_size, &plain, &size, &why)) {
	case MECH_FAILED:
		return broken(event, err_wrap(why, "a token of %u bytes", (unsigned)s->past_size));
	case MECH_DONE:
		if (s->past_left == 0)
			return lend(s, plain, size, true, event);
		break;
	case MECH_MORE:
		if (s->past_left == 0)
			return broken(
			    event, err_new("a token of %u bytes without an end to its head",
				       (unsigned)s->past_size));
		break;
	}
	return STREAM_MORE;
}

static enum stream_status
read_past(struct stream *s, struct str in, size_t *used, struct stream_event *event)
{
	size_t wanted = MECH_HEAD_MAX + STREAM_SEQUENCE + (size_t)s->limits.kept_head;
	size_t n = in.len < s->past_left ? in.len : s->past_left;
	size_t had = s->past_head.len, room = had < wanted ? wanted - had : 0;

	buf_append(&s->past_head, in.at, n < room ? n : room);
	if (buf_failed(&s->past_head))
		return broken(event, err_new("out of memory"));
	s->past_left -= (uint32_t)n;
	*used = n;
	if (s->past_left > 0 && had >= MECH_HEAD_MAX)
		return STREAM_MORE;
	return take_past(s, event);
}

static uint32_t
frame_limit(const struct stream *s)
{
	if (!s->open)
		return s->limits.max_frame_login;
	if (s->handshake.mech->unwrap_head == NULL && s->limits.max_frame < MECH_WHOLE_MAX)
		return MECH_WHOLE_MAX;
	return s->limits.max_frame;
}

static enum stream_status
too_long(struct stream *s, uint32_t size, struct stream_event *event)
{
	if (!s->open)
		return broken(
		    event, err_new("a frame of %u bytes before authentication", (unsigned)size));
	if (s->handshake.mech->unwrap_head == NULL)
		return broken(event, err_new("a frame of %u bytes", (unsigned)size));
	buf_cut(&s->past_head, 0);
	s->past_left = s->past_size = size;
	return STREAM_MORE;
}

bool
stream_has_frame(const struct stream *s, struct str in)
{
	struct frame f;

	return stream_is_within(s) || frame_next(in, frame_limit(s), &f) != FRAME_MORE;
}

enum stream_status
stream_next(
    struct stream *s, struct str in, size_t *used, struct buf *out, struct stream_event *event)
{
	struct frame f;
	size_t more = 0;
	enum stream_status status;

	*used = 0;
	*event = (struct stream_event){ 0 };
	if (UNLIKELY(s->past_left > 0))
		return in.len > 0 ? read_past(s, in, used, event) : STREAM_MORE;
	if (UNLIKELY(s->past_head.room > 0)) /* of the record lent last */
		buf_fini(&s->past_head);
	switch (frame_next(in, frame_limit(s), &f)) {
	case FRAME_MORE: return STREAM_MORE;
	case FRAME_READY: break;
	case FRAME_TOO_LONG:
		*used = FRAME_HEAD;
		status = too_long(s, f.size, event);
		if (status == STREAM_MORE && f.body.len > 0) {
			status = read_past(s, f.body, &more, event);
			*used += more;
		}
		return status;
	}
	*used = FRAME_HEAD + (size_t)f.size;
	return LIKELY(s->open) ? take_token(s, f.body, event) : take_login(s, f.body, out, event);
}
