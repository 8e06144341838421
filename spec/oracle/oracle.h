/*
 * oracle: audited hosts and an index, in one program that believes nobody. It makes records that
 * only it can make, hands them to a receiver as the plugin audit_remote does, remembers each
 * acknowledgement, and takes the documents as Elasticsearch does. So it knows at any moment which
 * acknowledged record has no document, and whether each document is what it has to be, byte for
 * byte.
 *
 *	truth.c		what was put, acknowledged and stored, and what a document has to be
 *	plugin.c	the senders
 *	store.c		the index
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define ADDRESS_SIZE 20

/* ---- truth.c ---- */

enum {
	TRUTH_PUT = 1,    /* handed to the plugin, which took it */
	TRUTH_LOST = 2,   /* the plugin refused it: its window was full */
	TRUTH_ACKED = 4,  /* acknowledged */
	TRUTH_STORED = 8, /* a document of it is in the index */
};

struct host {
	char address[ADDRESS_SIZE];
	uint64_t last;     /* number of its last record; the first is 1 */
	uint64_t kernel;   /* what its kernel has counted */
	uint8_t *marks;    /* by number */
	uint32_t *kernels; /* the kernel's number, by number */
	uint64_t room;
	uint64_t put, lost, acked, stored;
};

struct totals {
	uint64_t put, lost, acked, stored;
	uint64_t acked_missing; /* acknowledged, not stored, and not noise */
	uint64_t conflicts;     /* documents that were there already */
	uint64_t faults;        /* things that must not be; the first one in words */
	char fault[512];
};

extern struct host *hosts;
extern unsigned host_count;
extern struct totals totals;
extern unsigned noise; /* each so-manieth record is one that the rules drop; 0: none */

void truth_open(unsigned count);
/* Something that must not be. */
void blame(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The next record of a host: its number. kernel: numbers that only its kernel counts before it. */
uint64_t truth_next(struct host *h, unsigned kernel);
bool truth_is_noise(uint64_t number);
/* The bytes of a record, the same each time. */
void truth_record(const struct host *h, uint64_t number, struct buf *out);
/* Judges a document as it came; true when it is new. */
bool truth_document(struct str index, struct str id, struct str json);
/* Counts what is acknowledged and has no document. */
uint64_t truth_missing(void);

/* ---- plugin.c ---- */

struct plugin_options {
	uint16_t ports[4]; /* receivers, in the order in which they are tried */
	unsigned port_count;
	unsigned window;
	bool trap; /* as the real one: full and not connected, it never connects again */
	bool wait; /* a record waits for room in the window instead of being lost */
};

extern struct plugin_options plugin_options;

void plugins_open(struct ev_loop *loop);
/* Records a second, of all together; 0: none. */
void plugins_rate(double rate);
/* All hosts but this one (UINT_MAX: none) keep the rate; this one has a rate of its own. */
void plugins_loud(unsigned host, double rate);
/* The next record of a host comes so many numbers of its kernel later. */
void plugins_skip(unsigned host, unsigned kernel);
/* The connection of a host ends; it goes to the next receiver. */
void plugins_fail_over(unsigned host);
/* Records that are not acknowledged; hosts that will never come back; connections so far. */
uint64_t plugins_outstanding(void);
unsigned plugins_trapped(void);
uint64_t plugins_connections(void);
/* Microseconds until so many of 100 acknowledgements came; forgets them. */
double plugins_waited(double percent);

/* ---- store.c ---- */

enum store_mode {
	STORE_UP,
	STORE_DOWN,  /* nobody listens */
	STORE_HANG,  /* takes requests, never answers */
	STORE_FLAKY, /* stores, and forgets every fifth answer */
	STORE_BUSY,  /* 429 */
};

/* Listens; returns its port. */
uint16_t store_open(struct ev_loop *loop);
void store_mode(enum store_mode mode);
/* Answers come so much later. */
void store_delay(double seconds);
uint64_t store_requests(void);

#endif
