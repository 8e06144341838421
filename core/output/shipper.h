/*
 * shipper: decides what is sent when and where, and what becomes of each document.
 *
 * Pure: it has no socket and no clock. Its owner sends what it is told to (port), says what came
 * of it, and asks again when it is due. All times are nanoseconds of a clock that never steps.
 *
 *	put → open batch → ready → in flight → settled
 *	                     ↑         ├→ again (at its time) → in flight
 *	                     └─────────┴→ parked (its index is paused) → one as a probe → ready
 *	                                   └→ given back, when too much is parked
 */
#ifndef OUTPUT_SHIPPER_H
#define OUTPUT_SHIPPER_H

#include "output/answer.h"
#include "output/batch.h"
#include "output/node.h"
#include "output/output.h"
#include "output/pace.h"

struct shipper;

struct shipper_config {
	const char *const *urls;
	size_t url_count;
	size_t max_documents, max_bytes; /* per request */
	unsigned max_in_flight;
	size_t max_parked; /* bytes for paused indices beyond which documents go back; 0: none do */
	int64_t retry_for; /* nanoseconds */
	bool compressed;   /* bodies go out compressed unless a batch is marked `plain` */
	uint64_t seed;     /* of jitter */
};

struct shipper_port {
	/*
	 * Send the batch; it is the port's until shipper_answered(), which is not to be called
	 * from here. False: it could not even be begun.
	 */
	bool (*send)(void *ctx, struct batch *b, unsigned node);
	/* Ask the node a small question; shipper_asked() later. */
	void (*ask)(void *ctx, unsigned node);
	void (*settled)(void *ctx, void *cookie, const struct output_settled *settled);
	void *ctx;
	/* What was given back may be put anew; not from inside. NULL: max_parked is 0. */
	void (*reopened)(void *ctx);
};

/* What came of a request. */
struct shipper_answer {
	enum answer_verdict verdict;
	const struct answer
	    *answer;        /* ANSWER_ITEMS: the items; else for its type; NULL when nothing came */
	unsigned status;    /* HTTP, 0: none */
	double retry_after; /* seconds, 0: not said */
	bool torn;          /* ANSWER_LOST: the connection ended on us */
	const char *why;    /* ANSWER_LOST: in words that may be logged */
};

/* Copies what it needs but the URLs. */
struct err *shipper_new(struct shipper **out, const struct shipper_config *config,
    const struct shipper_port *port) MUST_USE;
/* Forgets everything; batches in flight have to be given to shipper_drop() before. NULL is fine. */
void shipper_free(struct shipper *s);
void shipper_drop(struct shipper *s, struct batch *b);

/* False: out of memory, nothing was taken. */
bool shipper_put(struct shipper *s, const struct output_document *document, void *cookie) MUST_USE;
/* Sends what may go now. */
void shipper_pump(struct shipper *s, int64_t now);
/* When to pump again if nothing happens before; PACE_NEVER: no need. */
int64_t shipper_due(const struct shipper *s, int64_t now);

void shipper_answered(
    struct shipper *s, struct batch *b, unsigned node, const struct shipper_answer *a, int64_t now);
void shipper_asked(struct shipper *s, unsigned node, bool well, int64_t now);
/* Something was changed that may end a stop: new credentials. */
void shipper_try_again(struct shipper *s);

size_t shipper_pending(const struct shipper *s);
size_t shipper_held(const struct shipper *s);
void shipper_counters(const struct shipper *s, struct output_counters *out);

#endif
