/*
 * inside: what the parts of the lookup room share.
 *
 * A question is a key that is being asked for; those who wait for it hang on it. It stands in the
 * queue of its source until a request takes it along. Waiters are told from the loop only: they are
 * moved to `telling`, and the watcher `turn` tells them and sends what is queued before the loop
 * blocks again.
 */
#ifndef LOOKUP_INSIDE_H
#define LOOKUP_INSIDE_H

#include <ev.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "http/http.h"
#include "lookup/breaker.h"
#include "lookup/cache.h"
#include "lookup/declaration.h"
#include "lookup/lookup.h"

#define LOOKUP_SOURCES  256                 /* that can be declared */
#define LOOKUP_HOLD_OFF 5.0                 /* seconds until a key is asked for again that failed */
#define LOOKUP_TIMEOUT  20.0                /* seconds of a request */
#define LOOKUP_OLD      (60 * CLOCK_SECOND) /* a queued question that nobody waits for is dropped */
#define LOOKUP_URL_MOST 6000                /* bytes: Node takes heads of 8 KiB at least */
#define LOOKUP_BODY     (1024 * 1024)       /* bytes of the answer to one key */
#define LOOKUP_BODIES   (8 * 1024 * 1024)   /* of one to many */
#define LOOKUP_FILE     (16 * 1024 * 1024)  /* of a file, which is read in one go in the loop */
#define LOOKUP_HEADERS  32                  /* lines of a headers file */

struct question;
struct request;

struct waiter {
	struct waiter *next, **link;
	struct waiter *next_known; /* in its bucket of those known by address */
	struct lookup_waiter who;
};

struct question {
	struct question *next_known;
	struct question *next;          /* in the queue, or of its request */
	struct question *older, *newer; /* of those whose deadline is to come */
	struct source *source;
	struct request *request; /* NULL: queued */
	struct waiter *waiters;
	uint64_t hash;
	int64_t since; /* steady clock */
	bool overdue;  /* nobody waits for it any more */
	bool answered; /* the answer of its request has it */
	size_t key_len;
	char key[];
};

struct service {
	struct lookup *l;
	const struct lookup_service *config;
	struct http *http; /* NULL: a file */
	unsigned in_flight;
	struct buf headers; /* lines, each with its NUL */
	const char *lines[LOOKUP_HEADERS];
	size_t line_count;
};

/* A file of a source, whole in memory. */
struct table {
	struct cache cache;
	struct stat known; /* what was looked at last, good or not */
	bool looked, loaded, complained;
};

struct preload {
	ev_timer timer;
	bool under_way; /* a page is asked for */
	bool complete;  /* it has been through once */
	/* Memory ran out, and an element may be missing: of the last round, and of this one. */
	bool holes, new_holes;
	uint32_t round;
	unsigned faults; /* in a row */
	uint64_t elements, pages;
	int64_t told;    /* steady: when progress was logged last */
	struct buf last; /* key of the last element of the page before */
};

struct source {
	struct lookup *l;
	uint32_t id;
	bool declared; /* false: only known from the cache file */
	struct declaration d;
	char *name;
	uint8_t shape[SHA256_SIZE];
	struct service *service;
	struct question *queue, **queue_end;
	struct breaker breaker;
	struct preload preload;
	struct table table;
	struct lookup_counters counters;
};

enum request_kind { REQUEST_ONE, REQUEST_MANY, REQUEST_PAGE };

struct request {
	struct request *next, **link;
	struct source *source;
	struct service *service;
	enum request_kind kind;
	struct question *questions;
	struct buf body;
	size_t most;
	bool too_large;
	bool unwanted; /* its source is another one now */
};

struct lookup {
	struct ev_loop *loop, *own_loop;
	struct lookup_config config;
	struct service *services;
	struct source *sources[LOOKUP_SOURCES];
	size_t source_count;
	struct cache cache;
	ev_timer turn; /* only ever fed, behind all else that happens in a turn of the loop */
	ev_timer deadline, files;
	struct question **known; /* buckets */
	struct waiter **known_waiters;
	size_t known_mask; /* of both */
	struct question *oldest, *newest;
	struct waiter *telling, **telling_end;
	struct request *requests;
	size_t questions, waiters;
	struct buf kept; /* of an answer, for a moment */
	uint32_t random;
	uint64_t file_versions; /* of values in files */
};

/* ---- question.c ---- */

/* There is something for the next turn of the loop to do. */
void lookup_stir(struct lookup *l);
bool questions_init(struct lookup *l) MUST_USE;
void questions_fini(struct lookup *l);
struct question *question_find(
    struct lookup *l, const struct source *s, uint64_t hash, struct str key);
/* Asks for a key, with somebody who waits for it (waiter NULL: nobody). WAIT or MISSING. */
enum lookup_status question_ask(
    struct source *s, uint64_t hash, struct str key, struct lookup_waiter who);
/* It has its answer, in the cache, or none will come. Frees it; not one that is queued. */
void question_end(struct question *q);
/* Takes the first one out of the queue. NULL: empty. */
struct question *queue_take(struct source *s);
void queue_put(struct source *s, struct question *q);
/* Ends all that are queued. */
void queue_end_all(struct source *s);
void question_forget(struct lookup *l, void *waiter);

/* ---- request.c ---- */

/* Sends what is queued, as far as limits allow. */
void requests_go(struct lookup *l);
/* Of a page; false: out of memory, or too many are in flight. */
bool request_page(struct source *s, struct str path) MUST_USE;
/* Requests of a service end without an answer, their questions are queued again. */
void requests_take_back(struct service *service);
/* What is under way for a source is not for it any more. */
void requests_disown(struct source *s);
/* Appends a path; words in braces are replaced. */
struct path_word {
	const char *word; /* "{key}" */
	struct str value;
};
void path_expand(struct buf *out, const char *path, const struct path_word *words, size_t count);

/* ---- preload.c ---- */

void preload_init(struct source *s);
void preload_stop(struct source *s);
/* Whether it has all there is. */
bool preload_knows_all(const struct source *s);
/* A page came; body empty: it did not, and `why` says why. */
void preload_page(struct source *s, struct str body, const char *why, bool not_ready);

/* ---- table.c ---- */

/* Reads the file when it has changed, or `anyway`. */
void table_look(struct source *s, bool anyway);
void table_fini(struct table *t);

/* ---- saved.c ---- */

void saved_load(struct lookup *l);
void saved_write(struct lookup *l);

/* ---- service.c ---- */

struct err *service_open(
    struct service *service, struct lookup *l, const struct lookup_service *config) MUST_USE;
void service_close(struct service *service);
/* Headers and certificates are read again; what is in flight is asked again. */
void service_reopen(struct service *service);

/* ---- source.c ---- */

/* NULL: out of memory, or too many. */
struct source *source_new(struct lookup *l, struct str name);
void source_keep(struct source *s, struct str key, struct str value);
void source_keep_none(struct source *s, struct str key);
void source_keep_fault(struct source *s, struct str key);

#endif
