/*
 * Any bytes as what a peer sends, from the version on: in pieces of any size they mean the same
 * as in one piece, and nobody reads beyond what has come. The first byte picks limits, pieces,
 * and whether the handshake is done already.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "wire/frame.h"
#include "wire/stream.h"

#define KEPT_HEAD 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came out: a digest of all events in their order, and how it ended. */
struct outcome {
	uint64_t digest, events, bytes;
	enum stream_status last;
};

static void
must(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "does not hold: %s\n", what);
		abort();
	}
}

static void
add(struct outcome *o, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		o->digest = (o->digest ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
}

static void
note(struct outcome *o, enum stream_status status, const struct stream_event *event)
{
	o->events++;
	o->last = status;
	add(o, &status, sizeof(status));
	if (status != STREAM_RECORD)
		return;
	must(event->plain.len >= STREAM_SEQUENCE, "a record has a sequence");
	must(event->plain_size >= event->plain.len, "no more is lent than there is");
	add(o, event->plain.at, event->plain.len);
	add(o, &event->plain_size, sizeof(event->plain_size));
	o->bytes += event->plain_size;
}

/* Feeds a stream piece by piece, each from a block of its exact size. */
static struct outcome
run(const struct stream_limits *limits, bool authenticated, const uint8_t *data, size_t size,
    size_t piece)
{
	static const struct mech *const allowed[] = { &mech_dummy, NULL };
	static const char first[] =
	    "\x00\x00\x00\x02"
	    "01"
	    "\x00\x00\x00\x12\x60\x10\x06\x0a\x2b\x06\x01\x04\x01\x2a\x02\x1a\x01\x02\0\0"
	    "0";
	struct outcome o = { .digest = 1469598103934665603u };
	struct stream s;
	struct stream_event event;
	struct buf out = { 0 }, held = { 0 };
	size_t used, at = 0;
	bool ended = false;

	stream_init(&s, limits, allowed, NULL);
	if (authenticated)
		buf_append(&held, first, sizeof(first));
	for (;;) {
		size_t n = size - at < piece ? size - at : piece;
		uint8_t *exact;

		buf_append(&held, data + at, n);
		at += n;
		while (!ended) {
			enum stream_status status;

			exact = malloc(held.len > 0 ? held.len : 1);
			must(exact != NULL, "memory");
			if (held.len > 0)
				memcpy(exact, held.at, held.len);
			status = stream_next(
			    &s, (struct str){ (char *)exact, held.len }, &used, &out, &event);
			must(used <= held.len, "no more is used than there is");
			if (status != STREAM_MORE)
				note(&o, status, &event);
			free(exact);
			buf_drop(&held, used);
			if (status == STREAM_BROKEN || status == STREAM_NO_MECHANISM) {
				must(event.why != NULL, "a reason is given");
				err_free(event.why);
				ended = true;
			} else if (status == STREAM_MORE && (used == 0 || held.len == 0))
				break;
		}
		must(s.past_head.len <= MECH_HEAD_MAX + STREAM_SEQUENCE + KEPT_HEAD,
		    "only the head is kept");
		if (ended || at == size)
			break;
	}
	must(s.open || o.bytes == 0, "no record before authentication");
	add(&o, out.at, out.len);
	buf_fini(&out);
	buf_fini(&held);
	stream_fini(&s);
	return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t max_frame[] = { 64, 200, 4096, 1 << 20 };
	static const size_t pieces[] = { 1, 2, 3, 5, 17, 64, 300, 5000 };
	struct stream_limits limits = { .max_frame_login = 4096, .kept_head = KEPT_HEAD };
	struct outcome whole, parts;
	bool authenticated;

	if (size == 0)
		return 0;
	limits.max_frame = max_frame[data[0] & 3];
	authenticated = (data[0] & 4) != 0;
	whole = run(&limits, authenticated, data + 1, size - 1, size);
	parts = run(&limits, authenticated, data + 1, size - 1, pieces[data[0] >> 3 & 7]);
	must(whole.digest == parts.digest && whole.events == parts.events &&
		 whole.last == parts.last,
	    "pieces mean the same as the whole");
	return 0;
}
