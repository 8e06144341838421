/* state: what the room's files share of a wire. Private to the room. */
#ifndef WIRE_STATE_H
#define WIRE_STATE_H

#include <ev.h>

#include "wire/budget.h"
#include "wire/list.h"
#include "wire/wire.h"

#define WIRE_TURN_MAX 262144u  /* bytes that one peer may read in one turn … */
#define WIRE_TURN_MIN 16384u   /* … and when many want to */
#define WIRE_TURN_ALL 1048576u /* bytes that all together should read in one turn of the loop */
#define WIRE_CARRY \
	16384u /* bytes of an unfinished frame that are copied rather than read to on their own */

struct arrivals;
struct kerberos_acceptor;
struct listener;
struct pool;

struct wire {
	struct ev_loop *loop;
	const struct wire_config *config;
	const struct wire_handler *handler;
	struct listener *listeners; /* one per socket */
	size_t listener_count;
	struct kerberos_acceptor *kerberos; /* NULL: no listener allows kerberos_v5 */
	/*
	 * Threads for slow mechanisms; NULL: their work is done in the loop. Logins, which may
	 * wait for files and locks of the library, have one of their own, so that no record waits
	 * for them.
	 */
	struct pool *pool, *login_pool;
	struct arrivals *arrivals; /* NULL: each address as often as it likes */
	unsigned max_open;         /* connections that the limit of descriptors allows */
	bool accepting;
	ev_timer accept_again;
	struct list logins, senders, orphans; /* peers, the oldest first */
	struct list dirty;
	struct budget budget;
	struct buf acks;  /* where acknowledgements are put together */
	uint8_t *scratch; /* WIRE_CARRY + WIRE_TURN_MAX bytes to read to */
	size_t turn;      /* bytes a peer may read in this turn */
	unsigned turns;   /* peers that read in this turn */
	uint64_t owed;    /* receipts, of all peers */
	int64_t received; /* the time of this read, nanoseconds since 1970 */
	bool reconsider;  /* somebody who was told not to read may perhaps go on */
	bool stopping;
	struct peer *exempt; /* may read although memory is short: nothing else could free any */
	ev_prepare before_sleep;
	ev_timer again; /* runs as long as somebody waits for memory */
	void (*done)(void *ctx);
	void *done_ctx;
	struct wire_counters counters;
};

/* Any number, each equally likely. */
uint32_t wire_random(struct wire *w);

/* listener.c */
struct err *listener_open_all(struct wire *w) MUST_USE;
void listener_close_all(struct wire *w);
/* Accepts again, if that was paused and there is room. */
void listener_resume(struct wire *w);

#endif
