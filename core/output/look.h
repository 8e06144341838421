/*
 * look: asks a server what it is, and what index template it has. Once, beside everything else;
 * nothing waits for it.
 */
#ifndef OUTPUT_LOOK_H
#define OUTPUT_LOOK_H

#include "http/http.h"
#include "output/output.h"
#include "output/template.h"

struct look;

/*
 * Asks one node after the other until one answers, again and again. Then calls done() once, or,
 * where that is NULL, logs what was found. The config's texts are borrowed.
 */
struct err *look_open(struct look **out, struct ev_loop *loop, struct http *http,
    const struct output_config *config,
    void (*done)(void *ctx, const struct template_report *report), void *ctx) MUST_USE;
/* After the http is closed, unless done() was called. NULL is fine. */
void look_close(struct look *l);

/* Did an answer to `GET /` come from a server that can be used? */
bool look_is_well(const struct http_result *result);

/* The node that answered, or was asked last. */
size_t look_node(const struct look *l);

/* The URL of a node with the template's path, in memory of the caller's. NULL: out of memory. */
char *look_template_url(const struct output_config *config, size_t node) MUST_USE;

#endif
