/*
 * peer_read: from the socket to the handler. What one read brings is cut where it lies, in a buffer that all connections
 * share; only the beginning of an unfinished frame is kept with the peer.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "wire/frame.h"
#include "wire/peer.h"
#include "wire/socket.h"
#include "wire/state.h"

#define SEQUENCE_SIZE 8
#define SMALL_READ    16384 /* after more bytes than these the system confirms at once by itself */

static void
take_login(struct peer *p, struct str body)
{
	struct wire *w = p->wire;
	struct err *why = NULL;

	peer_mark_dirty(p);
	switch (handshake_frame(&p->handshake, body, &p->out, &why)) {
	case HANDSHAKE_MORE: return;
	case HANDSHAKE_BROKEN: peer_break(p, why); return;
	case HANDSHAKE_NO_MECHANISM:
	case HANDSHAKE_REFUSED:
		w->counters.refused_mechanism++;
		p->fault = why;
		peer_close(p, NULL);
		return;
	case HANDSHAKE_DONE: break;
	}
	p->state = PEER_OPEN;
	list_put(&w->senders, &p->all);
	ev_timer_stop(w->loop, &p->timer);
	w->counters.logins--;
	w->counters.authenticated++;
	p->name = p->handshake.mech->name_of(p->handshake.context);
	receipts_init(&p->receipts, p->handshake.mech->mic_max);
	log_info("connected", log_s("from", p->from), log_s("sender", peer_sender(p)),
	    log_s("mechanism", p->handshake.mech->name));
	w->handler->arrived(w->handler->ctx, p);
}

/* What a receipt counts: the bytes that the handler was given. */
static uint32_t
kept_size(const struct wire_record *r)
{
	return (uint32_t)r->bytes.len;
}

/*
 * A plain text, or its head, plain_size bytes in whole: its receipt and its MIC, then the handler. When that has no memory
 * now, the text is kept.
 */
static void
deliver(struct peer *p, struct str plain, uint64_t plain_size)
{
	struct wire *w = p->wire;
	struct wire_record r;
	struct err *why = NULL;
	uint8_t *mic;
	size_t mic_len;

	if (plain_size < SEQUENCE_SIZE) {
		peer_break(p, err_new("a record of %u bytes, without a sequence", (unsigned)plain_size));
		return;
	}
	if (!receipts_slot(&p->receipts, &mic))
		goto later;
	if ((mic_len = p->handshake.mech->mic(p->handshake.context, plain, mic, &why)) == 0) {
		peer_break(p, err_wrap(why, "acknowledgement"));
		return;
	}
	r.sequence = be64(plain.at);
	r.bytes = (struct str){ plain.at + SEQUENCE_SIZE, plain.len - SEQUENCE_SIZE };
	r.full_size = plain_size - SEQUENCE_SIZE;
	if (r.full_size > r.bytes.len && r.bytes.len > w->config->kept_head)
		r.bytes.len = w->config->kept_head;
	r.received = w->received;
	r.receipt = receipts_take(&p->receipts, r.sequence, kept_size(&r), mic_len);
	p->in_flight += r.bytes.len;
	w->counters.in_flight += r.bytes.len;
	w->owed++;
	if (LIKELY(w->handler->record(w->handler->ctx, p, &r))) {
		p->records++;
		w->counters.records++;
		w->counters.bytes += r.full_size;
		if (UNLIKELY(r.full_size > r.bytes.len)) {
			w->counters.too_long++;
			log_warn("record too long", log_s("sender", peer_sender(p)),
			    log_i("sequence", (int64_t)r.sequence), log_i("size", (int64_t)r.full_size));
		}
		return;
	}
	receipts_undo(&p->receipts);
	p->in_flight -= r.bytes.len;
	w->counters.in_flight -= r.bytes.len;
	w->owed--;
later:
	buf_append(&p->waiting, plain.at, plain.len);
	p->waiting_size = plain_size;
	if (buf_failed(&p->waiting))
		peer_close(p, "out of memory");
}

static void
take_token(struct peer *p, struct str token)
{
	struct err *why = NULL;
	struct str plain;
	uint64_t size;

	if (UNLIKELY(!p->handshake.mech->unwrap(p->handshake.context, token, &plain, &why))) {
		peer_break(p, err_wrap(why, "a token of %zu bytes", token.len));
		return;
	}
	/* Above the limit although it came whole: the mechanism wanted to see all of it. */
	size = plain.len;
	if (UNLIKELY(token.len > p->wire->config->max_frame) &&
	    plain.len > p->wire->config->kept_head + SEQUENCE_SIZE)
		plain.len = p->wire->config->kept_head + SEQUENCE_SIZE;
	deliver(p, plain, size);
}

/* Takes the head of a token that is read past; once it is through, and not before, what is kept becomes a record. */
static void
take_past(struct peer *p)
{
	struct str plain;
	uint64_t size;
	struct err *why = NULL;
	enum mech_step step;

	step = p->handshake.mech->unwrap_head(p->handshake.context, buf_view(&p->past_head), p->past_size,
	    &plain, &size, &why);
	if (step == MECH_FAILED) {
		p->past_left = 0;
		peer_break(p, err_wrap(why, "a token of %u bytes", (unsigned)p->past_size));
	} else if (p->past_left == 0)
		deliver(p, plain, size);
	if (p->past_left == 0)
		buf_fini(&p->past_head);
}

/* Reads on in a frame that is too long; returns how many bytes of in belong to it. */
static size_t
read_past(struct peer *p, struct str in)
{
	size_t wanted = MECH_HEAD_MAX + SEQUENCE_SIZE + (size_t)p->wire->config->kept_head;
	size_t n = in.len < p->past_left ? in.len : p->past_left;
	size_t had = p->past_head.len, room = had < wanted ? wanted - had : 0;

	buf_append(&p->past_head, in.at, n < room ? n : room);
	if (buf_failed(&p->past_head)) {
		peer_close(p, "out of memory");
		return n;
	}
	p->past_left -= (uint32_t)n;
	/* Something that is no token at all shows in its first bytes; no need to read gigabytes of it. */
	if (p->past_left == 0 || had < MECH_HEAD_MAX)
		take_past(p);
	return n;
}

static uint32_t
frame_limit(const struct peer *p)
{
	const struct wire_config *c = p->wire->config;

	if (p->state == PEER_LOGIN)
		return c->max_frame_login;
	if (p->handshake.mech->unwrap_head == NULL && c->max_frame < MECH_WHOLE_MAX)
		return MECH_WHOLE_MAX;
	return c->max_frame;
}

static void
too_long(struct peer *p, uint32_t size)
{
	if (p->state == PEER_LOGIN)
		peer_break(p, err_new("a frame of %u bytes before authentication", (unsigned)size));
	else if (p->handshake.mech->unwrap_head == NULL)
		peer_break(p, err_new("a frame of %u bytes", (unsigned)size));
	else
		p->past_left = p->past_size = size;
}

/* Takes the frames at the front of in; returns the bytes that are done with. */
static size_t
take_frames(struct peer *p, struct str in)
{
	struct str rest = in;
	struct frame f;
	size_t used = 0;

	while ((p->state == PEER_OPEN || p->state == PEER_LOGIN) && p->waiting.len == 0) {
		if (p->past_left > 0) {
			if (rest.len == 0)
				break;
			used = read_past(p, rest);
		} else {
			switch (frame_next(rest, frame_limit(p), &f)) {
			case FRAME_MORE: return in.len - rest.len;
			case FRAME_TOO_LONG:
				used = FRAME_HEAD;
				too_long(p, f.size);
				break;
			case FRAME_READY:
				used = FRAME_HEAD + f.size;
				if (LIKELY(p->state == PEER_OPEN))
					take_token(p, f.body);
				else
					take_login(p, f.body);
				break;
			}
		}
		rest = (struct str){ rest.at + used, rest.len - used };
	}
	return in.len - rest.len;
}

static void
take_from_held(struct peer *p)
{
	buf_drop(&p->in, take_frames(p, buf_view(&p->in)));
	if (p->in.len == 0)
		buf_fini(&p->in);
}

void
peer_take_held(struct peer *p)
{
	struct buf plain = p->waiting;

	p->busy = true;
	p->wire->received = clock_now();
	buf_init(&p->waiting);
	deliver(p, buf_view(&plain), p->waiting_size);
	buf_fini(&plain);
	take_from_held(p);
	p->busy = false;
}

/* The socket's end or fault, from recv(). */
static void
read_ended(struct peer *p, ssize_t n)
{
	if (n < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			peer_close(p, strerror(errno));
		return;
	}
	p->ended = true;
	if (p->state == PEER_OPEN)
		peer_finish(p, "closed by the sender");
	else
		peer_close(p, p->state == PEER_LOGIN ? "closed before it was authenticated" : p->reason);
}

/* Reads behind the unfinished frame of a peer, to the end of that frame at most. */
static ssize_t
read_long(struct peer *p, size_t bytes)
{
	size_t left = FRAME_HEAD + (size_t)be32(p->in.at) - p->in.len;
	ssize_t n;

	if (bytes > left)
		bytes = left;
	if (!buf_need(&p->in, bytes)) {
		p->in.failed = false; /* what is there is whole */
		peer_close(p, "out of memory");
		return 0;
	}
	if ((n = recv(p->fd, buf_end(&p->in), bytes, 0)) <= 0) {
		read_ended(p, n);
		return 0;
	}
	p->in.len += (size_t)n;
	take_from_held(p);
	return n;
}

/* Reads to the shared buffer, behind a copy of what there is of an unfinished frame. */
static ssize_t
read_shared(struct peer *p, size_t bytes)
{
	uint8_t *scratch = p->wire->scratch;
	size_t carried = p->in.len, used;
	struct str all;
	ssize_t n;

	if ((n = recv(p->fd, scratch + carried, bytes, 0)) <= 0) {
		read_ended(p, n);
		return 0;
	}
	if (carried > 0)
		memcpy(scratch, p->in.at, carried);
	all = (struct str){ (char *)scratch, carried + (size_t)n };
	used = take_frames(p, all);
	if (p->fd < 0)
		return n;
	if (used == all.len || (p->state != PEER_OPEN && p->state != PEER_LOGIN))
		buf_fini(&p->in);
	else {
		buf_cut(&p->in, 0);
		buf_append(&p->in, all.at + used, all.len - used);
		if (buf_failed(&p->in))
			peer_close(p, "out of memory");
	}
	return n;
}

void
peer_read(struct peer *p, size_t bytes)
{
	struct wire *w = p->wire;
	ssize_t n;

	if (p->state == PEER_LINGER) {
		if ((n = recv(p->fd, w->scratch, bytes, 0)) <= 0)
			read_ended(p, n);
		return;
	}
	p->busy = true;
	w->received = clock_now();
	if (p->state == PEER_LOGIN && bytes > WIRE_TURN_MIN)
		bytes = WIRE_TURN_MIN;
	n = p->in.len > WIRE_CARRY ? read_long(p, bytes) : read_shared(p, bytes);
	if (n > 0 && n < SMALL_READ && p->fd >= 0)
		socket_quick_ack(p->fd);
	p->busy = false;
	if (w->exempt == p)
		w->exempt = NULL;
	peer_mark_dirty(p);
}
