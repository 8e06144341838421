/*
 * mech: what a security mechanism has to be able to do, for either end of a connection.
 *
 * A context belongs to one connection. Its functions know no loop, no descriptor and no log, so
 * they may run on any thread, one call at a time per context; what they have to say comes back in
 * the answer and in *why. They are called in the order in which the peer's tokens came, each
 * token once.
 */
#ifndef WIRE_MECH_H
#define WIRE_MECH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct kerberos_acceptor;

#define MECH_HEAD_MAX  64          /* bytes of a token by which unwrap_head() can tell what it is */
#define MECH_WHOLE_MAX (64u << 20) /* bytes of a token for a mechanism that has to see all of it */

enum mech_step {
	MECH_DONE,   /* established; what the answer holds, if anything, still has to be sent */
	MECH_MORE,   /* send the answer, wait for the next token */
	MECH_FAILED, /* *why says why; the caller owns it */
};

/* What became of a token that holds a record. */
enum mech_text {
	MECH_TEXT,        /* here is its plain text */
	MECH_TEXT_GAP,    /* likewise; it is not the next one in the order of the sender */
	MECH_TEXT_SEEN,   /* it came before, or is too old to tell: not to be taken */
	MECH_TEXT_FAILED, /* *why says why; the caller owns it */
};

/* How an acceptor is to be opened; borrowed for the life of the context. */
struct mech_accept {
	/* Application data of the channel bindings: versions offered, then version chosen. */
	struct str binding;
	struct kerberos_acceptor *kerberos; /* kerberos_v5: its keys */
};

/* How an initiator is to be opened; borrowed for the life of the context. */
struct mech_initiate {
	const char *host; /* of the service audit@host */
	struct str binding;
	bool multi_token;      /* dummy: ask for an answer to the first token */
	const char *keytab;    /* kerberos_v5: with our own key; NULL: the ticket that there is */
	const char *principal; /* kerberos_v5: as whom; NULL: the first that there is */
};

/*
 * Who is at the other end, as the mechanism vouches for it; NULL where it does not. Belongs to
 * the context.
 */
struct mech_name {
	const char *host;
	const char *principal;
};

struct mech {
	const char *name;
	struct str oid; /* the content of its DER form */
	/* Bytes of the longest MIC: kept for each record between its arrival and its fate. */
	size_t mic_max;

	/* Acceptor. The context is NULL where a mechanism needs none. */
	struct err *(*accept_open)(void **context, const struct mech_accept *how);
	enum mech_step (*accept)(
	    void *context, struct str token, struct buf *answer, struct err **why);
	struct mech_name (*name_of)(const void *context);
	/*
	 * The plain text of a token; valid as long as the token and until the next unwrap() or
	 * close().
	 */
	enum mech_text (*unwrap)(
	    void *context, struct str token, struct str *plain, struct err **why);
	/*
	 * The same from the head of a token of full_size bytes that is too long to be kept: plain
	 * is what head has of it, *plain_size how long it is. MECH_MORE: not to be told yet, only
	 * below MECH_HEAD_MAX bytes. NULL in a mechanism that has to see the whole token: its
	 * tokens are then taken whole, up to MECH_WHOLE_MAX.
	 */
	enum mech_step (*unwrap_head)(void *context, struct str head, uint64_t full_size,
	    struct str *plain, uint64_t *plain_size, struct err **why);
	/*
	 * The MIC over a plain text, made as the record arrives and kept until it is
	 * acknowledged, so that a record may be forgotten before. From unwrap_head() it gets the
	 * head. Returns its length, 0 on failure.
	 */
	size_t (*mic)(void *context, struct str plain, uint8_t *out, struct err **why);
	/* Is the context past its time? NULL: it has no end. */
	bool (*expired)(const void *context);
	/*
	 * What the library says about the last failure, for those who know its numbers; NULL: no
	 * more than *why. Valid until the next call.
	 */
	const char *(*detail)(const void *context);

	/* Initiator. */
	struct err *(*initiate_open)(void **context, const struct mech_initiate *how);
	/* The first step has an empty token. */
	enum mech_step (*initiate)(
	    void *context, struct str token, struct buf *answer, struct err **why);
	/* Appends the wrapped plain text to out. */
	bool (*wrap)(void *context, struct str plain, struct buf *out, struct err **why);
	bool (*verify)(void *context, struct str plain, struct str mic, struct err **why);

	void (*close)(void *context); /* NULL is fine */
	bool slow; /* worth a thread: accept, unwrap and mic take microseconds, or even wait */
};

extern const struct mech mech_dummy;
extern const struct mech mech_kerberos;

/* All mechanisms that this program knows, with NULL behind the last. */
extern const struct mech *const mech_all[];
/* One by its name, or NULL. */
const struct mech *mech_named(const char *name);

/* The OID in the first token of a context; false when it is no such token. */
bool mech_token_oid(struct str token, struct str *oid) MUST_USE;

#endif
