/*
 * sender: the sending end of audit_remote, for `auditrecv send` and for load. Like the plugin it
 * numbers its records, keeps a window of unacknowledged ones, sends these again first, in order
 * and with the same numbers, on a new connection, and breaks with a receiver that acknowledges
 * what is not outstanding. Unlike the plugin it also connects again when its window is full.
 */
#ifndef WIRE_SENDER_H
#define WIRE_SENDER_H

#include "wire/mech.h"

#define SENDER_PORT 16162

struct ev_loop;
struct sender;

/* Texts are borrowed for the sender's life. */
struct sender_config {
	const char *host;
	uint16_t port;
	const struct mech *mech;
	bool multi_token;      /* dummy: want an answer to the context token */
	const char *keytab;    /* kerberos_v5: our own key; NULL: the ticket that there is */
	const char *principal; /* kerberos_v5: as whom; NULL: the first that there is */
	uint32_t window;       /* records that may be outstanding; at least 1 */
	uint64_t sequence;     /* of the first record */
	double timeout; /* seconds for each piece of the handshake, and for a send that blocks */
	/*
	 * Connections that may fail in a row, without an acknowledgement between, before it gives
	 * up.
	 */
	unsigned attempts;
};

struct sender_handler {
	/* Connected and authenticated, or records were acknowledged: sender_put() may have room. */
	void (*ready)(void *ctx);
	/*
	 * The oldest record or a later one is acknowledged; waited: nanoseconds since it was
	 * first sent.
	 */
	void (*acknowledged)(void *ctx, uint64_t sequence, int64_t waited);
	/* It has given up; why belongs to the callee. Nothing more will be called. */
	void (*ended)(void *ctx, struct err *why);
	void *ctx;
};

struct sender_counters {
	uint64_t connections;        /* that were authenticated */
	uint64_t put;                /* records */
	uint64_t sent;               /* the same, with those that were sent again */
	uint64_t bytes;              /* sent, as frames */
	uint64_t acknowledged;       /* records … */
	uint64_t acknowledged_bytes; /* … and their bytes */
	uint64_t first_outstanding;  /* number of the oldest record that is not acknowledged */
};

/* Resolves the name and begins to connect. Config and handler are copied. */
struct err *sender_open(struct sender **out, struct ev_loop *loop,
    const struct sender_config *config, const struct sender_handler *handler) MUST_USE;
/*
 * Takes a record, which is borrowed until it is acknowledged. False: the window is full (or
 * memory is out).
 */
bool sender_put(struct sender *s, struct str record) MUST_USE;
/* Records that are not acknowledged. */
uint32_t sender_pending(const struct sender *s);
bool sender_is_connected(const struct sender *s);
void sender_counters(const struct sender *s, struct sender_counters *out);
/* Closes at once, without calling back. NULL is fine. Not from within `ready` or `acknowledged`. */
void sender_close(struct sender *s);

#endif
