/*
 * pipeline: the way of a record, from the wire to its fate.
 *
 *	wire → queue of its sender → decode → rules → output → settled → acknowledged
 *	                                  └ dropped ┴ set aside ┘
 *
 * A record is acknowledged when its fate is safe (ack = "indexed"): stored by the output, or on
 * disk as a dead letter, or dropped by a named rule. The pipeline is the one place that knows all
 * rooms; each of them hands on and forgets.
 */
#ifndef DAEMON_PIPELINE_H
#define DAEMON_PIPELINE_H

#include "base/err.h"
#include "daemon/dead.h"
#include "daemon/senders.h"
#include "output/output.h"
#include "script/script.h"
#include "wire/wire.h"

struct ev_loop;
struct pipeline;

struct pipeline_config {
	struct dialect dialect;
	unsigned quantum; /* records of one sender in a row */
	unsigned budget;  /* records in one turn of the loop */
	/* The output can never take anything again. */
	void (*broken)(void *ctx, const char *reason);
	void *ctx;
};

struct err *pipeline_new(
    struct pipeline **out, struct ev_loop *loop, const struct pipeline_config *config) MUST_USE;
/* The handlers to open the wire and the output with, and what dead_open() calls. */
const struct wire_handler *pipeline_wire_handler(struct pipeline *p);
const struct output_handler *pipeline_output_handler(struct pipeline *p);
void pipeline_kept(void *pipeline, void *cookie);
/*
 * What it works with from now on; borrowed. A script may be exchanged at any time between two
 * records.
 */
void pipeline_use(struct pipeline *p, struct wire *wire, struct output *output, struct dead *dead);
void pipeline_rules(struct pipeline *p, struct script *script);
struct senders *pipeline_senders(struct pipeline *p);
/* Records received that have no fate yet. */
uint64_t pipeline_waiting(const struct pipeline *p);
/*
 * What has no fate by now will get no acknowledgement, so that its connections can end in order; it
 * stays counted as waiting.
 */
void pipeline_give_up(struct pipeline *p);
/* After wire, output and dead letters are closed. NULL is fine. */
void pipeline_free(struct pipeline *p);

#endif
