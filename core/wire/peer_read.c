/*
 * peer_read: from the socket to the handler. What one read brings is cut where it lies, in a
 * buffer that all connections share; only the beginning of an unfinished frame is kept with the
 * peer.
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

#define SMALL_READ 16384 /* after more bytes than these the system confirms at once by itself */

/* A plain text of a mechanism that is quick. When there is no memory now, the text is kept. */
static void
deliver(struct peer *p, struct str plain, uint64_t plain_size)
{
	if (LIKELY(peer_take_record(p, plain, plain_size, (struct str){ 0 })))
		return;
	buf_append(&p->waiting, plain.at, plain.len);
	p->waiting_size = plain_size;
	if (buf_failed(&p->waiting))
		peer_close(p, "out of memory");
}

/* Takes what the bytes in front have; returns how many of them are done with. */
static size_t
take_events(struct peer *p, struct str in)
{
	struct str rest = in;
	struct stream_event event;
	size_t used;

	while ((p->state == PEER_OPEN || p->state == PEER_LOGIN) && p->waiting.len == 0) {
		enum stream_status status = stream_next(&p->stream, rest, &used, &p->out, &event);

		rest = (struct str){ rest.at + used, rest.len - used };
		switch (status) {
		case STREAM_RECORD: deliver(p, event.plain, event.plain_size); break;
		case STREAM_MORE:
			if (used == 0 || rest.len == 0)
				return in.len - rest.len;
			break;
		case STREAM_STEP: break;
		case STREAM_OPEN: peer_take_open(p); break;
		case STREAM_SEEN: peer_take_odd_token(p, true); break;
		case STREAM_BROKEN:
		case STREAM_NO_MECHANISM: peer_take_fault(p, status, event.why); break;
		}
	}
	return in.len - rest.len;
}

void
peer_take_frames(struct peer *p)
{
	buf_drop(&p->in, take_events(p, buf_view(&p->in)));
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
	peer_take_frames(p);
	p->busy = false;
}

/* The socket's end or fault, from recv(). */
static void
read_ended(struct peer *p, ssize_t n)
{
	bool due = p->work != NULL && p->state != PEER_LINGER && peer_work_is_due(p);

	if (n < 0) {
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
			return;
		if (due)
			p->lost = strerror(errno);
		else
			peer_close(p, strerror(errno));
		return;
	}
	p->ended = true;
	if (due) /* what came before is taken first */
		return;
	if (p->state == PEER_OPEN)
		peer_finish(p, "closed by the sender");
	else
		peer_close(
		    p, p->state == PEER_LOGIN ? "closed before it was authenticated" : p->reason);
}

/*
 * Room for what is about to be read. Without it a sender is not read, which costs it nothing but time; to
 * close it could silence its host for good.
 */
static bool
has_room(struct peer *p, size_t bytes)
{
	if (LIKELY(buf_need(&p->in, bytes)))
		return true;
	p->in.failed = false; /* what is there is whole */
	if (p->state == PEER_OPEN)
		p->starved = true;
	else
		peer_close(p, "out of memory");
	return false;
}

/* Reads behind the unfinished frame of a peer, to the end of that frame at most. */
static ssize_t
read_long(struct peer *p, size_t bytes)
{
	size_t left = FRAME_HEAD + (size_t)be32(p->in.at) - p->in.len;
	ssize_t n;

	if (bytes > left)
		bytes = left;
	if (!has_room(p, bytes))
		return 0;
	if ((n = recv(p->fd, buf_end(&p->in), bytes, 0)) <= 0) {
		read_ended(p, n);
		return 0;
	}
	p->in.len += (size_t)n;
	peer_take_frames(p);
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
	used = take_events(p, all);
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

/* Reads for a job that may be running. */
static ssize_t
read_for_work(struct peer *p, size_t bytes)
{
	size_t unread = socket_unread(p->fd);
	ssize_t n;

	/* No more room than it takes: there may be thousands of peers. */
	if (bytes > unread)
		bytes = unread > 0 ? unread : 1;
	if (!has_room(p, bytes))
		return 0;
	if ((n = recv(p->fd, buf_end(&p->in), bytes, 0)) <= 0) {
		read_ended(p, n);
		return 0;
	}
	p->in.len += (size_t)n;
	peer_work_came(p);
	return n;
}

void
peer_read_ended(struct peer *p)
{
	if (p->lost != NULL)
		peer_close(p, p->lost);
	else if (p->ended && (p->state == PEER_LOGIN || p->state == PEER_OPEN))
		read_ended(p, 0);
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
	if (p->work != NULL)
		n = read_for_work(p, bytes);
	else
		n = p->in.len > WIRE_CARRY ? read_long(p, bytes) : read_shared(p, bytes);
	if (n > 0 && n < SMALL_READ && p->fd >= 0)
		socket_quick_ack(p->fd);
	p->busy = false;
	if (w->exempt == p)
		w->exempt = NULL;
	peer_mark_dirty(p);
}
