/* sink: what each kind of output is to output.c, and what they share. */
#ifndef OUTPUT_SINK_H
#define OUTPUT_SINK_H

#include "output/output.h"

struct sink_ops {
	bool (*put)(struct output *o, const struct output_document *document, void *cookie);
	void (*flush)(struct output *o);
	void (*reopen)(struct output *o); /* NULL: nothing to do */
	size_t (*pending)(const struct output *o);
	size_t (*held)(const struct output *o);
	void (*counters)(const struct output *o, struct output_counters *out);
	void (*close)(struct output *o);
};

/* The first member of each kind's own struct. */
struct output {
	const struct sink_ops *ops;
	struct ev_loop *loop;
	struct output_handler handler;
	struct pool *pool, *own_pool;
	size_t max_held;
	bool full;   /* output_ready() was false; the owner waits to hear of it */
	bool broken; /* for good */
};

struct err *elastic_open(
    struct output **out, struct ev_loop *loop, const struct output_config *config) MUST_USE;
struct err *file_open(
    struct output **out, struct ev_loop *loop, const struct output_config *config) MUST_USE;
struct err *stdout_open(
    struct output **out, struct ev_loop *loop, const struct output_config *config) MUST_USE;

/* Tells the owner when there is room again; after each event that may have made some. */
void sink_check_ready(struct output *o);
/* Tells the owner that this is the end. */
void sink_break(struct output *o, const char *reason);

/* Lines that wait to be written, and whose they are: shared by file and stdout. */
struct sink_lines {
	struct buf bytes;
	void **cookies;
	size_t count, room;
};
bool sink_lines_add(struct sink_lines *lines, struct str json, void *cookie) MUST_USE;
void sink_lines_fini(struct sink_lines *lines);

#endif
