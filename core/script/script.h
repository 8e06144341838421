/*
 * script: the door to Lua. One set of rules, loaded, checked and asked about each record.
 *
 * A record goes in, a document comes out as JSON, with a verdict. A record that no rule matches
 * never enters Lua. Whatever a rule does (raises, loops, eats memory) is contained and counted
 * against it.
 */
#ifndef SCRIPT_SCRIPT_H
#define SCRIPT_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "bsm/document.h"
#include "bsm/record.h"

struct script;

/*
 * A record whose rules wait for a lookup. user is the owner's; the rest is the script's.
 */
struct script_wait {
	void *user;
};

/* What a lookup found, or did not. */
enum ask_answer {
	ASK_FOUND,   /* json holds a value */
	ASK_NOTHING, /* it is known that there is none: nil, and no tag */
	ASK_MISSING, /* not to be had now (limit, breaker, deadline): nil, and a tag */
	ASK_WAIT,    /* ask again when told */
};

struct ask_value {
	struct str json;  /* valid until the loop goes on */
	uint64_t version; /* of this value and no other one; never 0 */
};

/* Who waits, for which of its questions: a number that it gives to no other one. */
struct ask_waiter {
	void *waiter;
	uint64_t question;
	void (*told)(void *waiter, uint64_t question);
};

/*
 * Who answers the questions of rules: core/lookup, through the daemon. All from the loop.
 *
 * declare: a rule file declares a source, by a JSON object (lua/auditrecv/lookup.lua says of what);
 * *id is what ask() takes. The same declaration again gives the same id; another one under a name
 * that is taken is an error.
 */
struct script_asker {
	struct err *(*declare)(void *ctx, struct str json, unsigned *id);
	/*
	 * key: as the rule gave it. WAIT: told() is called later, once, never from within; the answer
	 * is then there for the asking, or it is MISSING. waiter NULL: never WAIT (MISSING instead,
	 * but the question is asked).
	 */
	enum ask_answer (*ask)(void *ctx, unsigned id, struct str key, struct ask_waiter waiter,
	    struct ask_value *out);
	/* Is there a service, or a file, of this name? NULL: there is none. */
	bool (*has)(void *ctx, struct str service);
	/* A waiter is gone: its told() is not to be called. */
	void (*forget)(void *ctx, void *waiter);
	void *ctx;
};

struct script_config {
	const char *directory; /* rules, *.lua in file-name order; NULL: none */
	const char
	    *index; /* template of the default index, from the event's UTC time: "audit-%Y-%m-%d" */
	size_t max_heap;     /* bytes of Lua heap */
	unsigned time_limit; /* milliseconds that the rules of one record may take */
	bool eager;          /* make the whole table of each record (specs compare both ways) */
	const struct script_asker *asker; /* NULL: lookups are always missing */
	/*
	 * A waiting record can go on: call script_resume() some time later. From the loop, never from
	 * within a call of this room. NULL: nothing ever waits (`auditrecv decode`).
	 */
	void (*wake)(void *ctx, struct script_wait *wait);
	void *ctx;
	unsigned max_waiting; /* records that may wait at a time; one more gets nil and a tag */
};

enum script_verdict {
	SCRIPT_INDEX, /* the document goes to the index */
	SCRIPT_DROP,  /* a rule dropped it: rule and reason say which and why */
	SCRIPT_WITHHELD, /* a redact rule failed: the document is a stub; the record belongs into the dead letters */
	/*
	 * Its rules wait for a lookup: result->wait. record, origin and all that they borrow stay lent
	 * until script_resume() has said another word, or script_abandon().
	 */
	SCRIPT_WAITS,
};

/* Texts belong to the script and are valid until its next call. */
struct script_result {
	enum script_verdict verdict;
	struct script_wait *wait; /* WAITS */
	bool incomplete;          /* some lookup was missing: the document says so in its tags */
	const char *rule;         /* DROP, WITHHELD: name of the rule */
	const char
	    *reason; /* DROP: the rule's words; WITHHELD: the error, without the record's content */
	struct str index; /* INDEX, WITHHELD */
	struct str
	    default_index; /* what it would be without `route` rules: the fallback for a bad name */
};

/* Loads and checks every rule; the error names file and line and what to do. */
struct err *script_open(struct script **out, const struct script_config *config) MUST_USE;
/* NULL is fine. */
void script_close(struct script *s);

/*
 * Rules over a record; appends the document as one line of JSON, without newline, to out (nothing
 * when it is dropped). Never fails for what the record holds or a rule does; false only when memory
 * for out is gone.
 */
bool script_run(struct script *s, const struct record *record, const struct origin *origin,
    struct buf *out, struct script_result *result) MUST_USE;

/*
 * The same for a record that waited, once wake() was called for it. After any word but WAITS the
 * wait is gone.
 */
bool script_resume(
    struct script_wait *wait, struct buf *out, struct script_result *result) MUST_USE;
/* Forgets a waiting record. */
void script_abandon(struct script_wait *wait);
/* Records that wait. script_close() abandons them. */
size_t script_waiting(const struct script *s);

/* What a rule has done so far. */
struct script_rule {
	const char *name, *about, *file, *phase;
	uint64_t matched, dropped, routed, failed;
};
size_t script_rules(const struct script *s);
/* The rules in the order in which they run; i below script_rules(). */
void script_rule(const struct script *s, size_t i, struct script_rule *out);
/* Hex SHA-256 over the names and bytes of all rule files: which rules made a document. */
const char *script_hash(const struct script *s);
/* Bytes that Lua holds now. */
size_t script_heap(const struct script *s);

/* What has been done so far, for specs and benchmarks that count work instead of time. */
struct script_work {
	uint64_t records;
	uint64_t entered;         /* records that went into Lua */
	uint64_t probes;          /* paths that were asked of records */
	uint64_t conditions;      /* conditions that were asked rule by rule */
	uint64_t lua_allocations; /* of the present state */
	uint64_t rebuilt;         /* states thrown away */
	uint64_t waited;          /* times that a record waited for a lookup */
	uint64_t restarted;       /* records that waited, and began anew as their state was gone */
};
void script_work(const struct script *s, struct script_work *out);

#endif
