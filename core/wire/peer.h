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
	int fd;        /* -1 when GONE */
	bool busy;     /* a call into the handler may be below us on the stack */
	bool ended;    /* the peer has closed its side */
	bool draining; /* OPEN, but we are stopping: at the next quiet moment it ends */
	bool stopped;  /* OPEN, but not read: a cap on memory */
	ev_io readable, writable;
	ev_timer timer; /* LOGIN: grace; draining: its limit; CLOSING, LINGER: linger */
	struct stream stream;
	struct mech_name name;
	struct buf in;  /* the beginning of a frame, between two reads */
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

/* Takes fd over; NULL (and fd closed) when memory is out. */
struct peer *peer_new(
    struct wire *w, int fd, const struct sockaddr *sa, const struct mech *const *allowed);
/* Ends the connection now. The peer itself goes with peer_tend(), when no receipt is owed. */
void peer_close(struct peer *p, const char *reason);
/* Breaks with a peer that does not keep to the protocol; takes why over. */
void peer_break(struct peer *p, struct err *why);
/*
 * Takes nothing more from an authenticated peer, and ends it when what it sent is settled, or
 * after linger.
 */
void peer_finish(struct peer *p, const char *reason);
/* The orderly stop. */
void peer_stop(struct peer *p);
/* Takes what the handler had no memory for once more, and what lies behind it. */
void peer_again(struct peer *p);
/* Starts or stops reading, as state and budget say. */
void peer_update_reading(struct peer *p);
/*
 * Before the loop sleeps: writes, counts, takes the next step towards the end. May free the peer.
 */
void peer_tend(struct peer *p);
/* Takes a peer from its wire, without calling back; it lives on for its receipts. */
void peer_part(struct peer *p);
/* Gives back all that a peer has, connection or not, without calling back. */
void peer_free(struct peer *p);
void peer_mark_dirty(struct peer *p);

/* peer_read.c: one turn of reading, at most `bytes`. */
void peer_read(struct peer *p, size_t bytes);
/* Takes the frames in p->in, as far as they are whole. */
void peer_take_held(struct peer *p);

/* peer_write.c: writes what is due. */
void peer_write(struct peer *p);

#endif
