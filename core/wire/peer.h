/*
 * peer: one connection, from accept to its last receipt. Private to the room.
 *
 *	LOGIN -> OPEN -> CLOSING -> LINGER -> GONE	(any of them may go straight to GONE)
 */
#ifndef WIRE_PEER_H
#define WIRE_PEER_H

#include <ev.h>

#include "wire/list.h"
#include "wire/receipts.h"
#include "wire/stream.h"
#include "wire/wire.h"

struct sockaddr;
struct work;

enum peer_state {
	PEER_LOGIN,   /* version and context tokens */
	PEER_OPEN,    /* records */
	PEER_CLOSING, /* takes nothing more; waits for the fates of its records */
	PEER_LINGER,  /* half-closed; reads to the end */
	PEER_GONE,    /* no connection; perhaps receipts are owed */
};

struct peer {
	struct wire *wire; /* NULL: closed before the last receipt came back */
	struct list all;   /* in the wire's logins, senders or orphans, by state */
	struct list dirty; /* in the wire's dirty: something to write, to count or to free */
	enum peer_state state;
	int fd;           /* -1 when GONE */
	bool busy;        /* a call into the handler may be below us on the stack */
	bool ended;       /* the peer has closed its side */
	bool draining;    /* OPEN, but we are stopping: at the next quiet moment it ends */
	bool stopped;     /* OPEN, but not read: a cap on memory */
	bool starved;     /* OPEN, but there was no memory to read to; tried again soon */
	const char *lost; /* the connection is gone for that reason, but not all is taken yet */
	ev_io readable, writable;
	ev_timer timer; /* LOGIN: grace; draining: its limit; CLOSING, LINGER: linger */
	struct stream stream;
	size_t listener;        /* index */
	char *sender, *host;    /* as which it was let in; NULL: its address, not known */
	const char *principal;  /* the context's */
	uint64_t max_in_flight; /* of its own; 0: as everybody */
	struct work *work;      /* the work of a mechanism that is slow; NULL: all is done here */
	/*
	 * The beginning of a frame, between two reads; with work, all that came and is not being
	 * worked on.
	 */
	struct buf in;
	struct buf out; /* what the socket did not take */
	/* A plain text that the handler had no memory for, and the size of the whole. */
	struct buf waiting;
	uint64_t waiting_size;
	struct receipts receipts;
	uint64_t in_flight; /* bytes of records that are taken and not settled */
	uint64_t counted;   /* what the budget believes that we hold */
	uint64_t records, acknowledged;
	struct err *fault; /* why we end it, when there is more to say than a word */
	const char *reason;
	void *user;
	char from[48];
};

/* Takes fd over; NULL (and fd closed) when memory is out. listener: its index. */
struct peer *peer_new(struct wire *w, int fd, const struct sockaddr *sa,
    const struct mech *const *allowed, size_t listener);
/* Ends the connection now. The peer itself goes with peer_tend(), when no receipt is owed. */
void peer_close(struct peer *p, const char *reason);
/* Breaks with a peer that does not keep to the protocol; takes why over. */
void peer_break(struct peer *p, struct err *why);
/*
 * Takes nothing more from an authenticated peer, and ends it when what it sent is settled, or
 * after linger.
 */
void peer_finish(struct peer *p, const char *reason);
/*
 * An open one ends at its next quiet moment, when all is settled; after linger it takes in nothing
 * more. reason has to last.
 */
void peer_drain(struct peer *p, const char *reason);
/* The orderly stop. */
void peer_stop(struct peer *p);
/*
 * Where memory was out, tries once more: to read, or to hand over what the handler had none for, and
 * what lies behind it.
 */
void peer_again(struct peer *p);
/* Starts or stops reading, as state and budget say. */
void peer_update_reading(struct peer *p);
/*
 * Before the loop sleeps: writes, counts, takes the next step towards the end. May free the peer.
 */
void peer_tend(struct peer *p);
/* Takes a peer from its wire, without calling back; it lives on for its receipts. */
void peer_part(struct peer *p);
/*
 * The same for one whose job hangs on a thread: its memory is left to that for good.
 */
void peer_abandon(struct peer *p);
/* Gives back all that a peer has, connection or not, without calling back. */
void peer_free(struct peer *p);
void peer_mark_dirty(struct peer *p);

/* peer_read.c: one turn of reading, at most `bytes`. */
void peer_read(struct peer *p, size_t bytes);
/* Takes what the handler had no memory for once more, and the frames in p->in. */
void peer_take_held(struct peer *p);
/* Takes the frames in p->in, as far as they are whole. */
void peer_take_frames(struct peer *p);

/* The stream had ended while a job ran, and now all of it is taken. */
void peer_read_ended(struct peer *p);

/* peer_take.c: it is authenticated; lets it in, or refuses it. */
void peer_take_open(struct peer *p);
/* Who may send has changed: one that may not any more ends in order. */
void peer_admit_again(struct peer *p);
/*
 * A plain text, or its head, plain_size bytes in whole, with its MIC (none: it is made here).
 * False: there is no memory for it now, and it has to come again.
 */
bool peer_take_record(struct peer *p, struct str plain, uint64_t plain_size, struct str mic);
/* The stream says that something is not as it should be. */
void peer_take_fault(struct peer *p, enum stream_status status, struct err *why);
/* A token that came before, or one that is not the next. */
void peer_take_odd_token(struct peer *p, bool seen);

/*
 * peer_work.c: where the mechanism is slow, frames are taken by jobs, one at a time for each peer;
 * on the threads of the wire's pool, or without one at once. False when memory is out.
 */
bool peer_work_new(struct peer *p) MUST_USE;
/* More has come to p->in. */
void peer_work_came(struct peer *p);
/* Begins a job if there is something to do and none runs; hands over what the last one left. */
void peer_work_go(struct peer *p);
/* Does a job run? Then the peer and its stream have to stay. */
bool peer_work_runs(const struct peer *p);
/* Is a job running, or are there texts that nobody has taken, or frames in p->in? */
bool peer_work_is_due(const struct peer *p);
/* Texts wait for memory. */
bool peer_work_waits(const struct peer *p);
/* As much came while a job runs as may wait for it. */
bool peer_work_is_full(const struct peer *p);
/* Bytes of memory. */
uint64_t peer_work_memory(const struct peer *p);
/* Forgets what a job left behind, and one that has not begun; one that runs is left alone. */
void peer_work_drop(struct peer *p);
/* The pools are about to be closed: a job that has not begun never will. */
void peer_work_leave_pool(struct peer *p);
/* No job may run, or the pool is closed. */
void peer_work_free(struct peer *p);

/* Does something that is unwrapped wait for memory? */
static inline bool
peer_is_waiting(const struct peer *p)
{
	return p->waiting.len > 0 || peer_work_waits(p);
}

/* peer_write.c: writes what is due. */
void peer_write(struct peer *p);

#endif
