/*
 * lookup: answers to questions of rules, from files and HTTP services, kept in a cache.
 *
 * The operator names the services and files (settings); a rule file declares sources over them:
 * which path to ask, what a key looks like, which fields of the answer to keep. A source has one
 * request per key at a time, may ask for many keys at once, keeps answers and the lack of answers
 * for their own times, serves an old answer while it asks again, and rests when its service fails.
 *
 * Answers are not trusted: their size, nesting and types are checked, and only the fields that were
 * asked for are kept. One loop owns all of this.
 */
#ifndef LOOKUP_LOOKUP_H
#define LOOKUP_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct ev_loop;
struct lookup;

/* A place to ask, by name; texts are borrowed for the lookup's life. */
struct lookup_service {
	const char *name;
	const char *url;  /* "http://vmapi.coal.joyent.us"; NULL: a file */
	const char *file; /* JSON or CSV, read again when it changes */
	const char *ca_file, *cert_file, *key_file; /* https */
	const char *headers_file; /* lines "Name: value" that go with each request; private */
};

struct lookup_config {
	const struct lookup_service *services;
	size_t service_count;
	double deadline;        /* seconds that a record waits at most */
	unsigned max_requests;  /* in flight, per service */
	size_t max_waiters;     /* questions that wait at a time */
	size_t max_bytes;       /* of the cache */
	const char *cache_file; /* saved at the end, loaded at the start; NULL: no */
	/* Questions are answered before lookup_ask() returns: for `auditrecv decode`. */
	bool blocking;
};

enum lookup_status {
	LOOKUP_FOUND,
	LOOKUP_NOTHING, /* the service says that there is none */
	LOOKUP_MISSING, /* not to be had now */
	LOOKUP_WAIT,
};

struct lookup_value {
	struct str json;  /* valid until the loop goes on */
	uint64_t version; /* of this value and no other one; never 0 */
};

/* Who waits; `question` is a number of its own, which it hears again. */
struct lookup_waiter {
	void *waiter;
	uint64_t question;
	void (*told)(void *waiter, uint64_t question);
};

/* In blocking mode the loop may be NULL: it has one of its own. */
struct err *lookup_open(
    struct lookup **out, struct ev_loop *loop, const struct lookup_config *config) MUST_USE;
/* Is there a service, or a file, of this name? */
bool lookup_has(const struct lookup *l, struct str service);
/*
 * Declares a source by a JSON object (lua/auditrecv/lookup.lua says of what); *id is what lookup_ask() takes. The same again gives the same
 * id; another one under the same name replaces it (a reload) and its cache is kept when it keeps
 * the same fields.
 */
struct err *lookup_declare(struct lookup *l, struct str json, unsigned *id) MUST_USE;
/*
 * No rule asks this source any more: it is not preloaded nor looked at again. What is known is kept,
 * for when it is declared anew. A name that is not declared is fine.
 */
void lookup_withdraw(struct lookup *l, struct str name);
/*
 * WAIT: told() is called later from the loop, once, never from within; then the answer is there, or
 * MISSING, also when the deadline has passed. waiter NULL: never WAIT; the question is
 * asked all the same. A key without the form of the source's keys: NOTHING, and nobody is asked.
 *
 * The deadline counts from the first question for a key; who asks later for one that has been waited
 * for in vain gets MISSING at once, until it is answered.
 */
enum lookup_status lookup_ask(struct lookup *l, unsigned id, struct str key,
    struct lookup_waiter waiter, struct lookup_value *out);
/* Whatever it waits for: it is not told any more. */
void lookup_forget(struct lookup *l, void *waiter);
/* Do the settings name a service, or a file, of this name? For lookup.has() of rules. */
bool lookup_has(const struct lookup *l, struct str service);

struct lookup_counters {
	const char *source;
	uint64_t asked;          /* questions */
	uint64_t cached;         /* answered from the cache or the file */
	uint64_t stale;          /* answered with an old one, while it is asked for again */
	uint64_t missing;        /* answered with MISSING */
	uint64_t requests;       /* sent */
	uint64_t failed;         /* requests */
	uint64_t refused;        /* questions that were not asked: a limit, or the service rests */
	uint64_t entries, bytes; /* of the cache of all services; of its own for a file */
	bool resting;            /* its circuit breaker is open */
};
size_t lookup_sources(const struct lookup *l);
void lookup_counters(const struct lookup *l, size_t i, struct lookup_counters *out);
/* Headers, certificates and files are looked at again. */
void lookup_reopen(struct lookup *l);
/* Saves the cache. NULL is fine. */
void lookup_close(struct lookup *l);

#endif
