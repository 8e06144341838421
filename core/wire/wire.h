/*
 * wire: the receiving end of audit_remote. Listens, shakes hands, cuts frames, unwraps records, acknowledges.
 *
 * protocol.md section 6 rules here: the connection of an authenticated sender is never closed for a limit. Back-pressure
 * is the acknowledgement that has not come yet; only at the cap on memory does reading stop, fairly.
 *
 * A peer lives as long as its connection or the last reference to it. Whoever keeps a record that came over it holds
 * a reference (wire gives one with each record) and gives it back with peer_settle().
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"

struct ev_loop;
struct wire;
struct peer;

/* Texts and lists are borrowed for the life of the wire. */
struct wire_listener {
	const char	      *address; /* "0.0.0.0", "::", a name; NULL: all */
	uint16_t	       port;	/* 0: any free one (tests) */
	bool		       dummy;	/* the mechanism without security is allowed … */
	const struct addr_net *dummy_from; /* … for these networks only */
	size_t		       dummy_from_count;
};

struct wire_config {
	const struct wire_listener *listeners;
	size_t			    listener_count;
	uint32_t		    max_frame_login; /* bytes, before authentication */
	uint32_t		    max_frame;	     /* bytes, after; longer ones are read past, their head kept */
	uint32_t		    kept_head;	     /* bytes kept of a record that is too long */
	unsigned		    max_connections;
	unsigned		    max_logins;	      /* connections that are not authenticated */
	double			    login_grace_time; /* seconds */
	uint64_t		    max_in_flight_sender; /* bytes received and not settled: per sender … */
	uint64_t		    max_in_flight;	  /* … and in all */
	double			    linger; /* seconds to read on after our half-close at a stop */
};

/* A record as it came; the bytes are borrowed for the call. */
struct wire_record {
	uint64_t   sequence;
	struct str bytes;     /* the BSM record; of one that is too long only its head */
	uint64_t   full_size; /* bytes of the whole record; more than bytes.len when it was cut */
	int64_t	   received;  /* nanoseconds since 1970 */
};

struct wire_handler {
	/* A sender is authenticated. */
	void (*arrived)(void *ctx, struct peer *p);
	/*
	 * A record. The reference and the bytes in flight that it stands for are the callee's until peer_settle(). False: the callee has no
	 * memory for it; the record is not acknowledged, reading from this peer stops for a moment and the record comes again.
	 */
	bool (*record)(void *ctx, struct peer *p, const struct wire_record *record);
	/* The connection of an authenticated sender is gone; reason is a word or two for the log. */
	void (*left)(void *ctx, struct peer *p, const char *reason);
	void *ctx;
};

/* Who a sender is; texts belong to the peer. */
const char *peer_sender(const struct peer *p); /* its identity: the principal's host name, or the address with `dummy` */
const char *peer_from(const struct peer *p);   /* its address */
const char *peer_host(const struct peer *p);   /* the authenticated name; NULL with `dummy` */
const char *peer_principal(const struct peer *p);
bool peer_is_connected(const struct peer *p);
/* Room for the owner's own thing about this sender. */
void  peer_set_user(struct peer *p, void *user);
void *peer_user(const struct peer *p);

/*
 * A record's fate is known and safe: gives the reference back and, with acknowledge, sends its acknowledgement, if
 * the connection still stands. Called in the order of arrival wherever fates allow: the plugin searches its queue from the front.
 * Acknowledgements are collected and leave with wire_flush(), or by themselves before the loop sleeps.
 */
void peer_settle(struct peer *p, uint64_t sequence, struct str bytes, uint64_t full_size, bool acknowledge);

/* Binds and listens on all listeners. The loop calls from here on. Handler and config are borrowed. */
struct err *wire_open(struct wire **out, struct ev_loop *loop, const struct wire_config *config,
    const struct wire_handler *handler) MUST_USE;
/* The port that a listener really has. */
uint16_t wire_port(const struct wire *w, size_t listener);
/* Stops or resumes reading from every sender: the owner's own cap on memory. */
void wire_hold(struct wire *w, bool hold);
void wire_flush(struct wire *w);
/*
 * The stop of protocol.md section 6.3: accepts nothing more, takes in what has arrived, and for each peer, once all its records are settled,
 * half-closes, reads to the end, closes. done(ctx) is called when the last peer is gone.
 */
void wire_stop(struct wire *w, void (*done)(void *ctx), void *ctx);
/* Closes what is still open, at once. NULL is fine. Peers with references outlive it. */
void wire_close(struct wire *w);

struct wire_counters {
	uint64_t accepted, authenticated, refused_full, refused_logins, refused_grace, refused_protocol, refused_mechanism;
	uint64_t records, bytes, acknowledged, too_long, held_reading;
	unsigned connections, logins;
	uint64_t in_flight; /* bytes */
};
void wire_counters(const struct wire *w, struct wire_counters *out);

#endif
