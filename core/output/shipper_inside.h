/* shipper_inside: what the shipper's own files share. */
#ifndef OUTPUT_SHIPPER_INSIDE_H
#define OUTPUT_SHIPPER_INSIDE_H

#include "output/shipper.h"

#define AGAIN_BASE  (CLOCK_SECOND / 20)
#define AGAIN_MOST  (30 * CLOCK_SECOND)
#define PAUSE_BASE  CLOCK_SECOND
#define PAUSE_MOST  (60 * CLOCK_SECOND)
#define ALARM_EVERY (60 * CLOCK_SECOND)

struct shipper {
	struct shipper_config config;
	struct shipper_port port;
	struct output_counters counters;
	struct jitter jitter;
	struct pace pace;
	struct nodes nodes;
	struct destinations destinations;
	struct batch *open;      /* what is put now */
	struct batch_list ready; /* full ones, and those whose index is open again */
	struct batch_list again; /* to be sent again, by their time */
	struct batch *spare;     /* empty ones with their memory */
	unsigned spares;
	unsigned in_flight;
	size_t pending, held;
	size_t parked;     /* bytes that wait for paused indices, with the records behind them */
	size_t bytes_most; /* max_bytes, or less once a server said 413 */
	uint64_t passed;   /* answers that stored something */
	uint64_t turn;     /* answers that were applied */
	bool *keep;        /* scratch: one for each document of a batch */
	bool applying;     /* an answer is being applied: nothing is sent meanwhile */

	/*
	 * Nothing is sent but one request at a time, to see whether it is over: wrong
	 * credentials, a proxy's page …
	 */
	const char *stopped; /* why; NULL: not stopped */
	unsigned stops;      /* in a row, for the back-off */
	int64_t stop_due, stop_alarmed;
	int64_t down_since; /* no node answers; 0: one does */
	bool down_told;     /* … and that was said */
};

/* shipper.c */
struct batch *shipper_spare(struct shipper *s);
void shipper_retire(struct shipper *s, struct batch *b);
/* Sends it once more, at that time … */
void shipper_again_at(struct shipper *s, struct batch *b, int64_t due);
/* … or after one that grows. */
void shipper_again(struct shipper *s, struct batch *b, int64_t now);
/*
 * Cuts a batch in two that go at once, each for itself. False: only one document, or out of
 * memory.
 */
bool shipper_split(struct shipper *s, struct batch *b);
/* The batch that is being filled, with room for so many bytes more; NULL: out of memory. */
struct batch *shipper_open_for(struct shipper *s, size_t bytes);
/*
 * Settles an item, gives its references back and takes it off the books; the batch has to drop
 * it. Calls the owner, who may put.
 */
void shipper_settle(
    struct shipper *s, struct batch_item *item, const struct output_settled *settled);
/* The same for one that is refused; said is NULL when it was refused with the whole request. */
void shipper_refuse(struct shipper *s, struct batch_item *item, const char *reason,
    const struct answer *answer, const struct answer_item *said);

/* shipper_apply.c: the fates of the items of an answer; the batch goes where it belongs. */
void shipper_apply(struct shipper *s, struct batch *b, const struct answer *answer, int64_t now);

/* shipper_pause.c: indices that take nothing for now. */
/*
 * Puts an item of a paused index away: a copy of it is parked, or it is given back, and its
 * references with it; the batch has to drop it. False: out of memory.
 */
bool shipper_put_away(struct shipper *s, const struct batch *b, struct batch_item *item);
void shipper_pause(struct shipper *s, struct destination *to, const struct fault_view *view,
    struct str type, int64_t now);
void shipper_resume(struct shipper *s, struct destination *to);
/*
 * A document has left this index, for whatever reason. When it was the last one, and others were
 * given back, nothing is there any more to find out with whether it is open: they may come.
 */
void shipper_left(struct shipper *s, struct destination *to);
/* Takes the items of paused indices out of a batch that is about to go. */
void shipper_park_paused(struct shipper *s, struct batch *b);
/* A batch of one document of a paused index whose time has come; NULL: none. */
struct batch *shipper_probe(struct shipper *s, int64_t now);
int64_t shipper_probe_due(const struct shipper *s);

#endif
