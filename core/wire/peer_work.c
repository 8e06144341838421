/*
 * peer_work: frames of a peer whose mechanism is slow. A job takes them on a thread: it unwraps,
 * makes the MICs, and leaves what it found as a list; the loop hands that over in order. Meanwhile
 * more is read for the next job.
 *
 * While a job runs, the stream and everything in struct work under "the job's" belong to it.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "wire/peer.h"
#include "wire/state.h"

#define ITEMS_LEAST 16
#define FRAME_LEAST 64 /* bytes: frames with records are hardly shorter */

/* One event of the stream; texts lie in work.texts. */
struct item {
	enum stream_status status;
	bool gap;
	uint8_t mic_len; /* the MIC lies behind the text */
	size_t at, len;
	uint64_t plain_size;
	struct err *why;
};

struct work {
	struct pool_job job;
	struct peer *peer;
	struct pool *pool; /* that has the job; NULL: none */
	bool running;
	bool handing;      /* a call into the handler may be below us on the stack */
	bool over;         /* nothing more is to be taken */
	uint32_t next;     /* item that is to be handed over */
	int64_t read_at;   /* when the last of p->in was read; nanoseconds since 1970 */
	uint64_t estimate; /* bytes that a running job may hold at most, as far as one can tell */
	/* The job's. */
	int64_t received;
	struct buf in, out, texts;
	size_t used; /* bytes of in */
	struct item *items;
	uint32_t count, room;
	bool no_memory;
	bool expired;
};

static bool
add_item(struct work *w, const struct item *item)
{
	uint32_t room = w->room > 0 ? w->room * 2 : ITEMS_LEAST;
	struct item *items;

	if (w->count == w->room) {
		if ((items = realloc(w->items, room * sizeof(*items))) == NULL)
			return false;
		w->items = items;
		w->room = room;
	}
	w->items[w->count++] = *item;
	return true;
}

/* Keeps a text with its MIC. */
static bool
add_record(struct work *w, const struct stream_event *event)
{
	const struct handshake *h = &w->peer->stream.handshake;
	struct item item = { .status = STREAM_RECORD, .gap = event->gap };
	size_t mic_len;

	item.at = w->texts.len;
	item.len = event->plain.len;
	item.plain_size = event->plain_size;
	buf_str(&w->texts, event->plain);
	if (!buf_need(&w->texts, h->mech->mic_max))
		return false;
	mic_len = h->mech->mic(h->context, event->whole, (uint8_t *)buf_end(&w->texts), &item.why);
	if (mic_len == 0) {
		item.status = STREAM_BROKEN;
		item.why = err_wrap(item.why, "acknowledgement");
	}
	item.mic_len = (uint8_t)mic_len;
	w->texts.len += mic_len;
	return add_item(w, &item);
}

/* Takes the next event in the rest of the bytes; false when that was the last. */
static bool
take_event(struct work *w)
{
	struct stream *stream = &w->peer->stream;
	struct str rest = { w->in.at + w->used, w->in.len - w->used };
	struct stream_event event;
	struct item item;
	size_t used;

	item = (struct item){ .status = stream_next(stream, rest, &used, &w->out, &event) };
	w->used += used;
	switch (item.status) {
	case STREAM_MORE: return used > 0 && used < rest.len;
	case STREAM_STEP: return true;
	case STREAM_RECORD:
		w->no_memory = !add_record(w, &event);
		return !w->no_memory && w->items[w->count - 1].status == STREAM_RECORD;
	case STREAM_SEEN: w->no_memory = !add_item(w, &item); return !w->no_memory;
	case STREAM_OPEN: /* the loop has to let it in first */
	case STREAM_BROKEN:
	case STREAM_NO_MECHANISM: break;
	}
	item.why = event.why;
	w->no_memory = !add_item(w, &item);
	if (w->no_memory)
		err_free(item.why);
	return false;
}

static void
work(struct pool_job *job)
{
	struct work *w = container_of(job, struct work, job);
	const struct handshake *h = &w->peer->stream.handshake;

	while (take_event(w))
		;
	w->expired =
	    w->peer->stream.open && h->mech->expired != NULL && h->mech->expired(h->context);
}

/* The items are handed over, or nobody wants them. */
static void
forget_items(struct work *w)
{
	for (uint32_t i = w->next; i < w->count; i++)
		err_free(w->items[i].why);
	w->next = w->count = 0;
	buf_cut(&w->texts, 0);
}

static void
give_back(struct work *w)
{
	buf_fini(&w->in);
	buf_fini(&w->out);
	buf_fini(&w->texts);
	free(w->items);
	w->items = NULL;
	w->room = 0;
}

/* With the mechanism known to be quick, the rest goes without jobs. */
static void
go_without(struct peer *p)
{
	peer_work_free(p);
	peer_take_frames(p);
	peer_read_ended(p);
}

/* False: it has to wait. */
static bool
hand_over_one(struct peer *p, struct item *item)
{
	struct work *w = p->work;
	struct str text = { w->texts.at + item->at, item->len };
	struct str mic = { text.at + text.len, item->mic_len };
	struct err *why;

	switch (item->status) {
	case STREAM_RECORD:
		if (!peer_take_record(p, text, item->plain_size, mic))
			return false;
		if (UNLIKELY(item->gap))
			peer_take_odd_token(p, false);
		break;
	case STREAM_SEEN: peer_take_odd_token(p, true); break;
	case STREAM_OPEN: peer_take_open(p); break;
	case STREAM_BROKEN:
	case STREAM_NO_MECHANISM:
		w->over = true;
		why = item->why;
		item->why = NULL;
		peer_take_fault(p, item->status, why);
		break;
	case STREAM_MORE:
	case STREAM_STEP: break;
	}
	return true;
}

/*
 * An expired context ends when nothing is on the way: nobody's window is full then. A plugin sees the
 * end of its ticket itself, so who goes on without a pause is none, and is waited for no longer than
 * that.
 */
static void
note_expiry(struct peer *p)
{
	if (!p->work->expired || p->draining || p->state != PEER_OPEN)
		return;
	peer_drain(p, "its ticket has expired");
	log_info("context_expired", log_s("sender", peer_sender(p)), log_s("from", p->from),
	    log_s("meaning", "the connection ends as soon as nothing is on the way"));
}

static bool
may_take(const struct peer *p)
{
	return !p->work->over &&
	       (p->state == PEER_LOGIN || p->state == PEER_OPEN || p->state == PEER_CLOSING);
}

/* Hands over what the last job found. False when something is left that has to wait. */
static bool
hand_over(struct peer *p)
{
	struct work *w = p->work;

	p->wire->received = w->received;
	while (w->next < w->count && may_take(p)) {
		if (!hand_over_one(p, &w->items[w->next]))
			return false;
		w->next++;
	}
	if (p->state != PEER_GONE)
		note_expiry(p);
	forget_items(w);
	return true;
}

/* The job is done: its answers, and the bytes that it did not use, go back to the peer. */
static void
take_back(struct peer *p)
{
	struct work *w = p->work;
	struct buf later = p->in;

	w->running = false;
	w->pool = NULL;
	if (p->state == PEER_GONE)
		return;
	buf_str(&p->out, buf_view(&w->out));
	buf_cut(&w->out, 0);
	buf_drop(&w->in, w->used);
	w->used = 0;
	if (w->in.len > 0) {
		buf_str(&w->in, buf_view(&later));
		p->in = w->in;
		w->in = later;
	}
	buf_cut(&w->in, 0);
	w->no_memory |= buf_failed(&p->in) || buf_failed(&p->out);
	if (w->no_memory)
		peer_close(p, "out of memory");
}

/* Gives what came to a job, if there is a whole frame in it. */
static bool
begin(struct peer *p)
{
	struct work *w = p->work;
	struct buf empty = w->in;

	if (!may_take(p) || !stream_has_frame(&p->stream, buf_view(&p->in)))
		return false;
	w->in = p->in;
	p->in = empty;
	w->received = w->read_at;
	w->estimate =
	    3 * (uint64_t)w->in.room + (uint64_t)w->in.len / FRAME_LEAST * sizeof(struct item);
	w->running = true;
	return true;
}

static void
finished(struct pool_job *job)
{
	struct work *w = container_of(job, struct work, job);
	struct peer *p = w->peer;

	take_back(p);
	if (p->state == PEER_GONE) {
		peer_work_drop(p);
		peer_mark_dirty(p);
		return;
	}
	peer_work_go(p);
	peer_mark_dirty(p);
}

/* In a call of ours, p->busy keeps the peer. */
static void
go(struct peer *p)
{
	struct work *w = p->work;
	struct pool *pool;

	while (p->state != PEER_GONE && hand_over(p)) {
		if (p->stream.open && p->state == PEER_OPEN && !p->stream.handshake.mech->slow) {
			go_without(p);
			return;
		}
		if (p->state == PEER_GONE || !begin(p))
			break;
		pool = p->stream.open ? p->wire->pool : p->wire->login_pool;
		if (pool != NULL) {
			w->pool = pool;
			pool_submit(pool, &w->job);
			return;
		}
		work(&w->job);
		take_back(p);
	}
	if (p->state == PEER_GONE || w->next < w->count)
		return;
	give_back(w);
	if (!may_take(p) || p->in.len == 0)
		buf_fini(&p->in);
	peer_read_ended(p);
}

void
peer_work_go(struct peer *p)
{
	bool was_busy = p->busy;

	if (p->work->running || p->work->handing)
		return;
	p->busy = p->work->handing = true;
	go(p);
	p->busy = was_busy;
	if (p->work != NULL)
		p->work->handing = false;
	if (p->state == PEER_GONE)
		peer_work_drop(p);
}

void
peer_work_came(struct peer *p)
{
	p->work->read_at = clock_now();
	peer_work_go(p);
}

bool
peer_work_new(struct peer *p)
{
	struct work *w = calloc(1, sizeof(*w));

	if ((p->work = w) == NULL)
		return false;
	w->job.work = work;
	w->job.done = finished;
	w->peer = p;
	return true;
}

bool
peer_work_runs(const struct peer *p)
{
	return p->work != NULL && p->work->running;
}

bool
peer_work_waits(const struct peer *p)
{
	return p->work != NULL && !p->work->running && p->work->next < p->work->count;
}

bool
peer_work_is_due(const struct peer *p)
{
	return peer_work_runs(p) || peer_work_waits(p);
}

bool
peer_work_is_full(const struct peer *p)
{
	/* Before it is authenticated, nobody gets room for more than a first token. */
	return peer_work_is_due(p) &&
	       p->in.len >= (p->state == PEER_LOGIN ? WIRE_TURN_MIN : p->wire->turn);
}

uint64_t
peer_work_memory(const struct peer *p)
{
	const struct work *w = p->work;

	if (w->running)
		return w->estimate;
	return w->in.room + w->out.room + w->texts.room + (uint64_t)w->room * sizeof(*w->items);
}

static void
withdraw(struct work *w)
{
	if (w->pool == NULL || !pool_withdraw(w->pool, &w->job))
		return;
	w->running = false;
	w->pool = NULL;
}

void
peer_work_leave_pool(struct peer *p)
{
	if (p->work == NULL)
		return;
	withdraw(p->work);
	p->work->pool = NULL;
}

void
peer_work_drop(struct peer *p)
{
	struct work *w = p->work;

	if (w == NULL)
		return;
	/* Jobs of those that are gone must not pile up behind one that hangs. */
	withdraw(w);
	if (w->running || w->handing)
		return;
	forget_items(w);
	give_back(w);
}

void
peer_work_free(struct peer *p)
{
	if (p->work == NULL)
		return;
	p->work->running = p->work->handing = false;
	p->work->pool = NULL;
	peer_work_drop(p);
	free(p->work);
	p->work = NULL;
}
