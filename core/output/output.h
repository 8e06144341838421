/*
 * output: where documents go for good: Elasticsearch or OpenSearch, a file, the screen.
 *
 * A document is put with a cookie, and exactly once, later or at once, comes back through
 * `settled` with its fate, or unsettled, to be put anew. Until then the output owns what it copied of it. "Batch while busy":
 * what was put since the last request goes out with output_flush(), at the end of each turn of
 * the loop, when fewer than the allowed requests are in flight.
 */
#ifndef OUTPUT_OUTPUT_H
#define OUTPUT_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct ev_loop;
struct output;
struct pool;

enum output_kind { OUTPUT_ELASTICSEARCH, OUTPUT_FILE, OUTPUT_STDOUT };

/* All texts and lists are borrowed for the output's life; NULL or 0 where not set. */
struct output_config {
	enum output_kind kind;
	struct pool *pool; /* threads for fsync and compression; NULL: the output has its own */
	/*
	 * for `auditrecv check`: everything is checked, no file is locked, made or cut, no
	 * server asked
	 */
	bool dry;

	/* elasticsearch */
	const char *const *urls; /* "https://node:9200[/path]" */
	size_t url_count;
	const char *username;
	/* secrets are named files: owner and mode are checked, re-read on 401 */
	const char *password_file;
	const char *api_key_file;
	const char *ca_file;
	bool plain_credentials; /* may credentials go over plain http to another machine? */
	bool gzip;
	size_t max_documents;   /* per request */
	size_t max_bytes;       /* per request body, uncompressed */
	unsigned max_in_flight; /* requests */
	/* documents waiting, in flight, to be retried, of paused indices: all */
	size_t max_held_bytes;
	/*
	 * What paused indices may hold, their records counted with them, of documents that can be
	 * given back; 0: all.
	 */
	size_t max_parked_bytes;
	double request_timeout; /* seconds; above 60 */
	/* seconds an unknown 5xx of one document is tried again before it is refused */
	double retry_for;
	const char
	    *template_name; /* our index template, looked for at the start; NULL: not looked for */
	const char *template_pattern; /* the indices it is for; NULL: as shipped */

	/* file */
	const char *path;
	uint64_t rotate_bytes; /* 0: never */
	unsigned rotate_keep;  /* older files kept; 0: all */
};

enum output_fate {
	OUTPUT_INDEXED, /* stored now */
	OUTPUT_EXISTS,  /* it was there: a resend */
	OUTPUT_REFUSED, /* the document's own fault, after repair was tried: set it aside */
	/*
	 * Not settled: its index takes nothing for now, and enough waits for it here. Only for
	 * documents that can be given back; to be put anew after `reopened`.
	 */
	OUTPUT_GIVEN_BACK,
};

struct output_settled {
	enum output_fate fate;
	bool repaired; /* indexed, but a field had to go under `misfit` */
	bool rerouted; /* the index name was bad: it went to the fallback index */
	/* OUTPUT_REFUSED: a word or two from a short fixed list, for counters; else NULL */
	const char *reason;
	/* the server's error as JSON; may quote the document: never to be logged */
	struct str answer;
};

struct output_handler {
	/* The fate of a document. May be called from output_put() and output_flush(). */
	void (*settled)(void *ctx, void *cookie, const struct output_settled *settled);
	/* output_ready() has become true again. */
	void (*ready)(void *ctx);
	void *ctx;
	/*
	 * It can never take anything again (the reader of stdout is gone); nothing more settles.
	 * May be NULL.
	 */
	void (*broken)(void *ctx, const char *reason);
	/*
	 * An index of which documents were given back takes documents again: all that were given
	 * back may be put anew. Not to be done from inside. May be NULL.
	 */
	void (*reopened)(void *ctx);
};

/* A document on its way; borrowed for the call of output_put(). */
struct output_document {
	struct str index;
	/* where it goes when the server calls the name of the index invalid */
	struct str fallback_index;
	struct str id;
	struct str json; /* one line, without newline; only builds with sanitizers look */
	/*
	 * Write over a document of that id (a replay, or one that was completed later) instead of
	 * leaving it as it is.
	 */
	bool overwrite;
	/*
	 * Bytes of its record, which its owner holds and can have again: OUTPUT_GIVEN_BACK is
	 * understood. 0: it is not.
	 */
	size_t record_bytes;
};

/*
 * Opens; sends nothing of documents yet. Secrets are read and checked here, the file is opened,
 * locked, and a line that was torn by a crash is cut off. SIGPIPE is ignored from here on.
 */
struct err *output_open(struct output **out, struct ev_loop *loop,
    const struct output_config *config, const struct output_handler *handler) MUST_USE;
/*
 * True when another document may be put: below max_held_bytes, and not stopped by an everlasting
 * fault.
 */
bool output_ready(const struct output *o);
/*
 * Takes a document. Allowed also when not ready (the cap is then overrun by it). False when
 * memory is out: nothing was taken.
 */
bool output_put(struct output *o, const struct output_document *document, void *cookie) MUST_USE;
/* The end of a turn: sends what has come together, if a request may start. */
void output_flush(struct output *o);
/*
 * The file was moved away by somebody else: begins a new one of the same name. Secrets are read
 * again.
 */
void output_reopen(struct output *o);
/* Documents that have not settled. */
size_t output_pending(const struct output *o);
/* Bytes that they hold. */
size_t output_held(const struct output *o);
/*
 * Ends requests in flight and forgets what has not settled, without calling back; not from inside
 * a callback. NULL is fine.
 */
void output_close(struct output *o);

/* Counters since the start, for logs and metrics. */
struct output_counters {
	uint64_t requests, documents, bytes; /* sent */
	uint64_t indexed, existed, refused, repaired, rerouted;
	uint64_t retried_items, retried_requests, halved;
	uint64_t given_back; /* times that a document was */
	uint64_t answers_429, answers_5xx,
	    answers_odd; /* odd: not JSON, too few items, a proxy's page */
	unsigned in_flight, paused_indices;
};
void output_counters(const struct output *o, struct output_counters *out);

#endif
