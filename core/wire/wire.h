/*
 * wire: the receiving end of audit_remote. Listens, shakes hands, cuts frames, unwraps records,
 * acknowledges.
 *
 * A sender whose window of unacknowledged records is full when its connection goes away never
 * connects again. So the connection of an authenticated sender is never closed for a limit:
 * back-pressure is the acknowledgement that has not come yet, and only at the cap on memory does
 * reading stop, fairly.
 *
 * Each record comes with a receipt. Whoever takes the record owes that receipt to peer_settle(),
 * once; a peer lives as long as its connection stands or a receipt is owed. One loop owns all of
 * this: no call here may come from another thread.
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
	const char *address; /* "0.0.0.0", "::" (IPv6 only), a name; NULL: all of both families */
	uint16_t port;       /* 0: any free one (tests) */
	bool dummy;          /* the mechanism without security is allowed … */
	const struct addr_net *dummy_from; /* … for these networks only */
	size_t dummy_from_count;
	bool kerberos; /* the mechanism kerberos_v5 is allowed */
};

/* The acceptor of kerberos_v5. */
struct wire_kerberos {
	const char *keytab;   /* keys of audit/HOST@REALM; read again when the file changes */
	bool weak_encryption; /* allow encryption types that are broken (DES, RC4, 3DES) */
};

/* Could kerberos_v5 be accepted with this? Reads the keytab; opens nothing. */
struct err *wire_kerberos_check(const struct wire_kerberos *config) MUST_USE;

/* An authenticated peer asks to be let in; texts are borrowed for the call. */
struct wire_claim {
	size_t listener; /* index */
	const char *mechanism;
	const char *from;      /* address, as text */
	const char *host;      /* of the principal; NULL with `dummy` */
	const char *principal; /* canonical, with realm; NULL with `dummy` */
};

/* As whom it is let in. */
struct wire_admission {
	const char *sender;     /* its identity; copied */
	const char *host;       /* its authenticated name, NULL: not known; copied */
	void *user;             /* peer_user() from the start */
	uint64_t max_in_flight; /* bytes of this connection; 0: max_in_flight_sender */
};

struct wire_config {
	const struct wire_listener *listeners;
	size_t listener_count;
	uint32_t max_frame_login; /* bytes, before authentication */
	uint32_t max_frame;       /* bytes, after; longer ones are read past, their head kept */
	uint32_t kept_head;       /* bytes kept of a record that is too long */
	unsigned max_connections; /* one more is closed at once */
	unsigned max_logins;      /* not authenticated yet; one more costs the oldest of them */
	/*
	 * Random early drop of connections that are not authenticated: from startups_begin of them on,
	 * a new one is closed with a probability of startups_rate percent, which grows to 100 at
	 * max_logins. begin 0: not before max_logins.
	 */
	unsigned startups_begin, startups_rate;
	unsigned max_rate; /* connections of one address in a minute; 0: any number */
	/* Where the lots come from, each number equally likely; NULL: the system. */
	uint32_t (*random)(void *random_ctx);
	void *random_ctx;
	double login_grace_time; /* seconds */
	unsigned workers; /* threads for accept, unwrap and MIC of kerberos_v5; 0: in the loop */
	struct wire_kerberos kerberos;
	uint64_t max_in_flight_sender; /* bytes received and not settled: per connection … */
	uint64_t max_in_flight;        /* … and in all, with the buffers of the connections */
	/* bytes that its owner holds beside the bytes of a record; counted with them */
	uint32_t record_cost;
	/* Seconds to read on after our half-close, and to wait for fates after theirs. */
	double linger;
};

/* A record as it came; the bytes are borrowed for the call. */
struct wire_record {
	uint64_t receipt; /* what to give back with peer_settle() */
	uint64_t sequence;
	struct str bytes;   /* the BSM record; of one that is too long only its head */
	uint64_t full_size; /* bytes of the whole record; more than bytes.len when it was cut */
	int64_t received;   /* nanoseconds since 1970; the same for all that came with one read */
};

struct wire_handler {
	/*
	 * May this peer send? False: it is refused, and *why (the caller's) says why. NULL:
	 * everybody may, as its host or address. wire_admit_again() asks for open connections, too.
	 */
	bool (*admit)(void *admit_ctx, const struct wire_claim *claim, struct wire_admission *out,
	    struct err **why);
	void *admit_ctx;
	/* A sender is authenticated and admitted. */
	void (*arrived)(void *ctx, struct peer *p);
	/*
	 * A record. True: taken, its receipt is owed (peer_settle() may be called from in here).
	 * False: there is no memory for it; nothing is owed, reading from this peer stops for a
	 * moment, the record comes again.
	 */
	bool (*record)(void *ctx, struct peer *p, const struct wire_record *record);
	/*
	 * The connection of an authenticated sender is gone; reason is for the log. Without a
	 * receipt owed, the peer is gone too when this returns.
	 */
	void (*left)(void *ctx, struct peer *p, const char *reason);
	void *ctx;
};

/* Who a sender is; texts belong to the peer. */
const char *peer_sender(
    const struct peer *p); /* the authenticated host, or the address with `dummy` */
const char *peer_from(const struct peer *p);      /* its address */
const char *peer_host(const struct peer *p);      /* the authenticated name; NULL with `dummy` */
const char *peer_principal(const struct peer *p); /* likewise */
/* Room for the owner's own thing about this sender. */
void peer_set_user(struct peer *p, void *user);
void *peer_user(const struct peer *p);

/*
 * A record's fate is known and safe: gives its receipt back, once, and with acknowledge sends its
 * acknowledgement if the connection still stands. Any order will do; what is settled in one turn
 * of the loop leaves in the order of arrival (the plugin searches its queue from the front), with
 * wire_flush() or before the loop sleeps. The last receipt of a peer without connection ends the
 * peer.
 */
void peer_settle(struct peer *p, uint64_t receipt, bool acknowledge);

/*
 * Binds and listens on all listeners. The loop calls from here on. Handler and config are
 * borrowed.
 */
struct err *wire_open(struct wire **out, struct ev_loop *loop, const struct wire_config *config,
    const struct wire_handler *handler) MUST_USE;
/* The port that a listener really has. */
uint16_t wire_port(const struct wire *w, size_t listener);
/* Writes the acknowledgements of what is settled; happens by itself before the loop sleeps. */
void wire_flush(struct wire *w);
/*
 * Who may send has changed: asks the handler about each authenticated sender once more. One that may
 * not any more ends in order: it gets the acknowledgements of what it sent, and nothing more is taken
 * from it after linger. What else the handler answers counts for connections to come.
 */
void wire_admit_again(struct wire *w);
/*
 * The orderly stop: accepts nothing more, takes in what has arrived, and for each sender, once
 * all its records are settled and acknowledged, half-closes, reads to the end, closes. It waits
 * for the fates of records without limit: an owner in a hurry settles what is left without
 * acknowledgement. done(ctx) is called when the last connection is gone.
 */
void wire_stop(struct wire *w, void (*done)(void *ctx), void *ctx);
/*
 * Closes what is still open, at once, without calling back. NULL is fine. Not from within a
 * callback of the handler. Peers with receipts owed outlive it.
 */
void wire_close(struct wire *w);

struct wire_counters {
	uint64_t accepted, authenticated;
	uint64_t refused_full;      /* above max_connections */
	uint64_t refused_logins;    /* the oldest login, thrown out at max_logins */
	uint64_t refused_grace;     /* not authenticated in time */
	uint64_t refused_protocol;  /* broke the protocol, before or after authentication */
	uint64_t refused_principal; /* authenticated, and not admitted */
	uint64_t refused_early;     /* random early drop */
	uint64_t refused_rate;      /* too many from one address */
	uint64_t duplicate_tokens;  /* seen before on this connection, or too old: not taken */
	uint64_t gap_tokens;        /* out of order, or after one that did not come */
	uint64_t refused_mechanism; /* no mechanism is allowed, or not the one asked for */
	uint64_t records, bytes;    /* taken by the handler; bytes of their whole size */
	uint64_t acknowledged;
	uint64_t too_long;      /* records of which only the head was kept */
	uint64_t held_reading;  /* times that reading from a sender stopped for a cap on memory */
	uint64_t accept_paused; /* times that accepting paused for want of descriptors or memory */
	unsigned connections, logins;
	uint64_t in_flight; /* bytes of records taken and not settled */
	uint64_t memory;    /* what counts against max_in_flight: these and the buffers */
};
void wire_counters(const struct wire *w, struct wire_counters *out);

#endif
